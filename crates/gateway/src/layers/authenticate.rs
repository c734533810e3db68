//! Who is this? Takes what the headers show and comes back with a principal. The token itself goes no further, except for servers that are to get one for it.
//!
//! The cheap questions come first: the cache, then what can be refused without cryptography, then the address's
//! allowance of failures, and only then a signature.

use std::net::IpAddr;
use std::sync::Arc;

use audit::fingerprint::Fingerprinter;
use aws_lc_rs::digest;
use http::{HeaderMap, Uri};
use policy::quota::{Bucket, Rate};
use quick_cache::sync::Cache;
use secrecy::ExposeSecret as _;
use token::{Presented, Unverified};

use crate::clock::Clock;
use crate::layers::rate_limit::network_of;
use crate::layers::shown::{self, ClientHeaders, Shown};
use crate::principal::{CallerToken, Principal, Standings};
use crate::refusal::Refusal;
use crate::table::{Gate, Keys, Server, Trusted};

/// What authentication remembers between requests. All of it is bounded.
pub(crate) struct Authenticator {
    clock: Clock,
    standings: Standings,
    fingerprinter: Fingerprinter,
    verified: Cache<Digest, Kept>,
    /// Bad tokens seen lately, apart from the good ones, so that a flood cannot push those out.
    refused: Cache<Digest, (u64, token::Refusal)>,
    failures: Cache<IpAddr, Arc<Bucket>>,
    failures_allowed: Rate,
}

/// SHA-256 over the server's name and the token: no token is ever a key in memory.
type Digest = [u8; 32];

#[derive(Clone)]
struct Kept {
    principal: Arc<Principal>,
    /// Which generation of the server's trust judged it; a reload or a revocation starts a new one.
    generation: u64,
    /// Unix seconds; asked again beyond.
    until: u64,
}

impl Authenticator {
    pub(crate) fn new(clock: Clock, limits: &crate::config::Limits, fingerprinter: Fingerprinter) -> Self {
        Self {
            clock,
            standings: Standings::new(limits.streams_per_caller.get()),
            fingerprinter,
            verified: Cache::new(limits.cached_tokens.get() as usize),
            refused: Cache::new(REFUSED_REMEMBERED),
            failures: Cache::new(ADDRESSES_REMEMBERED),
            failures_allowed: limits.failures_per_address,
        }
    }

