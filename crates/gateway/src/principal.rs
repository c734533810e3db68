//! Who is calling? What a verified token comes to, kept for as long as the token is good.

use std::sync::Arc;

use audit::fingerprint::Fingerprint;
use oauth::scope::ScopeSet;
use policy::quota::Bucket;
use policy::{Caller, Permit};
use quick_cache::sync::Cache;
use secrecy::SecretString;
use token::{Claims, Thumbprint, Verified};
use tokio::sync::Semaphore;

/// Issuer and subject as one key: sessions, children and quotas belong to it, never to token bytes (a refresh must not end a session).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrincipalKey(Arc<str>);

impl PrincipalKey {
    /// Joins the two with a character that neither may hold.
    pub fn new(issuer: &str, subject: &str) -> Self {
        Self(format!("{issuer}\u{1f}{subject}").into())
    }

    /// The joined text; not secret, but personal: records show its parts, logs do not.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A caller whose token was verified for one server.
#[derive(Debug)]
pub(crate) struct Principal {
    /// Issuer and subject together.
    pub(crate) key: PrincipalKey,
    /// Who vouches.
    pub(crate) issuer: Box<str>,
    /// Whom the token speaks of.
    pub(crate) subject: Box<str>,
    /// The OAuth client, where the token names one.
    pub(crate) client: Option<Box<str>>,
    /// What the token grants.
    pub(crate) scopes: ScopeSet,
    /// For whom the token is: this server, and perhaps others.
    pub(crate) audiences: Box<[String]>,
    /// Unix seconds; never used beyond.
    pub(crate) expires_at: u64,
    /// The key that the token is bound to.
    pub(crate) confirmation: Option<Thumbprint>,
    /// By what the token may have been revoked: its grant and its own id, if it is one of the door's own authorization server.
    pub(crate) revocable_by: Option<Box<[String]>>,
    /// Keyed fingerprint of the token, for the record.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The quota and streams shared by all tokens of this caller.
    pub(crate) standing: Arc<Standing>,
}

impl Principal {
    pub(crate) fn from_claims(claims: &Verified<Claims>, default_issuer: &str, fingerprint: Fingerprint, standings: &Standings) -> Self {
        let issuer = claims.issuer.as_deref().unwrap_or(default_issuer);
        let key = PrincipalKey::new(issuer, &claims.subject);
        let standing = standings.of(&key);
        Self {
            issuer: issuer.into(),
            subject: claims.subject.as_str().into(),
            client: claims.client_id.as_deref().map(Into::into),
            scopes: claims.scopes.clone(),
            audiences: claims.audiences.as_slice().into(),
            expires_at: claims.expires_at,
            confirmation: claims.confirmation,
            revocable_by: None,
            fingerprint: Some(fingerprint),
            standing,
            key,
        }
    }

    /// The same, whose token ends with its grant, or by itself.
    pub(crate) fn revocable(self, claims: &Verified<Claims>) -> Self {
        let ids = [&claims.grant_id, &claims.jwt_id].into_iter().flatten().cloned().collect();
        Self { revocable_by: Some(ids), ..self }
    }

    /// The one caller of a door in development bypass (A6).
    pub(crate) fn developer(standings: &Standings) -> Self {
        let key = PrincipalKey::new(BYPASS_ISSUER, "developer");
        Self {
            issuer: BYPASS_ISSUER.into(),
            subject: "developer".into(),
            client: None,
            scopes: ScopeSet::default(),
            audiences: Box::default(),
            expires_at: u64::MAX,
            confirmation: None,
            revocable_by: None,
            fingerprint: None,
            standing: standings.of(&key),
            key,
        }
    }

    /// The caller as the rules see one.
    pub(crate) fn as_caller(&self) -> Caller<'_> {
        Caller { issuer: &self.issuer, subject: &self.subject, client: self.client.as_deref(), scopes: &self.scopes }
    }
}

/// The caller's own token, on its way to the back of a server that is to get one for it, or the very same. It lives as long as one request: principals are kept in a
/// cache, tokens are not.
#[derive(Debug)]
pub(crate) struct CallerToken(SecretString);

impl CallerToken {
    pub(crate) fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// The token, for a call that `permit` proves to be allowed.
    pub(crate) fn release(&self, _permit: &Permit) -> &SecretString {
        &self.0
    }
}

/// What all tokens of one caller share.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) calls: Bucket,
    pub(crate) streams: Arc<Semaphore>,
}

/// The standing of each caller seen lately; bounded, the least used goes first.
#[derive(Debug)]
pub(crate) struct Standings {
    by_caller: Cache<PrincipalKey, Arc<Standing>>,
    streams_per_caller: usize,
}

impl Standings {
    pub(crate) fn new(streams_per_caller: u32) -> Self {
        Self { by_caller: Cache::new(CALLERS_REMEMBERED), streams_per_caller: streams_per_caller as usize }
    }

    fn of(&self, key: &PrincipalKey) -> Arc<Standing> {
        let fresh = || {
            Ok::<_, std::convert::Infallible>(Arc::new(Standing {
                calls: Bucket::default(),
                streams: Arc::new(Semaphore::new(self.streams_per_caller)),
            }))
        };
        match self.by_caller.get_or_insert_with(key, fresh) {
            Ok(standing) => standing,
            Err(never) => match never {},
        }
    }
}

const BYPASS_ISSUER: &str = "claviger:bypass";
const CALLERS_REMEMBERED: usize = 65_536;
