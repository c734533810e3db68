//! How is a secret spoken of? By its length, its shape and a fingerprint that only this machine can make again.

use std::fmt;
use std::fmt::Write as _;

use aws_lc_rs::hmac;
use serde::Serialize;

/// The key of the fingerprints: without it nobody can try values until one fits.
pub struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// From bytes that others do not know.
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

/// What may be shown of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Masked {
    /// How many characters it has.
    pub length: usize,
    /// Which kinds of characters.
    pub shape: &'static str,
    /// The same for the same value under the same key.
    pub fingerprint: String,
}

impl Masked {
    pub(crate) fn of(value: &str, key: &FingerprintKey) -> Self {
        let tag = hmac::sign(&key.0, value.as_bytes());
        let fingerprint = tag.as_ref().iter().take(FINGERPRINT_BYTES).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { length: value.chars().count(), shape: shape(value), fingerprint }
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} characters, {}, fingerprint {}", self.length, self.shape, self.fingerprint)
    }
}

fn shape(value: &str) -> &'static str {
    let all = |test: fn(char) -> bool| value.chars().all(test);
    if all(|character| character.is_ascii_digit()) {
        "digits"
    } else if all(|character| character.is_ascii_hexdigit()) {
        "hexadecimal"
    } else if all(|character| character.is_ascii_alphabetic()) {
        "letters"
    } else if all(|character| character.is_ascii_alphanumeric()) {
        "letters and digits"
    } else if all(|character| character.is_ascii_alphabetic() || character == ' ') {
        "words"
    } else {
        "mixed"
    }
}

const FINGERPRINT_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FingerprintKey, Masked};

    proptest! {
        #[test]
        fn what_is_shown_holds_no_part_of_the_value(value in "[G-Zg-z!&]{8,80}") {
            let shown = Masked::of(&value, &FingerprintKey::new(b"key")).fingerprint;
            prop_assert!(!value.chars().any(|character| shown.contains(character)));
        }
    }

    #[test]
    fn the_fingerprint_needs_the_key() {
        let under = |key: &[u8]| Masked::of("the same value", &FingerprintKey::new(key)).fingerprint;
        assert_eq!(under(b"one"), under(b"one"));
        assert_ne!(under(b"one"), under(b"other"));
    }
}
