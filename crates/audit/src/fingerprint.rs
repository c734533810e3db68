//! How is a token told from others without being shown? By 64 bits of a keyed hash of it.

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};

use crate::hex;

/// Makes fingerprints with one instance's key. It has no `Debug`.
pub struct Fingerprinter {
    key: Key,
}

/// What stands for a token in a log: 16 hexadecimal digits, the same for the same token and key.
///
/// The hash is keyed (HMAC-SHA256), so that nobody without the key can test guesses against a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprinter {
    /// A maker of fingerprints that are like no other key's.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: Key::new(HMAC_SHA256, key) }
    }

    /// The fingerprint of a whole token, as it stood in the header.
    pub fn of(&self, token: &[u8]) -> Fingerprint {
        let tag = sign(&self.key, token);
        Fingerprint(tag.as_ref().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }
}

/// Room for the text of a fingerprint.
pub(crate) type Digits = [u8; 16];

impl Fingerprint {
    pub(crate) fn digits(self, room: &mut Digits) -> &str {
        hex::digits(&self.0.to_be_bytes(), room)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.digits(&mut Digits::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_start_of_the_hmac_of_the_token() {
        // RFC 4231 §4.3, test case 2, with its key padded to 32 bytes as HMAC itself would.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let fingerprint = Fingerprinter::new(&key).of(b"what do ya want for nothing?");
        assert_eq!(fingerprint.to_string(), "5bdcc146bf60754e");
    }

    #[test]
    fn tokens_and_keys_are_told_apart_and_no_token_is_printed() {
        let first = Fingerprinter::new(&[1; 32]);
        let fingerprint = first.of(b"secret-token");
        assert_eq!(fingerprint, first.of(b"secret-token"));
        assert_ne!(fingerprint, first.of(b"secret-tokem"));
        assert_ne!(fingerprint, Fingerprinter::new(&[2; 32]).of(b"secret-token"));
        assert!(!format!("{fingerprint} {fingerprint:?}").contains("secret"));
    }
}
