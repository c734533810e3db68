//! What do the headers of MCP carry, and do they say what the body says?
//!
//! A header only repeats the body so that something before us can route by it; no decision rests on one.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;

/// `MCP-Protocol-Version`
pub const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// `Mcp-Session-Id`, of the legacy revisions
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// `Mcp-Method`
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// `Mcp-Name`
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// `Last-Event-ID`, of the legacy revisions
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// `X-Accel-Buffering`, on event streams
pub const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// What the names of headers that repeat tool arguments begin with, in lower case.
pub const PARAM_PREFIX: &str = "mcp-param-";

/// The longest header value that is decoded, in bytes. A resource URI in `Mcp-Name` may be long.
pub const MAX_VALUE_BYTES: usize = 16 * 1024;

/// Why a header value cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadValue {
    /// What stands between the markers is not base64.
    #[error("the header value is not valid base64")]
    Base64,
    /// A control or non-ASCII character outside the base64 form.
    #[error("the header value has a character that it must encode")]
    Character,
    /// Base64 of something that is not UTF-8.
    #[error("the header value is not UTF-8")]
    NotUtf8,
    /// Over [`MAX_VALUE_BYTES`].
    #[error("the header value is too long")]
    TooLong,
}

/// `text` as the value of `Mcp-Name` or `Mcp-Param-*`: as it is where a header can carry it, else `=?base64?…?=` of its UTF-8.
pub fn encode_value(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{BASE64_START}{}{BASE64_END}", STANDARD.encode(text)))
}

/// The text that a value of `Mcp-Name` or `Mcp-Param-*` stands for; spaces and tabs around it do not count (RFC 9110 §5.5).
pub fn decode_value(value: &str) -> Result<Cow<'_, str>, BadValue> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(BadValue::TooLong);
    }
    let value = trim_whitespace(value);
    if value.bytes().any(|byte| !is_field_byte(byte)) {
        return Err(BadValue::Character);
    }
    let Some(encoded) = value.strip_prefix(BASE64_START).and_then(|rest| rest.strip_suffix(BASE64_END)) else {
        return Ok(Cow::Borrowed(value));
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| BadValue::Base64)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| BadValue::NotUtf8)
}

/// Whether a header `value` says the same as the body's `text`.
pub fn matches_text(value: &str, text: &str) -> Result<bool, BadValue> {
    decode_value(value).map(|decoded| decoded == text)
}

/// Whether a header `value` says the same as `json`, an argument as written in the body: a string, an integer or a boolean.
///
/// Numbers are compared by value, so `42.0` is `42`. An argument of another type matches no header.
pub fn matches_body(value: &str, json: &str) -> Result<bool, BadValue> {
    let decoded = decode_value(value)?;
    let json = json.trim_ascii();
    if json.starts_with('"') {
        let text: Option<String> = serde_json::from_str(json).ok();
        return Ok(text.is_some_and(|text| text == decoded));
    }
    if json == "true" || json == "false" {
        return Ok(decoded == json);
    }
    Ok(match (number(&decoded), number(json)) {
        (Some(said), Some(meant)) => said == meant,
        _ => false,
    })
}

/// `value` without the spaces and tabs around it.
pub fn trim_whitespace(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && trim_whitespace(text).len() == text.len() && !text.starts_with(BASE64_START)
}

fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || (b' '..=b'~').contains(&byte)
}

/// A JSON number. Integers keep all their digits, so that large ones are not rounded into each other.
struct Number<'a> {
    integer: Option<(bool, &'a str)>,
    float: f64,
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.integer, other.integer) {
            (Some(left), Some(right)) => left == right,
            _ => self.float == other.float,
        }
    }
}

