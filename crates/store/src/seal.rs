//! How is a secret kept where others may read? Sealed with a key that never leaves this instance.
//!
//! [`InstanceKey`] is the one root secret; everything else is derived from it by HKDF-SHA256
//! (RFC 5869), a different key for each purpose. [`Sealer`] encrypts and authenticates with
//! AES-256-GCM-SIV (RFC 8452), which stays safe should a random nonce ever repeat.

mod instance_key;
mod key_file;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

pub use instance_key::InstanceKey;
pub use key_file::{KeyFileFailure, Origin};

#[cfg(test)]
mod tests;

/// Seals and opens values for one purpose.
///
/// What is sealed for one purpose or context opens for no other: a session id can never be used as a
/// refresh token, nor one person's session as another's.
pub struct Sealer {
    key: LessSafeKey,
}

/// The text was not sealed by this instance for this purpose and context, or was changed since.
///
/// One answer for every cause, on purpose: whoever sent the text learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed by this instance for this use")]
pub struct NotOurs;

/// The cryptographic library refused to seal: it has no randomness, or the plaintext is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal")]
pub struct CannotSeal;

impl Sealer {
    /// A sealer whose key is derived from `instance` for `purpose` alone.
    pub fn new(instance: &InstanceKey, purpose: &'static str) -> Result<Self, CannotSeal> {
        Self::with_key(&instance.derive("seal", purpose))
    }

    /// A sealer whose key is derived from `instance` for `purpose` and one `owner`: what is sealed for one of them opens for no other.
    pub fn of_owner(instance: &InstanceKey, purpose: &'static str, owner: &str) -> Result<Self, CannotSeal> {
        Self::with_key(&instance.derive(&format!("seal for an owner: {purpose}"), owner))
    }

    fn with_key(key: &Zeroizing<[u8; 32]>) -> Result<Self, CannotSeal> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key.as_slice()).map_err(|_| CannotSeal)?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Seals `plaintext` so that it opens only with the same `context`.
    ///
    /// The result is base64url without padding (visible ASCII), 39 characters and four for every
    /// three bytes of plaintext. At most [`PLAINTEXT_BYTES`] of plaintext.
    pub fn seal(&self, plaintext: &[u8], context: &[u8]) -> Result<String, CannotSeal> {
        if plaintext.len() > PLAINTEXT_BYTES {
            return Err(CannotSeal);
        }
        let mut nonce = [0_u8; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| CannotSeal)?;
        self.seal_with(nonce, plaintext, context)
    }

    /// As [`Sealer::seal`], but the same plaintext and context always give the same text: for what others compare. That two texts seal the same is all
    /// that it tells more (RFC 8452 §4 keeps the rest for a repeated nonce).
    pub fn seal_alike(&self, plaintext: &[u8], context: &[u8]) -> Result<String, CannotSeal> {
        if plaintext.len() > PLAINTEXT_BYTES {
            return Err(CannotSeal);
        }
        self.seal_with([0; NONCE_LEN], plaintext, context)
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], plaintext: &[u8], context: &[u8]) -> Result<String, CannotSeal> {
        let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES)));
        body.extend_from_slice(plaintext);
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(sealing, Aad::from(context), &mut *body).map_err(|_| CannotSeal)?;

        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`Sealer::seal`] made with the same `context`. The plaintext is wiped when dropped.
    pub fn open(&self, sealed: &str, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOurs> {
        if sealed.len() > SEALED_CHARACTERS {
            return Err(NotOurs);
        }
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).map_err(|_| NotOurs)?);
        let (format, rest) = decoded.split_first().ok_or(NotOurs)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(NotOurs)?;
        if *format != FORMAT {
            return Err(NotOurs);
        }
        let mut body = Zeroizing::new(body.to_vec());
        let opening = Nonce::assume_unique_for_key(*nonce);
        let plaintext = self.key.open_in_place(opening, Aad::from(context), &mut body).map_err(|_| NotOurs)?.len();
        body.truncate(plaintext);
        Ok(body)
    }
}

/// The most that is sealed at once.
pub const PLAINTEXT_BYTES: usize = 1024 * 1024;

/// The longest text worth decoding: a whole plaintext, sealed.
const SEALED_CHARACTERS: usize = PLAINTEXT_BYTES / 3 * 4 + 64;

/// The first byte of everything sealed; another layout would have another number.
const FORMAT: u8 = 1;

const TAG_BYTES: usize = 16;
