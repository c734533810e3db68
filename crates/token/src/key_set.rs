//! Which keys may have signed this token?
//!
//! A set holds public keys or shared secrets and never both, and every key is pinned to one
//! algorithm. So a public key can never pass for a secret (RFC 8725 §2.1).

mod jwk;
#[cfg(test)]
mod tests;

pub use jwk::{JwksError, SkipReason, SkippedKey};

use std::borrow::Borrow;
use std::fmt;

use jsonwebtoken::DecodingKey;

use crate::algorithm::Algorithm;
use crate::refusal::Refusal;
use crate::shared_secret::SharedSecret;
use crate::thumbprint::Thumbprint;
use crate::unverified::Unverified;

/// The keys of one issuer, prepared once.
pub struct KeySet {
    kind: Kind,
    keys: Vec<VerificationKey>,
}

/// One key and the one algorithm it may verify.
pub struct VerificationKey {
    id: Option<String>,
    algorithm: Algorithm,
    decoding: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Shared,
}

impl KeySet {
    /// A set without keys: every signature is by an unknown key. For use until the first fetch.
    pub fn empty() -> Self {
        Self { kind: Kind::Public, keys: Vec::new() }
    }

    /// Reads a JWK set (RFC 7517 §5) of at most 256 KiB and 100 keys.
    ///
    /// Keys that cannot be used are left out and named, so that one odd key does not stop the
    /// others. Shared secrets (`oct`) in a published document are never accepted.
    /// A key without `alg` is pinned by its kind: RSA to RS256, P-256 to ES256, P-384 to ES384,
    /// Ed25519 to EdDSA.
    pub fn from_jwks(document: &[u8]) -> Result<(Self, Vec<SkippedKey>), JwksError> {
        let (keys, skipped) = jwk::read_set(document)?;
        Ok((Self { kind: Kind::Public, keys }, skipped))
    }

    /// Shared secrets, each pinned to HS256. Several are tried in turn, for the time of a rotation.
    pub fn shared_secrets(secrets: impl IntoIterator<Item: Borrow<SharedSecret>>) -> Self {
        let pinned = |secret: &SharedSecret| VerificationKey { id: None, algorithm: Algorithm::Hs256, decoding: secret.decoding_key() };
        let keys = secrets.into_iter().map(|secret| pinned(secret.borrow()));
        Self { kind: Kind::Shared, keys: keys.collect() }
    }

    /// The keys that may have signed this token: never none, and more than one only for shared secrets.
    ///
    /// Among public keys the token's `kid` decides; without a `kid` there must be exactly one
    /// key of its algorithm. Shared secrets have no names, and a `kid` does not matter to them.
    pub fn find(&self, unverified: &Unverified<'_>) -> Result<&[VerificationKey], Refusal> {
        let algorithm = unverified.algorithm();
        match self.kind {
            Kind::Shared if algorithm != Algorithm::Hs256 => Err(Refusal::AlgorithmMismatch),
            Kind::Shared if self.keys.is_empty() => Err(Refusal::UnknownKey),
            Kind::Shared => Ok(&self.keys),
            Kind::Public if algorithm.is_symmetric() => Err(Refusal::AlgorithmMismatch),
            Kind::Public => self.find_public(unverified.key_id(), algorithm).map(std::slice::from_ref),
        }
    }

    /// The names of the keys, in the order of the document; keys without a name are left out.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(VerificationKey::id)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn find_public(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<&VerificationKey, Refusal> {
        let has_name = |key: &&VerificationKey| key_id.is_none_or(|key_id| key.id() == Some(key_id));
        let mut named = self.keys.iter().filter(has_name).peekable();
        if named.peek().is_none() {
            return Err(Refusal::UnknownKey);
        }
        let mut candidates = named.filter(|key| key.algorithm == algorithm);
        match (candidates.next(), candidates.next()) {
            (None, _) => Err(Refusal::AlgorithmMismatch),
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refusal::AmbiguousKey),
        }
    }
}

/// One public key that stands alone, and which it is. A key that names no algorithm of its own is pinned to `algorithm`, and one that names another is refused.
pub(crate) fn read_one(jwk: &str, algorithm: Option<Algorithm>) -> Result<(VerificationKey, Thumbprint), SkipReason> {
    jwk::read_one(jwk, algorithm)
}

impl VerificationKey {
    /// The name by which tokens refer to it (`kid`).
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The only algorithm it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeySet").field("kind", &self.kind).field("keys", &self.keys).finish()
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VerificationKey").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
