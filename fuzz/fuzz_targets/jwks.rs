//! Does a key set hold only keys that may verify, whatever an issuer publishes?
//!
//! The input is a document as an issuer publishes it.

#![no_main]

use claviger_fuzz::careless::{members, text};
use claviger_fuzz::tokens::{NOW, PUBLIC_KEYS, SECRET, SIGNED, issuer_trust, shared_trust, signed};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use token::{Algorithm, KeySet, Presented, SkippedKey, Unverified, verify};

fuzz_target!(|document: &[u8]| {
    let Ok((keys, skipped)) = KeySet::from_jwks(document) else { return };
    let document = std::str::from_utf8(document).expect("what was accepted is UTF-8");
    let published = published(document);
    assert_eq!(keys.len() + skipped.len(), published.len(), "every key is either used or named");
    assert!(published.len() <= 100);
    for key in &skipped {
        check_skipped(key, published.len());
    }
    for key in published.iter().filter(|key| is_unfit(key)) {
        let position = published.iter().position(|other| std::ptr::eq(*other, *key));
        assert!(skipped.iter().any(|skipped| Some(skipped.position) == position), "{key} was taken");
    }
    check_tokens(&keys, document);
});

fn check_skipped(key: &SkippedKey, published: usize) {
    assert!(key.position < published);
    assert!(!key.to_string().contains(char::is_control));
    assert!(key.key_id.as_ref().is_none_or(|key_id| key_id.chars().count() <= 128));
}

/// No set verifies what its keys did not sign, and none takes a public key for a secret.
fn check_tokens(keys: &KeySet, document: &str) {
    let by_shared_secret = signed(HEADER, CLAIMS, SECRET);
    let by_document = signed(HEADER, CLAIMS, document.as_bytes());
    for token in [by_shared_secret.as_str(), &by_document, SIGNED[0], SIGNED[1]] {
        let unverified = Unverified::parse(token).expect("the tokens are well-formed");
        if let Ok(candidates) = keys.find(&unverified) {
            assert_ne!(unverified.algorithm(), Algorithm::Hs256);
            assert!(candidates.iter().all(|key| key.algorithm() == unverified.algorithm()));
        }
        for trust in [shared_trust(), issuer_trust()] {
            let verified = verify(&unverified, &trust, keys, Presented::AsBearer, NOW);
            assert!(verified.is_err() || holds_the_issuers_key(document), "a foreign key verified {token}");
        }
    }
}

/// The keys as written. More careless than ours is not possible here: it takes `keys` at its word.
fn published(document: &str) -> Vec<&str> {
    let members = members(document).expect("a key set is an object");
    let keys = members.iter().find(|(name, _)| name == "keys").map(|(_, value)| *value).expect("a key set has `keys`");
    let keys: Vec<&RawValue> = serde_json::from_str(keys).expect("`keys` is a list");
    keys.into_iter().map(RawValue::get).collect()
}

/// Whether a key must not be used, whatever else it says: secrets, published private keys, keys for encryption.
fn is_unfit(key: &str) -> bool {
    let Some(members) = members(key) else { return true };
    members.iter().any(|(name, value)| match name.as_str() {
        "kty" => text(value).as_deref() == Some("oct"),
        "d" => *value != "null",
        "use" => text(value).as_deref() == Some("enc"),
        _ => false,
    })
}

fn holds_the_issuers_key(document: &str) -> bool {
    let issuers = coordinates(PUBLIC_KEYS);
    coordinates(document).iter().any(|coordinate| issuers.contains(coordinate))
}

fn coordinates(document: &str) -> Vec<String> {
    let members = published(document).into_iter().filter_map(members).flatten();
    members.filter(|(name, _)| name == "x").filter_map(|(_, value)| text(value)).collect()
}

const HEADER: &[u8] = br#"{"alg":"HS256"}"#;
const CLAIMS: &[u8] = br#"{"sub":"user","aud":"https://door.example/mcp/files","exp":1800000600}"#;
