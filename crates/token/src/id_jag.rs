//! Whom does an identity provider send us, by way of which client? What an identity assertion must be for us to take it as a grant
//! (draft-ietf-oauth-identity-assertion-authz-grant §4.4; MCP's enterprise-managed authorization §5).

use oauth::scope::ScopeSet;

use crate::dpop::Proof;
use crate::key_set::KeySet;
use crate::payload::Payload;
use crate::refusal::{ClaimName, Refusal};
use crate::thumbprint::Thumbprint;
use crate::trust::Trust;
use crate::unverified::Unverified;
use crate::verify::{Verified, signing_key};

/// What a verified identity assertion says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdJag {
    /// `iss`: the identity provider.
    pub issuer: String,
    /// `sub`: the person, as that provider names them.
    pub subject: String,
    /// `client_id`: the client that acts for them.
    pub client_id: String,
    /// `resource`: what the access shall be for. Empty where the provider leaves that to us.
    pub resources: Vec<String>,
    /// `scope`: the most that may be granted.
    pub scopes: ScopeSet,
    /// `jti`. Whoever takes the assertion remembers it until it has expired, so that it is good once.
    pub jwt_id: String,
    /// From when on it is not good here any more, in unix seconds: `exp`, and how far clocks may differ.
    pub expires_at: u64,
    /// `auth_time`: when the person last signed in, in unix seconds.
    pub authenticated_at: Option<u64>,
    /// `cnf`: the key that the client must have; it was seen to have it.
    pub confirmation: Option<Thumbprint>,
    payload: Payload,
}

impl IdJag {
    /// A claim that is a list of texts, or one; the name may lead to a member of a member, as in `/realm_access/roles`.
    pub fn claim(&self, name: &str) -> Option<Vec<String>> {
        self.payload.texts(name)
    }
}

/// Who brings an identity assertion, and from whom.
#[derive(Debug, Clone, Copy)]
pub struct Brought<'a> {
    /// The provider that is trusted, whose keys it is to be judged by.
    pub provider: &'a str,
    /// The client that has authenticated itself, or is public and says so.
    pub client_id: &'a str,
    /// The spellings of our own issuer identifier.
    pub issuers: &'a [String],
    /// The proof of a key that came along.
    pub proof: Option<&'a Verified<Proof>>,
}

/// Judges an identity assertion. That the resource is ours and the scopes are allowed is for the caller to ask, and that it was not seen before.
pub fn verify_id_jag(unverified: &Unverified<'_>, brought: &Brought<'_>, keys: &KeySet, now: u64) -> Result<Verified<IdJag>, Refusal> {
    let typ = unverified.typ().unwrap_or_default().to_ascii_lowercase();
    if typ.strip_prefix("application/").unwrap_or(&typ) != "oauth-id-jag+jwt" {
        return Err(Refusal::WrongType);
    }
    if unverified.algorithm().is_symmetric() {
        return Err(Refusal::AlgorithmMismatch);
    }
    let claims = &unverified.claims;
    if let Some(wrong_kind) = claims.wrong_kind {
        return Err(wrong_kind);
    }
    let trust = Trust::new(Some(brought.provider.to_owned()), brought.issuers.to_vec());
    unverified.check_issuer(&trust)?;
    unverified.check_sole_audience(&trust)?;
    unverified.check_times(&trust, now)?;
    let missing = Refusal::MissingClaim;
    claims.issued_at.ok_or(missing(ClaimName::IssuedAt))?;
    let expires_at = unverified.expires_within(MAX_ID_JAG_SECONDS, now)?;
    if claims.own_client_id().ok_or(missing(ClaimName::ClientId))? != brought.client_id {
        return Err(Refusal::WrongClient);
    }
    let subject = claims.subject.clone().ok_or(missing(ClaimName::Subject))?;
    let jwt_id = claims.jwt_id.clone().ok_or(missing(ClaimName::JwtId))?;
    check_key(claims.confirmation.as_ref(), brought.proof)?;
    signing_key(unverified, keys)?;
    let payload = Payload::of(unverified)?;
    let resources = match payload.member("resource") {
        Some(_) => payload.texts("resource").ok_or(Refusal::MalformedClaim(ClaimName::Resource))?,
        None => Vec::new(),
    };
    Ok(Verified::vouch(IdJag {
        issuer: brought.provider.to_owned(),
        subject,
        client_id: brought.client_id.to_owned(),
        resources,
        scopes: claims.scopes.clone(),
        jwt_id,
        expires_at,
        authenticated_at: payload.time("auth_time"),
        confirmation: claims.confirmation,
        payload,
    }))
}

/// An assertion that is bound to a key needs a proof of it. One that is not may come with a proof all the same: then the access token will be bound.
fn check_key(confirmation: Option<&Thumbprint>, proof: Option<&Verified<Proof>>) -> Result<(), Refusal> {
    match (confirmation, proof) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Refusal::SenderConstrained),
        (Some(key), Some(proof)) if proof.thumbprint == *key => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::WrongProof),
    }
}

/// The longest time from now to the end of an identity assertion: an hour.
pub const MAX_ID_JAG_SECONDS: u64 = 3600;