fn number(text: &str) -> Option<Number<'_>> {
    // The grammar is JSON's: no plus sign, no leading zeros, no white space.
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) || text.ends_with(char::is_whitespace) {
        return None;
    }
    serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_integer = fraction.bytes().all(|byte| byte == b'0') && !whole.contains(['e', 'E']);
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let integer = is_integer.then(|| (whole.starts_with('-') && digits != "0", digits));
    Some(Number { integer, float: text.parse().ok()? })
}

const BASE64_START: &str = "=?base64?";
const BASE64_END: &str = "?=";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BadValue, MAX_VALUE_BYTES, decode_value, encode_value, matches_body, matches_text};

    proptest! {
        #[test]
        fn every_text_survives_the_round_trip(text in any::<String>()) {
            let encoded = encode_value(&text);
            prop_assert!(http::HeaderValue::from_str(&encoded).is_ok());
            prop_assert_eq!(decode_value(&encoded).unwrap(), text.as_str());
        }

        #[test]
        fn decoding_never_panics(value in any::<String>()) {
            let _ = decode_value(&value);
            let _ = decode_value(&format!("=?base64?{value}?="));
        }
    }

    #[test]
    fn plain_text_goes_as_it_is() {
        for text in ["echo", "", "two words", "file:///a/b?c=d", "=?utf-8?Q?x?="] {
            assert_eq!(encode_value(text), text);
        }
    }

    #[test]
    fn what_a_header_cannot_carry_is_encoded() {
        assert_eq!(encode_value("é"), "=?base64?w6k=?=");
        for text in [" a", "a\t", "a\nb", "名", "=?base64?", "=?base64?eA==?=", "\u{7f}"] {
            assert!(encode_value(text).starts_with("=?base64?"), "{text:?}");
        }
    }

    #[test]
    fn spaces_around_a_value_do_not_count() {
        assert_eq!(decode_value(" \t echo ").unwrap(), "echo");
        assert_eq!(decode_value(" =?base64?IGE=?= ").unwrap(), " a");
    }

    #[test]
    fn bad_values_are_refused() {
        assert_eq!(decode_value("=?base64?***?="), Err(BadValue::Base64));
        assert_eq!(decode_value("=?base64?w6k?="), Err(BadValue::Base64));
        assert_eq!(decode_value("=?base64?/w==?="), Err(BadValue::NotUtf8));
        assert_eq!(decode_value("é"), Err(BadValue::Character));
        assert_eq!(decode_value("a\0"), Err(BadValue::Character));
        assert_eq!(decode_value(&"a".repeat(MAX_VALUE_BYTES + 1)), Err(BadValue::TooLong));
    }

    #[test]
    fn upper_case_markers_are_no_markers() {
        assert_eq!(decode_value("=?BASE64?eA==?=").unwrap(), "=?BASE64?eA==?=");
    }

    #[test]
    fn numbers_are_compared_by_value() {
        for (value, json) in [
            ("42", "42"),
            ("42.0", "42"),
            ("42", "42.00"),
            ("-0", "0"),
            ("1e2", "100.0e0"),
            ("1e2", "100"),
            ("9007199254740993", "9007199254740993"),
        ] {
            assert_eq!(matches_body(value, json), Ok(true), "{value} {json}");
        }
        for (value, json) in
            [("42", "43"), ("9007199254740993", "9007199254740992"), ("+1", "1"), ("01", "1"), ("NaN", "null"), ("", "null"), ("-1", "1")]
        {
            assert_eq!(matches_body(value, json), Ok(false), "{value} {json}");
        }
    }

    #[test]
    fn strings_and_booleans_are_compared_exactly() {
        assert_eq!(matches_body("=?base64?w6k=?=", r#""\u00e9""#), Ok(true));
        assert_eq!(matches_body("True", "true"), Ok(false));
        assert_eq!(matches_body("true", "true"), Ok(true));
        assert_eq!(matches_body("42", "\"42\""), Ok(true));
        assert_eq!(matches_body("{}", "{}"), Ok(false));
        assert_eq!(matches_text("Echo", "echo"), Ok(false));
    }
}
