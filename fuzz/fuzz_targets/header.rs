//! Does a header value say the same to us as to the reader of the body?
//!
//! The input is the value of an `Mcp-Param-*` header, a line feed, and an argument as JSON.

#![no_main]

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use mcp::header::{MAX_VALUE_BYTES, decode_value, encode_value, matches_body, matches_text};
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (value, json) = input.split_once('\n').unwrap_or((input, ""));
    check_round_trip(value);
    check_round_trip(json);
    let decoded = decode_value(value);
    let Ok(decoded) = decoded else {
        assert!(matches_body(value, json).is_err() && matches_text(value, json).is_err());
        return;
    };
    assert!(HeaderValue::from_str(value).is_ok(), "read, and cannot have been a header");
    assert_eq!(matches_text(value, json), Ok(decoded == json));
    check_round_trip(&decoded);
    let matches = matches_body(value, json).expect("a value that decodes can be compared");
    // A body of that form would have been refused before.
    if let Ok(meant) = serde_json::from_str::<Value>(json) {
        check_match(&decoded, &meant, matches);
    }
});

fn check_round_trip(text: &str) {
    let encoded = encode_value(text);
    let header = HeaderValue::from_str(&encoded).expect("what is encoded is a header");
    assert!(header.to_str().is_ok(), "only visible ASCII, spaces and tabs");
    if encoded.len() <= MAX_VALUE_BYTES {
        assert_eq!(decode_value(&encoded).as_deref(), Ok(text));
        let json = Value::from(text).to_string();
        assert_eq!(matches_body(&encoded, &json), Ok(true));
    }
}

fn check_match(said: &str, meant: &Value, matches: bool) {
    match meant {
        Value::String(text) => assert_eq!(matches, text == said),
        Value::Bool(truth) => assert_eq!(matches, said == if *truth { "true" } else { "false" }),
        Value::Number(number) => {
            let said_number = said.parse::<f64>().ok();
            assert!(!matches || said_number == number.as_f64(), "{said} matched {meant}");
            let same_integer = number.as_i64().is_some_and(|integer| said == integer.to_string());
            assert!(matches || !same_integer, "{said} did not match {meant}");
        }
        Value::Array(_) | Value::Null | Value::Object(_) => assert!(!matches),
    }
}
