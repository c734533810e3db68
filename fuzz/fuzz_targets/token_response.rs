//! Does every answer of a token endpoint have one reading, and does only a token that a header can carry come out of it?
//!
//! The input is the body of an answer.

#![no_main]

use claviger_fuzz::careless;
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use oauth::token_response::{Expected, InvalidTokenResponse, MAX_BYTES, TokenError, TokenResponse, read};
use secrecy::ExposeSecret as _;

fuzz_target!(|input: &[u8]| {
    for expected in [Expected::AccessToken, Expected::IdJag] {
        match read(input, expected) {
            Ok(response) => check(input, expected, &response),
            Err(reason) => assert!(input.len() <= MAX_BYTES || reason == InvalidTokenResponse::TooLarge),
        }
    }
    if let Some(error) = TokenError::read(input) {
        let shown = error.to_string();
        assert!(!shown.chars().any(char::is_control) && shown.chars().count() < 300);
    }
});

fn check(input: &[u8], expected: Expected, response: &TokenResponse) {
    let text = std::str::from_utf8(input).expect("what was accepted is UTF-8");
    let members = careless::members(text).expect("what was accepted is an object");
    let only = |wanted: &str| careless::only(&members, wanted);
    let token = only("access_token").and_then(careless::text).expect("an accepted answer has a token");
    assert_eq!(response.token.expose_secret(), token);
    assert!(HeaderValue::from_str(&format!("Bearer {token}")).is_ok_and(|value| value.to_str().is_ok()) && !token.contains(' '));
    let kind = only("token_type").and_then(careless::text).expect("an accepted answer has a type");
    assert!(kind.eq_ignore_ascii_case(if expected == Expected::AccessToken { "bearer" } else { "n_a" }));
    assert!(response.expires_in.is_none_or(|left| !left.is_zero() && left.as_secs() <= 365 * 24 * 3600));
    for name in ["expires_in", "scope", "issued_token_type", "refresh_token", "id_token"] {
        only(name);
    }
    assert!(!format!("{response:?}").contains(&token) || token.len() < 20, "a token is never printed");
}
