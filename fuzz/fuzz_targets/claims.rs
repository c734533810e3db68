//! Is every well-signed token that is accepted one that the rules allow, read as any other reader reads it?
//!
//! The input is a header as JSON, a line feed, and claims as JSON. The target signs them with the shared secret.

#![no_main]

use std::sync::LazyLock;

use claviger_fuzz::careless::members;
use claviger_fuzz::tokens::{AUDIENCE, NOW, PUBLIC_KEYS, SECRET, issuer_trust, public_keys, shared_keys, shared_trust, signed};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use token::{Claims, DEFAULT_LEEWAY_SECONDS, KeySet, Presented, Trust, Unverified, verify};

fuzz_target!(|input: &[u8]| {
    let line_end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, claims) = input.split_at(line_end);
    let token = signed(header, claims, SECRET);
    if let Ok(unverified) = Unverified::parse(&token) {
        for trust in [&*SHARED_TRUST, &*ISSUER_TRUST] {
            if let Ok(accepted) = verify(&unverified, trust, &SECRET_KEYS, Presented::AsBearer, NOW) {
                check_header(utf8(header));
                check_claims(utf8(claims), trust, &accepted);
            }
            assert!(verify(&unverified, trust, &ISSUER_KEYS, Presented::AsBearer, NOW).is_err(), "a public key verified HS256");
        }
    }
    // What an attacker has of the issuer is its public key.
    let forged = signed(header, claims, PUBLIC_KEYS.as_bytes());
    if let Ok(unverified) = Unverified::parse(&forged) {
        assert!(verify(&unverified, &ISSUER_TRUST, &ISSUER_KEYS, Presented::AsBearer, NOW).is_err(), "a public key passed for a secret");
        assert!(verify(&unverified, &SHARED_TRUST, &SECRET_KEYS, Presented::AsBearer, NOW).is_err(), "another secret passed for ours");
    }
});

fn check_header(header: &str) {
    assert_eq!(value(header, "alg"), Some(Value::from("HS256")));
    for forbidden in ["crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"] {
        assert_eq!(value(header, forbidden), None, "{forbidden}");
    }
    let typ = value(header, "typ").map(|typ| typ.as_str().expect("a text").to_ascii_lowercase());
    assert!(matches!(typ.as_deref(), None | Some("jwt" | "application/jwt" | "at+jwt" | "application/at+jwt")), "{typ:?}");
}

fn check_claims(claims: &str, trust: &Trust, accepted: &Claims) {
    let number = |name| value(claims, name).map(|number| number.as_f64().expect("a number"));
    let now = whole(NOW);
    let leeway = whole(DEFAULT_LEEWAY_SECONDS);
    let expires_at = number("exp").expect("`exp` is required");
    assert!(now < expires_at + leeway);
    assert!(number("nbf").is_none_or(|not_before| not_before.floor() <= now + leeway));
    assert!(number("iat").is_none_or(|issued_at| issued_at.floor() <= now + leeway));
    let longest = trust.max_lifetime_seconds.map(|longest| whole(longest) + number("iat").map_or(now + leeway, f64::floor));
    assert!(longest.is_none_or(|longest| expires_at.floor() <= longest));
    assert_eq!(value(claims, "iss").as_ref().and_then(Value::as_str), trust.issuer.as_deref());
    assert_eq!(value(claims, "sub").expect("`sub` is required"), accepted.subject.as_str());
    assert!(!accepted.subject.is_empty() && !accepted.subject.contains(char::is_control));
    let audience = value(claims, "aud").expect("`aud` is required");
    assert!(audience == AUDIENCE || audience.as_array().is_some_and(|list| list.iter().any(|one| one == AUDIENCE)));
    for mark_of_another_kind in ["nonce", "at_hash", "c_hash", "events", "cnf"] {
        assert_eq!(value(claims, mark_of_another_kind), None, "{mark_of_another_kind}");
    }
    check_scopes(claims, accepted);
}

/// Nobody gets a scope that does not stand in the token.
fn check_scopes(claims: &str, accepted: &Claims) {
    let mut written = Vec::new();
    for name in ["scope", "scp"] {
        match value(claims, name) {
            Some(Value::String(list)) => written.extend(list.split(' ').map(str::to_owned)),
            Some(Value::Array(list)) => written.extend(list.iter().map(|scope| scope.as_str().expect("a text").to_owned())),
            Some(other) => panic!("scopes were read from {other}"),
            None => {}
        }
    }
    assert!(accepted.scopes.iter().all(|scope| written.iter().any(|written| *written == scope.to_string())));
}

/// The value of a member, which must not stand twice.
fn value(object: &str, name: &str) -> Option<Value> {
    let members = members(object).expect("what was accepted is an object");
    let mut found = members.iter().filter(|(known, _)| known == name).map(|(_, value)| *value);
    let value = found.next()?;
    assert_eq!(found.next(), None, "`{name}` stands twice");
    Some(serde_json::from_str(value).expect("what was read is valid"))
}

/// RFC 7519 §7.2: header and claims are UTF-8, all of them.
fn utf8(json: &[u8]) -> &str {
    std::str::from_utf8(json).expect("what was accepted is UTF-8")
}

/// A number of seconds as JSON has it.
fn whole(seconds: u64) -> f64 {
    f64::from(u32::try_from(seconds).expect("the constants are small"))
}

static SECRET_KEYS: LazyLock<KeySet> = LazyLock::new(shared_keys);
static ISSUER_KEYS: LazyLock<KeySet> = LazyLock::new(public_keys);
static SHARED_TRUST: LazyLock<Trust> = LazyLock::new(shared_trust);
static ISSUER_TRUST: LazyLock<Trust> = LazyLock::new(issuer_trust);
