//! Is this token signed by a key we trust, and is it for us, now?

#[cfg(test)]
mod tests;

use std::ops::Deref;

use oauth::actors::Actors;
use oauth::introspection::{ActiveToken, Audiences, Confirmation, Introspection};

use crate::claims::Claims;
use crate::compact::Compact;
use crate::key_set::{KeySet, VerificationKey};
use crate::payload::Payload;
use crate::presented::Presented;
use crate::refusal::{ClaimName, Refusal};
use crate::trust::Trust;
use crate::unverified::Unverified;

/// A value that this crate has vouched for. There is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// For the parts of this crate that judge, and for nobody else.
    pub(crate) fn vouch(value: T) -> Self {
        Self(value)
    }

    /// The value, without the proof that it was verified.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Judges a token: first everything that is free, then the key, then the signature.
///
/// `now` is unix seconds. [`Unverified::reject_early`] is part of it, so that leaving it out
/// elsewhere costs time and never safety. A token that is bound to a key is good only with a
/// proof by that key, which `presented` brings.
pub fn verify(
    unverified: &Unverified<'_>,
    trust: &Trust,
    keys: &KeySet,
    presented: Presented<'_>,
    now: u64,
) -> Result<Verified<Claims>, Refusal> {
    unverified.reject_early(trust, presented, now)?;
    let key = signing_key(unverified, keys)?;
    claims_of(unverified, key).map(Verified)
}

/// What the issuer of a token answers whoever asks about it (RFC 7662), if the token is good: the asker serves the bearer, and judges how the token came. The
/// answer opens nothing.
pub fn introspect(unverified: &Unverified<'_>, trust: &Trust, keys: &KeySet, now: u64) -> Result<Introspection, Refusal> {
    unverified.reject_early_unused(trust, now)?;
    let key = signing_key(unverified, keys)?;
    let claims = claims_of(unverified, key)?;
    let payload = Payload::of(unverified)?;
    Ok(Introspection::Active(Box::new(ActiveToken {
        issuer: claims.issuer,
        subject: Some(claims.subject),
        audiences: Audiences(claims.audiences),
        client_id: claims.client_id,
        scopes: claims.scopes,
        token_type: Some(if claims.confirmation.is_some() { "DPoP" } else { "Bearer" }.to_owned()),
        expires_at: Some(claims.expires_at),
        issued_at: claims.issued_at,
        not_before: claims.not_before,
        authenticated_at: payload.time("auth_time"),
        actors: payload.member("act").map(Actors::of_claim).unwrap_or_default(),
        jwt_id: claims.jwt_id,
        grant_id: claims.grant_id,
        confirmation: claims.confirmation.map(|key| Confirmation::Key(key.to_string())),
        ..ActiveToken::default()
    })))
}

fn claims_of(unverified: &Unverified<'_>, key: &VerificationKey) -> Result<Claims, Refusal> {
    let claims = &unverified.claims;
    Ok(Claims {
        issuer: claims.issuer.clone(),
        subject: claims.subject.clone().ok_or(Refusal::MissingClaim(ClaimName::Subject))?,
        audiences: claims.audiences.clone().ok_or(Refusal::MissingClaim(ClaimName::Audience))?,
        client_id: claims.client_id().map(str::to_owned),
        scopes: claims.scopes.clone(),
        expires_at: claims.expires_at.ok_or(Refusal::MissingClaim(ClaimName::ExpiresAt))?,
        issued_at: claims.issued_at,
        not_before: claims.not_before,
        jwt_id: claims.jwt_id.clone(),
        grant_id: claims.grant_id.clone(),
        confirmation: claims.confirmation,
        key_id: key.id().map(str::to_owned),
    })
}

/// The key among the candidates whose signature this is.
pub(crate) fn signing_key<'k>(unverified: &Unverified<'_>, keys: &'k KeySet) -> Result<&'k VerificationKey, Refusal> {
    let candidates = keys.find(unverified)?;
    candidates.iter().find(|key| is_signed_by(unverified.compact, key)).ok_or(Refusal::BadSignature)
}

/// RFC 8725 §3.1: the algorithm is the key's, whatever the header says.
pub(crate) fn is_signed_by(compact: Compact<'_>, key: &VerificationKey) -> bool {
    let algorithm = key.algorithm().to_jsonwebtoken();
    jsonwebtoken::crypto::verify(compact.signature, compact.signing_input.as_bytes(), key.decoding(), algorithm).unwrap_or(false)
}
