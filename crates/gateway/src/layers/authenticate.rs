//! Who is this? Takes what the headers show and comes back with a principal. The token itself goes no further, except for servers that are to get one for it.
//!
//! The cheap questions come first: the cache, then what can be refused without cryptography, then the address's
//! allowance of failures, and only then a signature.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use audit::fingerprint::Fingerprinter;
use aws_lc_rs::digest;
use http::Request;
use hyper::body::Incoming;
use oauth::introspection::Introspection;
use outbound::address::network_of;
use policy::quota::{Bucket, Rate};
use quick_cache::sync::Cache;
use secrecy::ExposeSecret as _;
use store::revocation::Revocations;
use token::{Claims, Part, Presented, Unverified, Verified, dpop};

use crate::clock::Clock;
use crate::introspections::Answer;
use crate::layers::proofs::Proofs;
use crate::layers::shown::{self, ClientHeaders, Shown};
use crate::principal::{CallerToken, Principal, Standings};
use crate::refusal::Refusal;
use crate::table::{Gate, Keys, Server, Trusted};

/// What authentication remembers between requests. All of it is bounded.
pub(crate) struct Authenticator {
    clock: Clock,
    standings: Standings,
    fingerprinter: Fingerprinter,
    revocations: Arc<Revocations>,
    proofs: Proofs,
    verified: Cache<Digest, Kept>,
    /// Bad tokens seen lately, apart from the good ones, so that a flood cannot push those out.
    refused: Cache<Digest, (u64, token::Refusal)>,
    failures: Cache<IpAddr, Arc<Bucket>>,
    failures_allowed: Rate,
}