    /// The caller of this request, for this server; and their token, if the server needs it.
    pub(crate) async fn authenticate(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        server: &Server,
        generation: u64,
        address: IpAddr,
    ) -> Result<(Arc<Principal>, Option<CallerToken>), Refusal> {
        let trusted = match &server.gate {
            Gate::Bypass => return Ok((Arc::new(Principal::developer(&self.standings)), None)),
            Gate::Tokens(trusted) => trusted,
        };
        let outcome = match shown::read(uri, headers, server.client_headers()) {
            Ok(Shown::Client(client)) => self.log_in(client, server, trusted, generation, address).await,
            Ok(Shown::Token(token)) => self
                .judge(token, server, trusted, generation, address)
                .await
                .map(|principal| (principal, server.needs_callers_token.then(|| CallerToken::new(token)))),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = &outcome
            && refusal.is_failed_authentication()
        {
            // An empty bucket stays empty; the next request of this address is refused before anything is computed.
            let _ = self.failures_of(address).spend(self.failures_allowed, self.clock.monotonic_nanoseconds());
        }
        outcome
    }

    /// A client that shows its id and secret is whoever the token is that its issuer gives for them, judged like any other.
    async fn log_in(
        &self,
        client: ClientHeaders<'_>,
        server: &Server,
        trusted: &[Trusted],
        generation: u64,
        address: IpAddr,
    ) -> Result<(Arc<Principal>, Option<CallerToken>), Refusal> {
        let issuer = trusted.iter().find_map(|trusted| Some((trusted, trusted.logins.as_ref()?)));
        let (trusted, logins) = issuer.ok_or(Refusal::NoToken)?;
        let token = logins.token(client, || self.may_try(address)).await?;
        let token = token.expose_secret();
        let judged = self.judge(token, server, std::slice::from_ref(trusted), generation, address).await;
        if matches!(judged, Err(Refusal::BadToken(_))) {
            logins.forget(client);
        }
        Ok((judged?, server.needs_callers_token.then(|| CallerToken::new(token))))
    }

    async fn judge(
        &self,
        token: &str,
        server: &Server,
        trusted: &[Trusted],
        generation: u64,
        address: IpAddr,
    ) -> Result<Arc<Principal>, Refusal> {
        let now = self.clock.unix_seconds();
        let digest = digest_of(server, token);
        if let Some(kept) = self.verified.get(&digest)
            && kept.generation == generation
            && now < kept.until
        {
            return Ok(kept.principal);
        }
        if !is_b64token(token) {
            return Err(Refusal::MalformedAuthorization);
        }
        self.may_try(address)?;
        if let Some((until, refusal)) = self.refused.get(&digest)
            && now < until
        {
            return Err(Refusal::BadToken(refusal));
        }
        let verdict = self.verify(token, trusted, now).await;
        match verdict {
            Ok(principal) => {
                let principal = Arc::new(principal);
                let until = principal.expires_at.min(now + VERIFIED_FOR);
                self.verified.insert(digest, Kept { principal: Arc::clone(&principal), generation, until });
                Ok(principal)
            }
            Err(Refusal::BadToken(refusal)) => {
                self.refused.insert(digest, (now + REFUSED_FOR, refusal));
                Err(Refusal::BadToken(refusal))
            }
            Err(other) => Err(other),
        }
    }

    async fn verify(&self, token: &str, trusted: &[Trusted], now: u64) -> Result<Principal, Refusal> {
        let unverified = Unverified::parse(token).map_err(Refusal::BadToken)?;
        let trusted = trusted
            .iter()
            .find(|trusted| trusted.trust.issuer.as_deref() == unverified.issuer())
            .or_else(|| trusted.iter().find(|trusted| trusted.trust.issuer.is_none()))
            .ok_or(Refusal::BadToken(token::Refusal::WrongIssuer))?;
        unverified.reject_early(&trusted.trust, Presented::AsBearer, now).map_err(Refusal::BadToken)?;
        let claims = match &trusted.keys {
            Keys::Fixed(keys) => token::verify(&unverified, &trusted.trust, keys, Presented::AsBearer, now),
            Keys::Issuer(issuer) => {
                let keys = issuer.for_token(&unverified).await.map_err(|_| Refusal::KeysUnavailable)?;
                token::verify(&unverified, &trusted.trust, &keys, Presented::AsBearer, now)
            }
        }
        .map_err(Refusal::BadToken)?;
        Ok(Principal::from_claims(&claims, SHARED_SECRET_ISSUER, self.fingerprinter.of(token.as_bytes()), &self.standings))
    }

    /// Whether this address has not failed too often of late.
    fn may_try(&self, address: IpAddr) -> Result<(), Refusal> {
        let checked = self.failures_of(address).check(self.failures_allowed, self.clock.monotonic_nanoseconds());
        checked.map_err(|retry_after| Refusal::TooManyFailures { retry_after })
    }

    fn failures_of(&self, address: IpAddr) -> Arc<Bucket> {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::new(Bucket::default()));
        match self.failures.get_or_insert_with(&network_of(address), fresh) {
            Ok(bucket) => bucket,
            Err(never) => match never {},
        }
    }
}

/// The characters of RFC 6750 §2.1. Asked only of tokens that are not known yet.
fn is_b64token(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'='))
}

fn digest_of(server: &Server, token: &str) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(server.name.as_str().as_bytes());
    context.update(b"\0");
    context.update(token.as_bytes());
    let mut output = [0; 32];
    output.copy_from_slice(context.finish().as_ref());
    output
}

/// How callers with a shared-secret token, which names no issuer, are recorded.
const SHARED_SECRET_ISSUER: &str = "claviger:shared-secret";
const VERIFIED_FOR: u64 = 60;
const REFUSED_FOR: u64 = 10;
const REFUSED_REMEMBERED: usize = 4096;
const ADDRESSES_REMEMBERED: usize = 65_536;
