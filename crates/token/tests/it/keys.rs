//! Does only the right key, with the algorithm it is pinned to, make a token good?

use serde_json::json;
use token::{Algorithm, KeySet, Refusal, SharedSecret, Unverified, WeakSecret};

use crate::support::*;

#[test]
fn every_public_algorithm_verifies_with_its_own_key_and_no_other() {
    let pairs = [
        ("ES256", Key::p256(), Key::p256()),
        ("ES384", Key::p384(), Key::p384()),
        ("EdDSA", Key::ed25519(), Key::ed25519()),
        ("Ed25519", Key::ed25519(), Key::ed25519()),
        ("RS256", Key::rsa(), Key::rsa_stranger()),
        ("PS256", Key::rsa_pss(), Key::rsa_stranger()),
    ];
    for (name, key, stranger) in pairs {
        let keys = key_set(&[key.jwk(&json!({"kid": "a", "alg": name, "use": "sig", "key_ops": ["verify"]}))]);
        let header = format!(r#"{{"alg":"{name}","kid":"a"}}"#);
        let claims = claims(&json!({}));
        assert!(judge(&key.sign(&header, &claims), &trust(), &keys).is_ok(), "{name}");
        assert_eq!(judge(&stranger.sign(&header, &claims), &trust(), &keys).err(), Some(Refusal::BadSignature), "{name}");
    }
}

#[test]
fn a_public_rsa_key_is_never_a_secret_in_any_of_its_forms() {
    let key = Key::rsa();
    let keys = key_set(&[key.jwk(&json!({"kid": "a", "alg": "RS256"}))]);
    let forms = key.public_rsa_forms();
    assert_eq!(forms.len(), 5);
    for form in forms {
        let forger = Key::Hmac(form);
        for header in [r#"{"alg":"HS256","kid":"a"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"HS384","kid":"a"}"#, r#"{"alg":"HS256","kid":"b"}"#]
        {
            let token = forger.sign(header, &claims(&json!({})));
            assert_eq!(judge(&token, &trust(), &keys).err(), Some(Refusal::AlgorithmMismatch), "{header}");
        }
    }
}

#[test]
fn a_public_key_in_pem_form_cannot_be_configured_as_a_secret() {
    for pem in &Key::rsa().public_rsa_forms()[..2] {
        assert_eq!(SharedSecret::new(pem).err(), Some(WeakSecret::Pem));
    }
}

#[test]
fn a_header_cannot_choose_another_algorithm_for_a_key() {
    let (rsa, p256) = (Key::rsa(), Key::p256());
    let keys = key_set(&[rsa.jwk(&json!({"kid": "rsa", "alg": "RS256"})), p256.jwk(&json!({"kid": "ec"}))]);
    for (key, header) in [
        (&p256, r#"{"alg":"RS256","kid":"ec"}"#),
        (&p256, r#"{"alg":"ES384","kid":"ec"}"#),
        (&p256, r#"{"alg":"EdDSA","kid":"ec"}"#),
        (&p256, r#"{"alg":"ES256","kid":"rsa"}"#),
        (&Key::rsa_pss(), r#"{"alg":"PS256","kid":"rsa"}"#),
        (&rsa, r#"{"alg":"RS512","kid":"rsa"}"#),
        (&p256, r#"{"alg":"ES384"}"#),
    ] {
        let token = key.sign(header, &claims(&json!({})));
        assert_eq!(judge(&token, &trust(), &keys).err(), Some(Refusal::AlgorithmMismatch), "{header}");
    }
}

#[test]
fn a_key_of_another_kind_never_makes_a_signature_good() {
    let keys = key_set(&[Key::rsa().jwk(&json!({"kid": "a"})), Key::p256().jwk(&json!({"kid": "b"}))]);
    for (key, header) in [(Key::p256(), r#"{"alg":"RS256","kid":"a"}"#), (Key::ed25519(), r#"{"alg":"ES256","kid":"b"}"#)] {
        assert_eq!(judge(&key.sign(header, &claims(&json!({}))), &trust(), &keys).err(), Some(Refusal::BadSignature));
    }
}

#[test]
fn a_key_without_alg_is_pinned_by_its_kind() {
    let keys = [Key::rsa(), Key::p256(), Key::p384(), Key::ed25519()];
    for (key, expected) in keys.iter().zip(["RS256", "ES256", "ES384", "EdDSA"]) {
        let set = key_set(&[key.jwk(&json!({}))]);
        let token = key.sign(&format!(r#"{{"alg":"{expected}"}}"#), &claims(&json!({})));
        assert_eq!(judge(&token, &trust(), &set).err(), None, "{expected}");
    }
    let set = key_set(&[Key::rsa().jwk(&json!({}))]);
    let token = Key::rsa_pss().sign(r#"{"alg":"PS256"}"#, &claims(&json!({})));
    assert_eq!(judge(&token, &trust(), &set).err(), Some(Refusal::AlgorithmMismatch));
}

#[test]
fn an_unknown_kid_asks_for_newer_keys_and_nothing_else_does() {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({"kid": "a"}))]);
    let refusal = |header: &str| judge(&key.sign(header, &claims(&json!({}))), &trust(), &keys).err().unwrap();
    for unknown in ["b", "A", "a ", ""] {
        let refused = refusal(&format!(r#"{{"alg":"ES256","kid":"{unknown}"}}"#));
        assert_eq!(refused, Refusal::UnknownKey, "{unknown}");
        assert!(refused.may_need_newer_keys());
    }
    assert!(!refusal(r#"{"alg":"HS256","kid":"b"}"#).may_need_newer_keys());
    assert!(!refusal(r#"{"alg":"RS256","kid":"a"}"#).may_need_newer_keys());
}

#[test]
fn without_keys_every_key_is_unknown() {
    let token = Key::p256().sign(r#"{"alg":"ES256"}"#, &claims(&json!({})));
    assert!(KeySet::empty().is_empty());
    assert_eq!(judge(&token, &trust(), &KeySet::empty()).err(), Some(Refusal::UnknownKey));
    let forged = Key::Hmac(Vec::new()).sign(r#"{"alg":"HS256"}"#, &claims(&json!({})));
    assert_eq!(judge(&forged, &trust(), &KeySet::empty()).err(), Some(Refusal::AlgorithmMismatch));
    assert_eq!(judge(&forged, &trust(), &KeySet::shared_secrets(Vec::<SharedSecret>::new())).err(), Some(Refusal::UnknownKey));
}

#[test]
fn without_a_kid_there_must_be_exactly_one_key_of_the_algorithm() {
    let (first, second) = (Key::p256(), Key::p256());
    let token = first.sign(r#"{"alg":"ES256"}"#, &claims(&json!({})));
    let one = key_set(&[first.jwk(&json!({"kid": "a"})), Key::rsa().jwk(&json!({"kid": "r"}))]);
    assert_eq!(judge(&token, &trust(), &one).unwrap().key_id.as_deref(), Some("a"));
    let two = key_set(&[first.jwk(&json!({"kid": "a"})), second.jwk(&json!({"kid": "b"}))]);
    assert_eq!(judge(&token, &trust(), &two).err(), Some(Refusal::AmbiguousKey));
}

#[test]
fn the_same_kid_may_name_two_keys_of_different_algorithms() {
    let (rsa, p256) = (Key::rsa(), Key::p256());
    let keys = key_set(&[rsa.jwk(&json!({"kid": "a"})), p256.jwk(&json!({"kid": "a"}))]);
    for (key, header) in [(&rsa, r#"{"alg":"RS256","kid":"a"}"#), (&p256, r#"{"alg":"ES256","kid":"a"}"#)] {
        assert!(judge(&key.sign(header, &claims(&json!({}))), &trust(), &keys).is_ok(), "{header}");
    }
}

#[test]
fn finding_keys_shows_their_names_and_algorithms_only() {
    let keys = key_set(&[Key::p256().jwk(&json!({"kid": "a"})), Key::rsa().jwk(&json!({})), Key::ed25519().jwk(&json!({"kid": "c"}))]);
    assert_eq!(keys.key_ids().collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(keys.len(), 3);
    let token = Key::p256().sign(r#"{"alg":"ES256","kid":"a"}"#, &claims(&json!({})));
    let found = keys.find(&Unverified::parse(&token).unwrap()).unwrap();
    assert_eq!(found.iter().map(|key| (key.id(), key.algorithm())).collect::<Vec<_>>(), [(Some("a"), Algorithm::Es256)]);
}

#[test]
fn a_key_set_prints_no_key_material() {
    let secret = b"0123456789-a-secret-that-must-not-be-seen";
    let shared = KeySet::shared_secrets(vec![SharedSecret::new(secret).unwrap()]);
    let printed = format!("{shared:?}");
    assert!(printed.contains("Hs256") && !printed.contains("must-not-be-seen") && !printed.contains("48, 49, 50"), "{printed}");
}
