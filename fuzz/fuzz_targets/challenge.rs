//! Is every `WWW-Authenticate` value read without harm, and does a challenge that we write read back as it was?
//!
//! The input is one value.

#![no_main]

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use oauth::challenge::{Challenge, MAX_HEADER_BYTES, ParsedChallenge, parse};

fuzz_target!(|input: &[u8]| {
    let Ok(value) = std::str::from_utf8(input) else { return };
    let challenges = parse(value);
    assert!(value.len() <= MAX_HEADER_BYTES || challenges.is_empty());
    for challenge in &challenges {
        check_shape(challenge);
        if let Some(bearer) = challenge.as_bearer() {
            check_round_trip(&bearer);
        }
    }
});

fn check_shape(challenge: &ParsedChallenge) {
    assert!(!challenge.scheme.is_empty());
    for (name, _) in &challenge.params {
        assert!(!name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_whitespace()));
        let first = challenge.params.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        assert_eq!(challenge.param(name), first);
    }
    assert!(challenge.token68.as_ref().is_none_or(|token| !token.is_empty() && !token.contains([' ', ',', '"'])));
}

fn check_round_trip(challenge: &Challenge) {
    let written = challenge.to_header_value();
    assert!(HeaderValue::from_str(&written).is_ok_and(|value| value.to_str().is_ok()), "visible ASCII on one line");
    let expected = Challenge {
        error_description: challenge.error_description.as_deref().map(carried),
        resource_metadata: challenge.resource_metadata.as_deref().map(carried),
        ..challenge.clone()
    };
    if written.len() <= MAX_HEADER_BYTES {
        let again: Vec<_> = parse(&written).iter().map(ParsedChallenge::as_bearer).collect();
        assert_eq!(again, [Some(expected)]);
        let among = parse(&format!("Basic realm=\"a, Bearer\", {written}, DPoP algs=\"ES256\""));
        let schemes: Vec<&str> = among.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert!(written.len() > MAX_HEADER_BYTES / 2 || schemes == ["Basic", "Bearer", "DPoP"], "{schemes:?}");
    }
}

/// What of `text` a header can carry.
fn carried(text: &str) -> String {
    text.chars().map(|letter| if (' '..='~').contains(&letter) { letter } else { '?' }).collect()
}