/// Where somebody knocks, and from where.
#[derive(Clone, Copy)]
struct Knock<'k> {
    server: &'k Server,
    /// Whom the server trusts.
    trusted: &'k [Trusted],
    generation: u64,
    address: IpAddr,
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
    pub(crate) fn new(
        clock: Clock,
        limits: &crate::config::Limits,
        fingerprinter: Fingerprinter,
        revocations: Arc<Revocations>,
        proofs: Proofs,
    ) -> Self {
        Self {
            clock,
            standings: Standings::new(limits.streams_per_caller.get()),
            fingerprinter,
            revocations,
            proofs,
            verified: Cache::new(limits.cached_tokens.get() as usize),
            refused: Cache::new(REFUSED_REMEMBERED),
            failures: Cache::new(ADDRESSES_REMEMBERED),
            failures_allowed: limits.failures_per_address,
        }
    }

    /// The caller of this request, for this server; and their token, if the server needs it.
    pub(crate) async fn authenticate(
        &self,
        request: &Request<Incoming>,
        server: &Server,
        generation: u64,
        address: IpAddr,
    ) -> Result<(Arc<Principal>, Option<CallerToken>), Refusal> {
        let trusted = match &server.gate {
            Gate::Bypass => return Ok((Arc::new(Principal::developer(&self.standings)), None)),
            Gate::Tokens(trusted) => trusted,
        };
        let knock = Knock { server, trusted, generation, address };
        let outcome = match shown::read(request.uri(), request.headers(), server.client_headers(), server.dpop) {
            Ok(Shown::Client(client)) => self.log_in(client, knock).await,
            Ok(Shown::Token(token, proof)) => {
                let judged = match proof {
                    None => self.judge(token, Presented::AsBearer, knock).await,
                    Some(proof) => {
                        let asked =
                            dpop::Asked { method: request.method().as_str(), url: &server.url, access_token: Some(token), nonces: &[] };
                        self.judge_bound(proof, &asked, knock).await
                    }
                };
                judged.map(|principal| (principal, server.needs_callers_token.then(|| CallerToken::new(token))))
            }
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

    /// A token that comes with a proof: first the proof, which costs a signature, then the token, and at last whether the proof was seen before.
    async fn judge_bound(&self, proof: &str, asked: &dpop::Asked<'_>, knock: Knock<'_>) -> Result<Arc<Principal>, Refusal> {
        let token = asked.access_token.unwrap_or_default();
        if self.verified.peek(&digest_of(knock.server, token)).is_none() {
            self.may_try(knock.address)?;
        }
        let now = self.clock.unix_seconds();
        let proof = dpop::verify(proof, asked, now).map_err(Refusal::BadProof)?;
        let principal = self.judge(token, Presented::WithProof(&proof), knock).await?;
        self.proofs.take(&proof, now).await?;
        Ok(principal)
    }

    /// A client that shows its id and secret is whoever the token is that its issuer gives for them, judged like any other.
    async fn log_in(&self, client: ClientHeaders<'_>, knock: Knock<'_>) -> Result<(Arc<Principal>, Option<CallerToken>), Refusal> {
        let issuer = knock.trusted.iter().find_map(|trusted| Some((trusted, trusted.logins.as_ref()?)));
        let (trusted, logins) = issuer.ok_or(Refusal::NoToken)?;
        let token = logins.token(client, || self.may_try(knock.address)).await?;
        let token = token.expose_secret();
        let judged = self.judge(token, Presented::AsBearer, Knock { trusted: std::slice::from_ref(trusted), ..knock }).await;
        if matches!(judged, Err(Refusal::BadToken(_) | Refusal::Revoked)) {
            logins.forget(client);
        }
        Ok((judged?, knock.server.needs_callers_token.then(|| CallerToken::new(token))))
    }

    async fn judge(&self, token: &str, presented: Presented<'_>, knock: Knock<'_>) -> Result<Arc<Principal>, Refusal> {
        let now = self.clock.unix_seconds();
        let digest = digest_of(knock.server, token);
        if let Some(kept) = self.verified.get(&digest)
            && kept.generation == knock.generation
            && now < kept.until
        {
            presented.check(kept.principal.confirmation.as_ref()).map_err(Refusal::BadToken)?;
            self.check_revoked(&kept.principal)?;
            return Ok(kept.principal);
        }
        if !is_b64token(token) {
            return Err(Refusal::MalformedAuthorization);
        }
        self.may_try(knock.address)?;
        if let Some((until, refusal)) = self.refused.get(&digest)
            && now < until
        {
            return Err(Refusal::BadToken(refusal));
        }
        match self.verify(token, presented, knock, now).await {
            Ok((principal, until)) => {
                let principal = Arc::new(principal);
                let until = principal.expires_at.min(until);
                self.check_revoked(&principal)?;
                self.verified.insert(digest, Kept { principal: Arc::clone(&principal), generation: knock.generation, until });
                Ok(principal)
            }
            Err(Refusal::BadToken(refusal)) if !is_about_the_proof(refusal) => {
                self.refused.insert(digest, (now + REFUSED_FOR, refusal));
                Err(Refusal::BadToken(refusal))
            }
            Err(other) => Err(other),
        }
    }

    /// Who the token speaks of, and until when that may be believed without asking again.
    async fn verify(&self, token: &str, presented: Presented<'_>, knock: Knock<'_>, now: u64) -> Result<(Principal, u64), Refusal> {
        let (claims, until) = match Unverified::parse(token) {
            Ok(unverified) => self.verify_jwt(token, &unverified, presented, knock, now).await?,
            Err(refusal) if may_be_opaque(refusal) => self.verify_opaque(token, presented, refusal, knock, now).await?,
            Err(refusal) => return Err(Refusal::BadToken(refusal)),
        };
        let fingerprint = self.fingerprinter.of(token.as_bytes());
        let principal = Principal::from_claims(&claims, SHARED_SECRET_ISSUER, fingerprint, &self.standings);
        let is_own = knock.trusted.iter().any(|trusted| trusted.is_own && trusted.trust.issuer.as_deref() == Some(&*principal.issuer));
        Ok((if is_own { principal.revocable(&claims) } else { principal }, until))
    }

    async fn verify_jwt(
        &self,
        token: &str,
        unverified: &Unverified<'_>,
        presented: Presented<'_>,
        knock: Knock<'_>,
        now: u64,
    ) -> Result<(Verified<Claims>, u64), Refusal> {
        let trusted = knock
            .trusted
            .iter()
            .find(|trusted| trusted.trust.issuer.as_deref() == unverified.issuer())
            .or_else(|| knock.trusted.iter().find(|trusted| trusted.trust.issuer.is_none()))
            .ok_or(Refusal::BadToken(token::Refusal::WrongIssuer))?;
        unverified.reject_early(&trusted.trust, presented, now).map_err(Refusal::BadToken)?;
        let claims = match &trusted.keys {
            Keys::Fixed(keys) => token::verify(unverified, &trusted.trust, keys, presented, now),
            Keys::Issuer(issuer) => {
                let keys = issuer.for_token(unverified).await.map_err(|_| Refusal::KeysUnavailable)?;
                token::verify(unverified, &trusted.trust, &keys, presented, now)
            }
        }
        .map_err(Refusal::BadToken)?;
        // Only what is signed by the issuer is worth asking it about.
        match trusted.introspections.as_deref().filter(|introspections| introspections.tokens.are_jwts()) {
            None => Ok((claims, now + VERIFIED_FOR)),
            Some(introspections) => match introspections.of(token, || self.may_try(knock.address)).await? {
                Answer { said, until } if matches!(*said, Introspection::Active(_)) => Ok((claims, until)),
                _ => Err(Refusal::BadToken(token::Refusal::Inactive)),
            },
        }
    }

    /// Of the issuers of one server, one at most is asked about what it alone can read; the configuration sees to that.
    async fn verify_opaque(
        &self,
        token: &str,
        presented: Presented<'_>,
        refusal: token::Refusal,
        knock: Knock<'_>,
        now: u64,
    ) -> Result<(Verified<Claims>, u64), Refusal> {
        let asked = knock.trusted.iter().find_map(|trusted| {
            let introspections = trusted.introspections.as_deref().filter(|introspections| introspections.tokens.are_opaque())?;
            Some((&trusted.trust, introspections))
        });
        let (trust, introspections) = asked.ok_or(Refusal::BadToken(refusal))?;
        let Answer { said, until } = introspections.of(token, || self.may_try(knock.address)).await?;
        let unsaid = Some(introspections.believed_for);
        let claims = Verified::from_introspection(&said, trust, presented, unsaid, now).map_err(Refusal::BadToken)?;
        Ok((claims, until))
    }

    /// Asked of every call, for a kept verdict says nothing about what came after it; while nothing is revoked it costs a look at two numbers.
    fn check_revoked(&self, principal: &Principal) -> Result<(), Refusal> {
        let Some(ids) = &principal.revocable_by else { return Ok(()) };
        if self.revocations.unheard_for() > UNHEARD_AT_MOST {
            return Err(Refusal::RevocationsUnheard);
        }
        if ids.iter().any(|id| self.revocations.is_revoked(id)) { Err(Refusal::Revoked) } else { Ok(()) }
    }

    /// Ends when the caller's token is taken back; for most, never.
    pub(crate) async fn revoked(&self, principal: Option<Arc<Principal>>) {
        let Some(ids) = principal.as_ref().and_then(|principal| principal.revocable_by.as_deref()) else {
            return std::future::pending().await;
        };
        let mut news = self.revocations.changed();
        while !ids.iter().any(|id| self.revocations.is_revoked(id)) {
            if news.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
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

/// The same token may come again with another proof, or without one.
fn is_about_the_proof(refusal: token::Refusal) -> bool {
    use token::Refusal::{NotSenderConstrained, SenderConstrained, WrongProof};
    matches!(refusal, NotSenderConstrained | SenderConstrained | WrongProof)
}

/// A token without the shape of a JWT means nothing to us, and perhaps something to its issuer. What has that shape and is wrong is wrong everywhere.
fn may_be_opaque(refusal: token::Refusal) -> bool {
    matches!(refusal, token::Refusal::Malformed(Part::Header | Part::Token))
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
/// Longer than that without news of the store, and no token that may have been revoked is believed.
const UNHEARD_AT_MOST: Duration = Duration::from_secs(10);
const REFUSED_FOR: u64 = 10;
const REFUSED_REMEMBERED: usize = 4096;
const ADDRESSES_REMEMBERED: usize = 65_536;

#[cfg(test)]
mod tests;
