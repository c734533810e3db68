//! Is each odd key of a published document left out, named, and never shown?

use serde_json::{Value, json};

use super::*;

const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
/// 2048 bits, odd, of no known use.
const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

fn read(keys: &[Value]) -> (KeySet, Vec<SkippedKey>) {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn good() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "good"})
}

/// A good key, changed; null takes a member away.
fn changed(mut key: Value, changes: &Value) -> Value {
    let members = key.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    key
}

fn rsa(changes: &Value) -> Value {
    changed(json!({"kty": "RSA", "n": MODULUS, "e": "AQAB", "kid": "odd"}), changes)
}

fn elliptic(changes: &Value) -> Value {
    changed(changed(good(), &json!({"kid": "odd"})), changes)
}

#[track_caller]
fn assert_skipped(odd: &Value, reason: SkipReason) {
    let (keys, skipped) = read(&[odd.clone(), good()]);
    assert_eq!(keys.key_ids().collect::<Vec<_>>(), ["good"], "{odd}");
    assert_eq!(skipped.iter().map(|key| (key.position, key.reason)).collect::<Vec<_>>(), [(0, reason)], "{odd}");
}

#[test]
fn a_shared_secret_in_the_document_is_never_accepted_nor_shown() {
    let odd = json!({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ", "alg": "HS256", "kid": "odd"});
    assert_skipped(&odd, SkipReason::SharedSecret);
    let (keys, skipped) = read(&[odd]);
    assert!(keys.is_empty());
    let shown = format!("{} {:?}", skipped[0], skipped[0]);
    assert!(shown.contains("`odd`") && !shown.contains("c2VjcmV0"), "{shown}");
}

#[test]
fn a_published_private_key_is_left_out() {
    assert_skipped(&elliptic(&json!({"d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"})), SkipReason::PrivateKey);
}

#[test]
fn keys_for_other_uses_are_left_out() {
    for changes in [json!({"use": "enc"}), json!({"use": "tls"}), json!({"key_ops": ["sign"]}), json!({"key_ops": []})] {
        assert_skipped(&elliptic(&changes), SkipReason::NotForVerifying);
    }
    let (keys, skipped) = read(&[elliptic(&json!({"use": "sig", "key_ops": ["verify", "encrypt"]}))]);
    assert_eq!((keys.len(), skipped.len()), (1, 0));
}

#[test]
fn unknown_kinds_curves_and_algorithms_are_left_out() {
    assert_skipped(&elliptic(&json!({"kty": "AKP"})), SkipReason::Unsupported);
    assert_skipped(&elliptic(&json!({"crv": "secp256k1"})), SkipReason::Unsupported);
    assert_skipped(&elliptic(&json!({"crv": "P-521", "alg": "ES512"})), SkipReason::Unsupported);
    assert_skipped(&elliptic(&json!({"kty": "OKP", "crv": "X25519"})), SkipReason::Unsupported);
    assert_skipped(&rsa(&json!({"alg": "RSA-OAEP"})), SkipReason::Unsupported);
    assert_skipped(&rsa(&json!({"alg": "none"})), SkipReason::Unsupported);
}

#[test]
fn an_algorithm_that_does_not_fit_the_kind_is_left_out() {
    assert_skipped(&elliptic(&json!({"alg": "RS256"})), SkipReason::AlgorithmMismatch);
    assert_skipped(&elliptic(&json!({"alg": "ES384"})), SkipReason::AlgorithmMismatch);
    assert_skipped(&elliptic(&json!({"alg": "HS256"})), SkipReason::AlgorithmMismatch);
    assert_skipped(&rsa(&json!({"alg": "HS256"})), SkipReason::AlgorithmMismatch);
    assert_skipped(&rsa(&json!({"alg": "EdDSA"})), SkipReason::AlgorithmMismatch);
}

#[test]
fn malformed_keys_are_left_out() {
    for changes in [
        json!({"x": null}),
        json!({"x": ""}),
        json!({"x": "A==="}),
        json!({"x": 1}),
        json!({"x": &X[..40]}),
        json!({"y": format!("{Y}AAAA")}),
        json!({"crv": null}),
        json!({"kty": null}),
        json!({"kid": 7}),
    ] {
        assert_skipped(&elliptic(&changes), SkipReason::Malformed);
    }
    assert_skipped(&rsa(&json!({"n": null})), SkipReason::Malformed);
    assert_skipped(&rsa(&json!({"e": "AQAB="})), SkipReason::Malformed);
    assert_skipped(&json!("key"), SkipReason::Malformed);
    let twice = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{X}","x":"{Y}","y":"{Y}"}}]}}"#);
    assert_eq!(KeySet::from_jwks(twice.as_bytes()).unwrap().1[0].reason, SkipReason::Malformed);
}

#[test]
fn a_point_that_is_not_on_the_curve_is_left_out() {
    assert_skipped(&elliptic(&json!({"x": Y, "y": X})), SkipReason::InvalidPoint);
    assert_skipped(&elliptic(&json!({"x": "A".repeat(43), "y": "A".repeat(43)})), SkipReason::InvalidPoint);
}

#[test]
fn small_even_or_trivial_rsa_numbers_are_left_out() {
    let modulus = |bytes: usize, last: u8| {
        use base64::Engine;
        let mut modulus = vec![0xC3; bytes];
        *modulus.last_mut().unwrap() = last;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(modulus)
    };
    for changes in [
        json!({"n": modulus(128, 0xC3)}),
        json!({"n": modulus(255, 0xC3)}),
        json!({"n": modulus(1025, 0xC3)}),
        json!({"n": modulus(256, 0xC2)}),
        json!({"n": format!("AAAA{}", modulus(255, 0xC3))}),
        json!({"e": "AQ"}),
        json!({"e": "Ag"}),
        json!({"e": "AA"}),
        json!({"e": "AQAA"}),
        json!({"e": "AQAAAAAB"}),
    ] {
        assert_skipped(&rsa(&changes), SkipReason::UnsafeRsa);
    }
    let one_zero_in_front = json!({"n": format!("AMPD{}", modulus(255, 0xC3))});
    for changes in [one_zero_in_front, json!({"n": modulus(256, 0xC3)}), json!({"n": modulus(1024, 0xC3)}), json!({"e": "Aw"})] {
        assert_eq!(read(&[rsa(&changes)]).1, [], "{changes}");
    }
}

#[test]
fn of_two_keys_with_one_name_and_algorithm_the_first_stays() {
    let (keys, skipped) = read(&[good(), good(), elliptic(&json!({"kid": null})), elliptic(&json!({"kid": null}))]);
    assert_eq!(keys.len(), 3);
    assert_eq!((skipped[0].position, skipped[0].reason), (1, SkipReason::DuplicateKeyId));
}

#[test]
fn a_strange_name_is_shown_short_and_harmless() {
    let (_, skipped) = read(&[json!({"kty": "oct", "kid": format!("\u{1b}[2J{}", "k".repeat(500))})]);
    let name = skipped[0].key_id.as_ref().unwrap();
    assert_eq!(name.chars().count(), 128);
    assert!(!name.contains('\u{1b}'));
}

#[test]
fn documents_that_are_not_key_sets_are_refused() {
    for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}x"#, r#"{"keys":[],"keys":[]}"#, "<html>"] {
        assert_eq!(KeySet::from_jwks(document.as_bytes()).err(), Some(JwksError::NotAKeySet), "{document}");
    }
    assert!(KeySet::from_jwks(br#"{"keys":[]}"#).unwrap().0.is_empty());
}

#[test]
fn a_document_over_256_kib_or_100_keys_is_refused() {
    let many = |count: usize| json!({"keys": vec![json!({}); count]}).to_string();
    assert_eq!(KeySet::from_jwks(many(100).as_bytes()).unwrap().1.len(), 100);
    assert_eq!(KeySet::from_jwks(many(101).as_bytes()).err(), Some(JwksError::TooManyKeys));
    let padded = |length: usize| format!(r#"{{"keys":[]}}{}"#, " ".repeat(length - 11));
    assert!(KeySet::from_jwks(padded(256 * 1024).as_bytes()).is_ok());
    assert_eq!(KeySet::from_jwks(padded(256 * 1024 + 1).as_bytes()).err(), Some(JwksError::TooLarge));
}

#[test]
fn a_list_in_the_place_of_an_object_is_neither_a_set_nor_a_key() {
    for document in ["[[]]", " [[]]", "[]"] {
        assert!(matches!(KeySet::from_jwks(document.as_bytes()), Err(JwksError::NotAKeySet)), "{document}");
    }
    let as_list = json!(["EC", null, null, null, null, "P-256", X, Y]);
    let (keys, skipped) = read(&[as_list, good()]);
    assert_eq!((keys.len(), skipped.len()), (1, 1));
}

#[test]
fn a_document_that_is_not_utf8_is_refused_wherever_the_fault_is() {
    assert!(matches!(KeySet::from_jwks(b"{\"keys\":[],\"x\":\"\xff\"}"), Err(JwksError::NotAKeySet)));
}
