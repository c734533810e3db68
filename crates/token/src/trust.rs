//! What must a token be for this server to believe it?

use crate::presented::Presented;
use crate::refusal::{ClaimName, Refusal};
use crate::unverified::Unverified;

/// What the tokens of one issuer must be for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The exact `iss`. `None` (shared secrets): the token must not name an issuer at all.
    pub issuer: Option<String>,
    /// The identifiers of this server; `aud` must hold one of them. Empty refuses every token.
    pub audiences: Vec<String>,
    /// Which values of `typ` are accepted.
    pub typ: TypRule,
    /// How far clocks may differ, in seconds. Values over [`MAX_LEEWAY_SECONDS`] count as that.
    pub leeway_seconds: u64,
    /// The longest time from `iat` to `exp`, in seconds. Without `iat` it is counted from now
    /// (and the leeway is added, because then two clocks are compared).
    pub max_lifetime_seconds: Option<u64>,
}

/// Which values of `typ` are accepted. Names are compared without regard to case, with or
/// without `application/` (RFC 7515 §4.1.9). Every other type is refused always, for example
/// `dpop+jwt`, `oauth-id-jag+jwt` and `logout+jwt`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TypRule {
    /// `at+jwt` only (RFC 9068).
    AccessToken,
    /// `at+jwt` or `JWT`.
    AccessTokenOrJwt,
    /// `at+jwt`, `JWT`, or no `typ` at all: many issuers do not set it.
    #[default]
    AccessTokenOrJwtOrAbsent,
}

impl TypRule {
    fn accepts(self, typ: Option<&str>) -> bool {
        let Some(typ) = typ else {
            return self == Self::AccessTokenOrJwtOrAbsent;
        };
        let typ = typ.to_ascii_lowercase();
        match typ.strip_prefix("application/").unwrap_or(&typ) {
            "at+jwt" => true,
            "jwt" => self != Self::AccessToken,
            _ => false,
        }
    }
}

impl Trust {
    /// Trust in one issuer's tokens for one audience, with the usual leeway and no cap on lifetime.
    pub fn new(issuer: Option<String>, audiences: Vec<String>) -> Self {
        Self { issuer, audiences, typ: TypRule::default(), leeway_seconds: DEFAULT_LEEWAY_SECONDS, max_lifetime_seconds: None }
    }

    /// One of the audiences is this server.
    pub(crate) fn check_audiences(&self, audiences: &[String]) -> Result<(), Refusal> {
        let is_ours = |audience: &String| !audience.is_empty() && self.audiences.contains(audience);
        if audiences.iter().any(is_ours) { Ok(()) } else { Err(Refusal::WrongAudience) }
    }

    /// The token is good now, and not for too long.
    pub(crate) fn check_times(&self, times: Times, now: u64) -> Result<(), Refusal> {
        let leeway = self.leeway_seconds.min(MAX_LEEWAY_SECONDS);
        let expires_at = times.expires_at.ok_or(Refusal::MissingClaim(ClaimName::ExpiresAt))?;
        // RFC 7519 §4.1.4: "on or after" the expiry the token is refused.
        if now >= expires_at.saturating_add(leeway) {
            return Err(Refusal::Expired);
        }
        let latest = now.saturating_add(leeway);
        if times.not_before.is_some_and(|not_before| not_before > latest) {
            return Err(Refusal::NotYetValid);
        }
        if times.issued_at.is_some_and(|issued_at| issued_at > latest) {
            return Err(Refusal::IssuedInFuture);
        }
        let Some(longest) = self.max_lifetime_seconds else { return Ok(()) };
        let end_of_lifetime = match times.issued_at {
            Some(issued_at) => issued_at.saturating_add(longest),
            None => latest.saturating_add(longest),
        };
        if expires_at > end_of_lifetime { Err(Refusal::LifetimeTooLong) } else { Ok(()) }
    }
}

/// When a token is good, in unix seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) expires_at: Option<u64>,
    pub(crate) issued_at: Option<u64>,
    pub(crate) not_before: Option<u64>,
}

impl Unverified<'_> {
    /// Refuses what no signature could save. Passing means nothing yet.
    ///
    /// `now` is unix seconds. With leeway `l`, a token is good while `now < exp + l`,
    /// `now + l >= nbf` and `now + l >= iat`.
    pub fn reject_early(&self, trust: &Trust, presented: Presented<'_>, now: u64) -> Result<(), Refusal> {
        self.reject_early_unused(trust, now)?;
        presented.check(self.claims.confirmation.as_ref())
    }

    /// The same for a token that nobody presents, and that somebody asks about.
    pub(crate) fn reject_early_unused(&self, trust: &Trust, now: u64) -> Result<(), Refusal> {
        if !trust.typ.accepts(self.typ()) {
            return Err(Refusal::WrongType);
        }
        if let Some(wrong_kind) = self.claims.wrong_kind {
            return Err(wrong_kind);
        }
        self.check_issuer(trust)?;
        self.check_audience(trust)?;
        self.check_times(trust, now)?;
        self.claims.subject.as_ref().map(|_| ()).ok_or(Refusal::MissingClaim(ClaimName::Subject))
    }

    pub(crate) fn check_issuer(&self, trust: &Trust) -> Result<(), Refusal> {
        match (self.issuer(), trust.issuer.as_deref()) {
            (None, Some(_)) => Err(Refusal::MissingClaim(ClaimName::Issuer)),
            (found, expected) if found == expected => Ok(()),
            _ => Err(Refusal::WrongIssuer),
        }
    }

    pub(crate) fn check_audience(&self, trust: &Trust) -> Result<(), Refusal> {
        trust.check_audiences(self.claims.audiences.as_ref().ok_or(Refusal::MissingClaim(ClaimName::Audience))?)
    }

    pub(crate) fn check_times(&self, trust: &Trust, now: u64) -> Result<(), Refusal> {
        let claims = &self.claims;
        trust.check_times(Times { expires_at: claims.expires_at, issued_at: claims.issued_at, not_before: claims.not_before }, now)
    }
}

/// The leeway of [`Trust::new`]: 30 seconds.
pub const DEFAULT_LEEWAY_SECONDS: u64 = 30;

/// The largest leeway: two minutes.
pub const MAX_LEEWAY_SECONDS: u64 = 120;
