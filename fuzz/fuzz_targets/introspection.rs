//! Does every answer about a token have one reading, and does only one that keeps the rules of a token open the door?
//!
//! The input is the body of an answer.

#![no_main]

use std::sync::LazyLock;

use claviger_fuzz::careless;
use claviger_fuzz::tokens::{AUDIENCE, ISSUER, NOW, issuer_trust};
use libfuzzer_sys::fuzz_target;
use oauth::introspection::{Introspection, MAX_BYTES};
use token::{Claims, DEFAULT_LEEWAY_SECONDS, MAX_UNSAID_LIFETIME_SECONDS, Presented, Trust, Verified};

fuzz_target!(|input: &[u8]| {
    let Ok(answer) = Introspection::read(input) else { return };
    assert!(input.len() <= MAX_BYTES);
    let text = std::str::from_utf8(input).expect("what was accepted is UTF-8");
    assert_eq!(only(text, "active"), Some(if answer == Introspection::Inactive { "false" } else { "true" }));
    // We say nothing of other bindings than keys, so only those cannot be written.
    if let Ok(written) = answer.to_json() {
        assert_eq!(Introspection::read(&written), Ok(answer.clone()));
    }
    for unsaid in [None, Some(10), Some(u64::MAX)] {
        if let Ok(claims) = Verified::from_introspection(&answer, &TRUST, Presented::AsBearer, unsaid, NOW) {
            check(text, &claims, unsaid);
        }
    }
});

fn check(text: &str, claims: &Claims, unsaid: Option<u64>) {
    assert_eq!(only(text, "active"), Some("true"));
    assert_eq!(claims.issuer.as_deref(), Some(ISSUER));
    assert!(only(text, "iss").and_then(careless::text).is_none_or(|issuer| issuer == ISSUER));
    assert_eq!(only(text, "sub").and_then(careless::text).as_deref(), Some(claims.subject.as_str()));
    assert!(!claims.subject.is_empty() && !claims.subject.contains(char::is_control));
    let audience = only(text, "aud").expect("an audience is required");
    let several: Vec<String> = serde_json::from_str(audience).unwrap_or_default();
    assert!(careless::text(audience).as_deref() == Some(AUDIENCE) || several.iter().any(|one| one == AUDIENCE));
    assert!(NOW < claims.expires_at + DEFAULT_LEEWAY_SECONDS);
    if only(text, "exp").is_none() {
        assert!(claims.expires_at <= NOW + unsaid.expect("an end that is not said is allowed").min(MAX_UNSAID_LIFETIME_SECONDS));
    }
    assert_eq!((claims.confirmation, only(text, "cnf")), (None, None), "a bound token was taken from a bearer");
    let kind = only(text, "token_type").and_then(careless::text);
    assert!(kind.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")));
}

/// The value of a member, which must not stand twice; `null` is as if it were not there.
fn only<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let members = careless::members(text).expect("what was accepted is an object");
    let mut found = members.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value);
    let first = found.next();
    assert!(found.next().is_none(), "`{wanted}` stands twice");
    first.filter(|value| *value != "null")
}

static TRUST: LazyLock<Trust> = LazyLock::new(issuer_trust);
