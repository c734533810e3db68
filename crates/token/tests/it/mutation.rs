//! Does any change to a good token, however small, make it bad?

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;
use token::mint::{MintRequest, Minter, generate_es256_key};
use token::{KeySet, SharedSecret, Trust};

use crate::support::*;

struct Good {
    token: String,
    keys: KeySet,
    trust: Trust,
}

static GOOD: LazyLock<Vec<Good>> = LazyLock::new(|| {
    let mut good: Vec<Good> =
        [("RS256", Key::rsa()), ("PS256", Key::rsa_pss()), ("ES256", Key::p256()), ("ES384", Key::p384()), ("EdDSA", Key::ed25519())]
            .into_iter()
            .map(|(name, key)| Good {
                token: key.sign(&format!(r#"{{"alg":"{name}","kid":"a","typ":"at+jwt"}}"#), &claims(&json!({"scope": "files:read"}))),
                keys: key_set(&[key.jwk(&json!({"kid": "a", "alg": name}))]),
                trust: trust(),
            })
            .collect();
    let secret = b"0123456789abcdef0123456789abcdef";
    good.push(Good {
        token: Key::Hmac(secret.to_vec()).sign(r#"{"alg":"HS256"}"#, &claims(&json!({"iss": null}))),
        keys: KeySet::shared_secrets(vec![SharedSecret::new(secret).unwrap()]),
        trust: Trust { issuer: None, ..trust() },
    });
    for good in &good {
        assert!(judge(&good.token, &good.trust, &good.keys).is_ok());
    }
    good
});

fn is_accepted(good: &Good, token: &str) -> bool {
    judge(token, &good.trust, &good.keys).is_ok()
}

#[test]
fn no_bit_of_the_ends_of_a_signature_is_free() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for good in GOOD.iter() {
        let (rest, last) = good.token.split_at(good.token.len() - 1);
        for character in ALPHABET.chars().filter(|character| !last.starts_with(*character)) {
            assert!(!is_accepted(good, &format!("{rest}{character}")), "{character}");
        }
    }
}

#[test]
fn parts_of_two_good_tokens_do_not_make_a_third() {
    for (first, second) in GOOD.iter().flat_map(|first| GOOD.iter().map(move |second| (first, second))) {
        let other: Vec<_> = second.token.split('.').collect();
        for (place, part) in other.into_iter().enumerate() {
            let mut parts: Vec<_> = first.token.split('.').collect();
            let is_changed = std::mem::replace(&mut parts[place], part) != part;
            assert_eq!(is_accepted(first, &parts.join(".")), !is_changed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_token_with_one_byte_changed_is_refused(which in 0..6_usize, place: prop::sample::Index, byte in 0..128_u8) {
        let good = &GOOD[which];
        let mut bytes = good.token.clone().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        prop_assert!(!is_accepted(good, &String::from_utf8(bytes).unwrap()));
    }

    #[test]
    fn a_token_with_one_byte_more_or_less_is_refused(which in 0..6_usize, place: prop::sample::Index, byte in proptest::option::of(0..128_u8)) {
        let good = &GOOD[which];
        let mut bytes = good.token.clone().into_bytes();
        let place = place.index(bytes.len());
        match byte {
            Some(byte) => bytes.insert(place, byte),
            None => { bytes.remove(place); }
        }
        prop_assert!(!is_accepted(good, &String::from_utf8(bytes).unwrap()));
    }

    #[test]
    fn any_text_is_refused_without_panic(text in ".{0,300}") {
        prop_assert!(!is_accepted(&GOOD[0], &text));
    }

    #[test]
    fn what_is_minted_is_verified_and_says_what_was_asked(
        subject in "[^\\p{C}]{1,40}",
        audiences in proptest::collection::vec("[a-z:/.]{1,30}", 1..4),
        scopes in proptest::collection::vec("[!#-\\[\\]-~]{1,12}", 0..4),
        client_id in proptest::option::of("[!-~]{1,30}"),
        issuer in proptest::option::of("https://[a-z]{1,10}/"),
        jwt_id in proptest::option::of("[!-~]{1,30}"),
        grant_id in proptest::option::of("[!-~]{1,30}"),
        ttl_seconds in 1..86_400_u64,
        is_symmetric: bool,
    ) {
        let scopes = oauth::scope::ScopeSet::parse(&scopes.join(" ")).unwrap();
        let request = MintRequest { audiences, subject, ttl_seconds, scopes, client_id, issuer, jwt_id, grant_id, confirmation: None, actors: oauth::actors::Actors::default(), auth_time: None };
        let (minter, keys) = if is_symmetric {
            let secret = SharedSecret::new(b"0123456789abcdef0123456789abcdef").unwrap();
            (Minter::shared_secret(&secret), KeySet::shared_secrets(vec![secret]))
        } else {
            let minter = Minter::es256(&generate_es256_key().unwrap(), "k").unwrap();
            let (keys, skipped) = KeySet::from_jwks(minter.public_jwks().unwrap().as_bytes()).unwrap();
            prop_assert!(skipped.is_empty());
            (minter, keys)
        };
        let token = minter.mint(&request, NOW).unwrap();
        let trust = Trust { max_lifetime_seconds: Some(ttl_seconds), ..Trust::new(request.issuer.clone(), vec![request.audiences[0].clone()]) };
        let claims = judge(&token, &trust, &keys).unwrap().into_inner();
        prop_assert_eq!(&claims.subject, &request.subject);
        prop_assert_eq!(&claims.audiences, &request.audiences);
        prop_assert_eq!(&claims.scopes, &request.scopes);
        prop_assert_eq!(&claims.client_id, &request.client_id);
        prop_assert_eq!(&claims.issuer, &request.issuer);
        prop_assert_eq!(&claims.grant_id, &request.grant_id);
        prop_assert_eq!((claims.issued_at, claims.expires_at), (Some(NOW), NOW + ttl_seconds));
        prop_assert!(request.jwt_id.is_none() || claims.jwt_id == request.jwt_id);
        prop_assert_eq!(claims.key_id.is_some(), !is_symmetric);
    }
}
