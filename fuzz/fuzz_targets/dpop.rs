//! Is every proof that is accepted one by the key that it brings, for this request, and made just now?
//!
//! The input is a header as JSON, a line feed, and claims as JSON. The target signs them with a key of its own.

#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_fuzz::careless::members;
use claviger_fuzz::tokens::{AUDIENCE, NOW};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use token::dpop::{Asked, FUTURE_LEEWAY_SECONDS, MAX_AGE_SECONDS, Proof, verify};

fuzz_target!(|input: &[u8]| {
    let line_end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, claims) = input.split_at(line_end);
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(KEY.sign(signed.as_bytes()));
    let proof = format!("{signed}.{signature}");
    for asked in REQUESTS {
        let Ok(accepted) = verify(&proof, &asked, NOW) else { continue };
        check_header(utf8(header));
        check_claims(utf8(claims), &asked, &accepted);
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64]));
        assert!(verify(&forged, &asked, NOW).is_err(), "a proof that nobody signed was accepted");
        for later in [NOW + MAX_AGE_SECONDS + FUTURE_LEEWAY_SECONDS + 1, accepted.expires_at()] {
            assert!(verify(&proof, &asked, later).is_err(), "a proof was good for too long");
        }
    }
});

fn check_header(header: &str) {
    let key = value(header, "jwk").expect("an accepted proof has a key");
    assert_eq!((&key["kty"], &key["crv"], &key["x"]), (&"OKP".into(), &"Ed25519".into(), &PUBLIC_KEY.into()));
    assert_eq!(key.get("d"), None);
    let algorithm = value(header, "alg").expect("an accepted proof has an algorithm");
    assert!(algorithm == "EdDSA" || algorithm == "Ed25519");
    let typ = value(header, "typ").and_then(|typ| typ.as_str().map(str::to_ascii_lowercase));
    assert!(matches!(typ.as_deref(), Some("dpop+jwt" | "application/dpop+jwt")), "{typ:?}");
    for forbidden in ["crit", "b64", "jku", "x5u", "x5c", "zip", "enc"] {
        assert_eq!(value(header, forbidden), None, "{forbidden}");
    }
}

fn check_claims(claims: &str, asked: &Asked<'_>, accepted: &Proof) {
    assert_eq!(value(claims, "htm"), Some(asked.method.into()));
    let url = value(claims, "htu").expect("an accepted proof has a URL");
    let url = url.as_str().expect("which is a text").to_ascii_lowercase();
    // A host may be percent-encoded, and is the same.
    assert!(url.starts_with("https:") && (url.contains("door.example") || url.contains('%')), "{url}");
    assert_eq!(value(claims, "jti"), Some(accepted.jwt_id.as_str().into()));
    assert!((1..=256).contains(&accepted.jwt_id.len()));
    assert!(accepted.issued_at + MAX_AGE_SECONDS >= NOW && accepted.issued_at <= NOW + FUTURE_LEEWAY_SECONDS);
    assert_eq!(accepted.is_for_a_token, asked.access_token.is_some());
    assert!(!accepted.is_for_a_token || value(claims, "ath") == Some(TOKEN_HASH.into()));
    assert!(asked.nonces.is_empty() || value(claims, "nonce") == Some(asked.nonces[0].into()));
}

/// The value of a member, which must not stand twice.
fn value(object: &str, name: &str) -> Option<Value> {
    let members = members(object).expect("what was accepted is an object");
    let mut found = members.iter().filter(|(known, _)| known == name).map(|(_, value)| *value);
    let value = found.next()?;
    assert_eq!(found.next(), None, "`{name}` stands twice");
    Some(serde_json::from_str(value).expect("what was read is valid"))
}

fn utf8(json: &[u8]) -> &str {
    std::str::from_utf8(json).expect("what was accepted is UTF-8")
}

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed"));

const REQUESTS: [Asked<'static>; 2] = [
    Asked { method: "POST", url: AUDIENCE, access_token: None, nonces: &[] },
    Asked { method: "POST", url: AUDIENCE, access_token: Some("token"), nonces: &["n-1"] },
];
/// The public half of the target's key.
const PUBLIC_KEY: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
/// SHA-256 of the token.
const TOKEN_HASH: &str = "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A";
