//! Is this client who it says it is, by a key of its own? (RFC 7523 §3, as RFC 7523bis mends it)

use crate::key_set::KeySet;
use crate::refusal::{ClaimName, Refusal};
use crate::trust::{DEFAULT_LEEWAY_SECONDS, Trust};
use crate::unverified::Unverified;
use crate::verify::{Verified, signing_key};

/// What a verified client assertion says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAssertion {
    /// `iss` and `sub`: the client.
    pub client_id: String,
    /// `jti`. Whoever takes the assertion remembers it until it has expired, so that it is good once.
    pub jwt_id: String,
    /// From when on it is not good here any more, in unix seconds: `exp`, and how far clocks may differ.
    pub expires_at: u64,
}

/// Judges a client's own assertion (`private_key_jwt`).
///
/// `client_id` is whose keys `keys` are: for a client that sends nothing but its assertion, [`Unverified::issuer`] says who it claims to be. `issuers` are the
/// spellings of our issuer identifier. The assertion must be for it and for nobody else, or another server could use here what it was sent: that is why no
/// endpoint's URL is taken for it, and no second audience.
pub fn verify_client_assertion(
    unverified: &Unverified<'_>,
    client_id: &str,
    issuers: &[String],
    keys: &KeySet,
    now: u64,
) -> Result<Verified<ClientAssertion>, Refusal> {
    let typ = unverified.typ().map(str::to_ascii_lowercase);
    if !matches!(typ.as_deref(), None | Some("jwt" | "client-authentication+jwt")) {
        return Err(Refusal::WrongType);
    }
    if unverified.algorithm().is_symmetric() {
        return Err(Refusal::AlgorithmMismatch);
    }
    let claims = &unverified.claims;
    if let Some(wrong_kind) = claims.wrong_kind {
        return Err(wrong_kind);
    }
    let trust = Trust::new(Some(client_id.to_owned()), issuers.to_vec());
    unverified.check_issuer(&trust)?;
    if claims.subject.as_deref().ok_or(Refusal::MissingClaim(ClaimName::Subject))? != client_id {
        return Err(Refusal::WrongClient);
    }
    unverified.check_sole_audience(&trust)?;
    unverified.check_times(&trust, now)?;
    let expires_at = unverified.expires_within(MAX_CLIENT_ASSERTION_SECONDS, now)?;
    let jwt_id = claims.jwt_id.clone().ok_or(Refusal::MissingClaim(ClaimName::JwtId))?;
    signing_key(unverified, keys)?;
    Ok(Verified::vouch(ClientAssertion { client_id: client_id.to_owned(), jwt_id, expires_at }))
}

impl Unverified<'_> {
    /// The audience is ours, and nobody else's.
    pub(crate) fn check_sole_audience(&self, trust: &Trust) -> Result<(), Refusal> {
        self.check_audience(trust)?;
        match self.claims.audiences.as_deref() {
            Some([_]) => Ok(()),
            _ => Err(Refusal::WrongAudience),
        }
    }

    /// From when on it is not good any more, if its `exp` is no further ahead: until then its `jti` has to be remembered, or it would be good once more between its
    /// end and ours.
    pub(crate) fn expires_within(&self, seconds: u64, now: u64) -> Result<u64, Refusal> {
        let expires_at = self.claims.expires_at.ok_or(Refusal::MissingClaim(ClaimName::ExpiresAt))?;
        let latest = now.saturating_add(seconds).saturating_add(DEFAULT_LEEWAY_SECONDS);
        if expires_at > latest { Err(Refusal::LifetimeTooLong) } else { Ok(expires_at.saturating_add(DEFAULT_LEEWAY_SECONDS)) }
    }
}

/// The longest time from now to the end of a client assertion: five minutes.
pub const MAX_CLIENT_ASSERTION_SECONDS: u64 = 300;
