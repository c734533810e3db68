//! Is this secret strong enough to sign tokens with? (RFC 7518 §3.2)

use aws_lc_rs::hmac;
use jsonwebtoken::DecodingKey;
use secrecy::{ExposeSecret, SecretSlice};

/// A secret that signs and verifies HS256 tokens. Wiped when dropped, and never printed.
pub struct SharedSecret {
    bytes: SecretSlice<u8>,
}

impl SharedSecret {
    /// Takes the bytes of a secret as they are: no decoding, no trimming.
    ///
    /// The copy made here is wiped; the caller wipes its own.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakSecret> {
        if bytes.len() < MIN_BYTES {
            return Err(WeakSecret::TooShort { bytes: bytes.len() });
        }
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err(WeakSecret::Pem);
        }
        let mut is_used = [false; 256];
        let distinct = bytes.iter().filter(|byte| is_used.get_mut(usize::from(**byte)).is_some_and(|used| !std::mem::replace(used, true)));
        if distinct.count() < MIN_DISTINCT_BYTES {
            return Err(WeakSecret::Repetitive);
        }
        Ok(Self { bytes: SecretSlice::from(bytes.to_vec()) })
    }

    pub(crate) fn decoding_key(&self) -> DecodingKey {
        DecodingKey::from_secret(self.bytes.expose_secret())
    }

    pub(crate) fn signing_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.bytes.expose_secret())
    }
}

/// Why a secret is too weak. The secret itself is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// RFC 7518 §3.2 wants at least as many bytes as the hash has.
    #[error("the secret has {bytes} bytes; at least {MIN_BYTES} are needed")]
    TooShort {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A key file in PEM form: a public key is no secret, and a private key signs in another way.
    #[error("the secret is a PEM file; a shared secret is random bytes")]
    Pem,
    /// Too few different bytes to be random.
    #[error("the secret repeats a few characters; use random bytes")]
    Repetitive,
}

/// 256 bits: the output of SHA-256.
const MIN_BYTES: usize = 32;

/// Random text of 32 characters, even of digits only, has more different ones than this.
const MIN_DISTINCT_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn weakness(bytes: &[u8]) -> Option<WeakSecret> {
        SharedSecret::new(bytes).err()
    }

    #[test]
    fn a_secret_under_32_bytes_is_refused() {
        let text = b"0123456789abcdef0123456789abcdef";
        assert_eq!(weakness(text), None);
        assert_eq!(weakness(&text[..31]), Some(WeakSecret::TooShort { bytes: 31 }));
        assert_eq!(weakness(b""), Some(WeakSecret::TooShort { bytes: 0 }));
    }

    #[test]
    fn a_repetitive_secret_is_refused() {
        assert_eq!(weakness(&[b'a'; 64]), Some(WeakSecret::Repetitive));
        assert_eq!(weakness(&b"secret".repeat(8)), Some(WeakSecret::Repetitive));
        assert_eq!(weakness(&b"changeme".repeat(8)), None);
    }

    #[test]
    fn a_pem_file_is_not_a_shared_secret() {
        let pem = b"\n-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n";
        assert_eq!(weakness(pem), Some(WeakSecret::Pem));
    }

    #[test]
    fn the_error_never_shows_the_secret() {
        let secret = b"hunter2hunter2";
        let error = weakness(secret).unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
