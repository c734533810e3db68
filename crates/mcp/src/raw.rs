//! How do we hold a JSON value that we pass on but do not change?

use std::borrow::Cow;
use std::fmt;

/// One JSON value as the exact bytes of the message it came from: valid JSON, no white space around it.
///
/// Two of them are equal when their bytes are. Use [`RawJson::canonical`] where `"a"` and `"\u0061"` must be one key.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// Wraps text that a JSON parser has already accepted.
    pub(crate) fn trusted(text: &'a str) -> Self {
        Self(text)
    }

    /// The text, as it stands in the message.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether the value is an object.
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether the value is an array.
    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// Whether the value is a string.
    pub fn is_string(self) -> bool {
        self.0.starts_with('"')
    }

    /// Whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The decoded string, borrowed where the text has no escapes. None when the value is not a string, or is one that no
    /// UTF-8 text can hold (an unpaired surrogate).
    pub fn decode_string(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') { serde_json::from_str(self.0).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
    }

    /// The value as an integer that fits 64 bits.
    pub fn decode_integer(self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// Whether the value is written as an integer, of any size: digits with at most a minus sign before them.
    pub fn is_integer(self) -> bool {
        let digits = self.0.strip_prefix('-').unwrap_or(self.0);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// One spelling for all spellings of a string or integer, so that it can be a map key: `"\u0061"` gives `"a"`, `-0` gives `0`.
    pub fn canonical(self) -> Cow<'a, str> {
        if self.0 == "-0" {
            return Cow::Borrowed("0");
        }
        if !self.is_string() || !self.0.contains('\\') {
            return Cow::Borrowed(self.0);
        }
        let spelled = self.decode_string().and_then(|text| serde_json::to_string(&text).ok());
        spelled.map_or(Cow::Borrowed(self.0), Cow::Owned)
    }
}

impl fmt::Display for RawJson<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RawJson;

    #[test]
    fn spellings_of_one_string_have_one_canonical_form() {
        assert_eq!(RawJson::trusted(r#""\u0061b""#).canonical(), RawJson::trusted(r#""ab""#).canonical());
        assert_eq!(RawJson::trusted(r#""a\nb""#).canonical(), RawJson::trusted("\"a\\u000ab\"").canonical());
    }

    #[test]
    fn a_string_and_a_number_stay_apart() {
        assert_ne!(RawJson::trusted("\"1\"").canonical(), RawJson::trusted("1").canonical());
    }

    #[test]
    fn an_unpaired_surrogate_does_not_decode() {
        assert_eq!(RawJson::trusted(r#""\ud800""#).decode_string(), None);
    }

    #[test]
    fn only_plain_digits_are_an_integer() {
        for text in ["0", "-1", "12345678901234567890123"] {
            assert!(RawJson::trusted(text).is_integer(), "{text}");
        }
        for text in ["1.0", "1e3", "\"1\"", "-", "null"] {
            assert!(!RawJson::trusted(text).is_integer(), "{text}");
        }
    }
}
