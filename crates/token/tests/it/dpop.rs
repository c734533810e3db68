//! Is a proof of a key refused for each thing that it is not a proof of?

use serde_json::{Value, json};
use token::dpop::{ALGORITHMS, Asked, FUTURE_LEEWAY_SECONDS, MAX_AGE_SECONDS, MAX_PROOF_BYTES, Proof, Refusal, verify};
use token::{Algorithm, ClaimName, HeaderName, Part, Refusal as TokenRefusal, SkipReason, Thumbprint};

use crate::support::*;

const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const TOKEN_HASH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
const ASKED: Asked<'static> = Asked { method: "POST", url: AUDIENCE, access_token: None, nonces: &[] };

fn changed(mut object: Value, more: &Value) -> String {
    let members = object.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    object.to_string()
}

fn header(key: &Key, more: &Value) -> String {
    changed(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk(&json!({}))}), more)
}

fn claims(more: &Value) -> String {
    changed(json!({"jti": "j-1", "htm": "POST", "htu": AUDIENCE, "iat": NOW}), more)
}

fn judged(token: &str, asked: &Asked<'_>) -> Result<Proof, Refusal> {
    verify(token, asked, NOW).map(token::Verified::into_inner)
}

fn with_header(more: &Value) -> Result<Proof, Refusal> {
    let key = Key::p256();
    judged(&key.sign(&header(&key, more), &claims(&json!({}))), &ASKED)
}

fn with_claims(more: &Value) -> Result<Proof, Refusal> {
    for_request(more, &ASKED)
}

fn for_request(more: &Value, asked: &Asked<'_>) -> Result<Proof, Refusal> {
    let key = Key::p256();
    judged(&key.sign(&header(&key, &json!({})), &claims(more)), asked)
}

fn token(refusal: TokenRefusal) -> Result<Proof, Refusal> {
    Err(Refusal::Token(refusal))
}

#[test]
fn the_example_of_the_rfc_is_a_proof() {
    // RFC 9449 §4.1.
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let asked = Asked { url: "https://server.example.com/token", ..ASKED };
    let verified = verify(proof, &asked, 1_562_262_616).unwrap().into_inner();
    assert_eq!(verified.thumbprint, Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap());
    assert_eq!((verified.jwt_id.as_str(), verified.issued_at, verified.is_for_a_token), ("-BwC3ESc6acc2lTc", 1_562_262_616, false));
}

#[test]
fn the_proofs_of_another_program_are_proofs() {
    let made = [
        include_str!("../dpop/es256.txt"),
        include_str!("../dpop/eddsa.txt"),
        include_str!("../dpop/ps256.txt"),
        include_str!("../dpop/rs256.txt"),
    ];
    for (thumbprint, proof) in made.map(|text| text.trim_end().split_once('\n').unwrap()) {
        let asked = Asked { access_token: Some(TOKEN), nonces: &["nonce-0", "nonce-1"], ..ASKED };
        let verified = judged(proof, &asked).unwrap();
        assert_eq!((verified.thumbprint.to_string().as_str(), verified.is_for_a_token), (thumbprint, true));
        assert_eq!(judged(proof, &Asked { nonces: &["nonce-2"], ..asked }), Err(Refusal::NonceNeeded));
        assert_eq!(judged(proof, &Asked { access_token: Some("other"), ..asked }), Err(Refusal::WrongToken));
        let (signed, signature) = proof.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
        assert_eq!(judged(&forged, &asked), token(TokenRefusal::BadSignature));
    }
}

#[test]
fn each_algorithm_that_is_named_is_taken() {
    for (key, algorithm) in [
        (Key::p256(), "ES256"),
        (Key::p384(), "ES384"),
        (Key::ed25519(), "EdDSA"),
        (Key::ed25519(), "Ed25519"),
        (Key::rsa(), "RS256"),
        (Key::rsa_pss(), "PS256"),
    ] {
        let proof = key.sign(&header(&key, &json!({"alg": algorithm})), &claims(&json!({})));
        let verified = judged(&proof, &ASKED).unwrap();
        assert_eq!(verified.thumbprint, Thumbprint::of_jwk(&key.jwk(&json!({})).to_string()).unwrap(), "{algorithm}");
        assert_eq!(verified.expires_at(), NOW + MAX_AGE_SECONDS + 1);
    }
    assert!(ALGORITHMS.iter().all(|name| Algorithm::from_name(name).is_some_and(|algorithm| !algorithm.is_symmetric())));
}

#[test]
fn only_a_proof_is_one() {
    for typ in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt"] {
        assert!(with_header(&json!({"typ": typ})).is_ok(), "{typ}");
    }
    for typ in [json!("JWT"), json!("at+jwt"), json!("dpop"), json!("oauth-id-jag+jwt"), json!(""), Value::Null] {
        assert_eq!(with_header(&json!({"typ": typ})), Err(Refusal::NotAProof), "{typ}");
    }
}

#[test]
fn a_proof_is_signed_and_never_with_a_secret() {
    assert_eq!(with_header(&json!({"alg": "none"})), token(TokenRefusal::AlgorithmNone));
    assert_eq!(with_header(&json!({"alg": null})), token(TokenRefusal::Malformed(Part::Header)));
    for name in ["HS256", "HS384", "HS512", "ES512", "ES256K"] {
        assert_eq!(with_header(&json!({"alg": name})), token(TokenRefusal::UnsupportedAlgorithm), "{name}");
    }
    let secret = Key::Hmac(b"0123456789abcdef0123456789abcdef".to_vec());
    let proof = secret.sign(&header(&secret, &json!({"alg": "HS256"})), &claims(&json!({})));
    assert!(judged(&proof, &ASKED).is_err());
}

#[test]
fn the_key_decides_the_algorithm() {
    for name in ["ES384", "RS256", "EdDSA"] {
        assert_eq!(with_header(&json!({"alg": name})), Err(Refusal::BadKey(SkipReason::AlgorithmMismatch)), "{name}");
    }
    let key = Key::rsa();
    let named = header(&key, &json!({"alg": "RS256", "jwk": key.jwk(&json!({"alg": "PS256"}))}));
    assert_eq!(judged(&key.sign(&named, &claims(&json!({}))), &ASKED), Err(Refusal::BadKey(SkipReason::AlgorithmMismatch)));
    let pss = Key::rsa_pss();
    let other = pss.sign(&header(&pss, &json!({"alg": "RS256"})), &claims(&json!({})));
    assert_eq!(judged(&other, &ASKED), token(TokenRefusal::BadSignature));
}

#[test]
fn a_key_that_shows_its_private_part_is_refused() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for value in [json!("AA"), json!([]), json!(false)] {
            let key = Key::p256();
            let jwk = key.jwk(&json!({name: value}));
            assert_eq!(with_header(&json!({"jwk": jwk})), Err(Refusal::BadKey(SkipReason::PrivateKey)), "{name} {value}");
        }
    }
    let with_null = header(&Key::p256(), &json!({})).replacen(r#""jwk":{"#, r#""jwk":{"d":null,"#, 1);
    assert_eq!(judged(&Key::p256().sign(&with_null, &claims(&json!({}))), &ASKED), Err(Refusal::BadKey(SkipReason::PrivateKey)));
}

#[test]
fn what_is_no_key_that_could_verify_is_refused() {
    let key = Key::p256();
    for (jwk, expected) in [
        (Value::Null, SkipReason::Malformed),
        (json!("key"), SkipReason::Malformed),
        (json!([]), SkipReason::Malformed),
        (json!({}), SkipReason::Malformed),
        (json!({"kty": "oct"}), SkipReason::SharedSecret),
        (key.jwk(&json!({"crv": "secp256k1"})), SkipReason::Unsupported),
        (key.jwk(&json!({"x": "A".repeat(43)})), SkipReason::InvalidPoint),
        (key.jwk(&json!({"use": "enc"})), SkipReason::NotForVerifying),
        (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), SkipReason::AlgorithmMismatch),
    ] {
        assert_eq!(with_header(&json!({"jwk": jwk})), Err(Refusal::BadKey(expected)), "{jwk}");
    }
    let twice = header(&key, &json!({})).replacen(r#""jwk":{"#, r#""jwk":{"kty":"EC","#, 1);
    assert_eq!(judged(&key.sign(&twice, &claims(&json!({}))), &ASKED), Err(Refusal::BadKey(SkipReason::Malformed)));
    let two_keys = header(&key, &json!({})).replacen('{', r#"{"jwk":{},"#, 1);
    assert_eq!(judged(&key.sign(&two_keys, &claims(&json!({}))), &ASKED), token(TokenRefusal::DuplicateMember(Part::Header)));
}

#[test]
fn a_proof_is_signed_by_the_key_that_it_brings() {
    let [key, other] = [Key::p256(), Key::p256()];
    let proof = key.sign(&header(&other, &json!({})), &claims(&json!({})));
    assert_eq!(judged(&proof, &ASKED), token(TokenRefusal::BadSignature));
}

#[test]
fn a_header_that_points_elsewhere_or_changes_the_reading_is_refused() {
    for (member, name) in [
        ("jku", HeaderName::Jku),
        ("x5u", HeaderName::X5u),
        ("x5c", HeaderName::X5c),
        ("b64", HeaderName::B64),
        ("zip", HeaderName::Zip),
        ("enc", HeaderName::Enc),
    ] {
        assert_eq!(with_header(&json!({member: "x"})), token(TokenRefusal::ForbiddenHeader(name)), "{member}");
    }
    assert_eq!(with_header(&json!({"crit": ["exp"]})), token(TokenRefusal::CriticalHeader));
}

#[test]
fn the_method_is_the_one_of_the_request() {
    for bad in [json!("GET"), json!("post"), json!(""), json!(1), json!(["POST"]), Value::Null] {
        assert_eq!(with_claims(&json!({"htm": bad})), Err(Refusal::WrongMethod), "{bad}");
    }
}

#[test]
fn the_url_is_the_one_of_the_request_however_it_is_spelled() {
    for good in [
        "https://door.example/mcp/files",
        "https://door.example:443/mcp/files",
        "HTTPS://Door.Example/mcp/files",
        "https://door.example/mcp/files?x=1",
        "https://door.example/mcp/files#x",
        "https://door.example/mcp/./files",
    ] {
        assert!(with_claims(&json!({"htu": good})).is_ok(), "{good}");
    }
    for bad in [
        json!("https://door.example/mcp/files/"),
        json!("https://door.example/mcp"),
        json!("https://door.example/MCP/files"),
        json!("http://door.example/mcp/files"),
        json!("https://door.example:8443/mcp/files"),
        json!("https://evil.example/mcp/files"),
        json!("https://door.example@evil.example/mcp/files"),
        json!("https://user@door.example/mcp/files"),
        json!("https:\\\\door.example/mcp/files"),
        json!("https://door.example/mcp/fi\nles"),
        json!("/mcp/files"),
        json!(""),
        json!(1),
        Value::Null,
        json!(format!("https://door.example/mcp/files?{}", "x".repeat(2048))),
    ] {
        assert_eq!(with_claims(&json!({"htu": bad})), Err(Refusal::WrongUrl), "{bad}");
    }
    let asked = Asked { url: "https://door.example/mcp/files?cursor=1#x", ..ASKED };
    assert!(for_request(&json!({}), &asked).is_ok());
    assert_eq!(for_request(&json!({"htu": "urn:x"}), &Asked { url: "urn:x", ..ASKED }), Err(Refusal::WrongUrl));
}

#[test]
fn a_proof_is_good_for_a_minute() {
    for (issued_at, expected) in [
        (NOW - MAX_AGE_SECONDS, Ok(NOW - MAX_AGE_SECONDS)),
        (NOW - MAX_AGE_SECONDS - 1, Err(Refusal::TooOld)),
        (NOW + FUTURE_LEEWAY_SECONDS, Ok(NOW + FUTURE_LEEWAY_SECONDS)),
        (NOW + FUTURE_LEEWAY_SECONDS + 1, Err(Refusal::Token(TokenRefusal::IssuedInFuture))),
        (u64::MAX, Err(Refusal::Token(TokenRefusal::IssuedInFuture))),
        (0, Err(Refusal::TooOld)),
    ] {
        assert_eq!(with_claims(&json!({"iat": issued_at})).map(|proof| proof.issued_at), expected, "{issued_at}");
    }
    assert_eq!(with_claims(&json!({"iat": null})), token(TokenRefusal::MissingClaim(ClaimName::IssuedAt)));
    for bad in [json!("1800000000"), json!(-1), json!([NOW])] {
        assert_eq!(with_claims(&json!({"iat": bad})), token(TokenRefusal::MalformedClaim(ClaimName::IssuedAt)), "{bad}");
    }
}

#[test]
fn a_proof_is_remembered_for_as_long_as_it_is_good() {
    let key = Key::p256();
    let proof = key.sign(&header(&key, &json!({})), &claims(&json!({})));
    let expires_at = verify(&proof, &ASKED, NOW).unwrap().expires_at();
    assert!(verify(&proof, &ASKED, expires_at - 1).is_ok());
    assert_eq!(verify(&proof, &ASKED, expires_at), Err(Refusal::TooOld));
}

#[test]
fn a_proof_has_a_name_by_which_it_is_remembered() {
    assert_eq!(with_claims(&json!({"jti": "x".repeat(256)})).unwrap().jwt_id.len(), 256);
    assert_eq!(with_claims(&json!({"jti": null})), token(TokenRefusal::MissingClaim(ClaimName::JwtId)));
    for bad in [json!(""), json!("x".repeat(257)), json!("a\nb"), json!(7)] {
        assert_eq!(with_claims(&json!({"jti": bad})), token(TokenRefusal::MalformedClaim(ClaimName::JwtId)), "{bad}");
    }
}

#[test]
fn a_proof_that_comes_with_a_token_is_for_that_token() {
    let asked = Asked { access_token: Some(TOKEN), ..ASKED };
    assert!(for_request(&json!({"ath": TOKEN_HASH}), &asked).unwrap().is_for_a_token);
    for bad in [Value::Null, json!(""), json!(1), json!(format!("{TOKEN_HASH}=")), json!(TOKEN), json!("A".repeat(43))] {
        assert_eq!(for_request(&json!({"ath": bad}), &asked), Err(Refusal::WrongToken), "{bad}");
    }
    // Without a token there is nothing that it could be for.
    assert!(!with_claims(&json!({"ath": TOKEN_HASH})).unwrap().is_for_a_token);
}

#[test]
fn a_nonce_is_one_of_ours_where_one_is_asked_for() {
    let asked = Asked { nonces: &["n-1", "n-2"], ..ASKED };
    for good in ["n-1", "n-2"] {
        assert!(for_request(&json!({"nonce": good}), &asked).is_ok(), "{good}");
    }
    for bad in [Value::Null, json!("n-3"), json!(""), json!(1), json!(["n-1"])] {
        assert_eq!(for_request(&json!({"nonce": bad}), &asked), Err(Refusal::NonceNeeded), "{bad}");
    }
    assert!(with_claims(&json!({"nonce": "theirs"})).is_ok());
    assert_eq!((Refusal::NonceNeeded.error(), Refusal::TooOld.error()), ("use_dpop_nonce", "invalid_dpop_proof"));
}

#[test]
fn a_proof_is_one_signature_over_two_strict_objects_of_bounded_size() {
    let key = Key::p256();
    let good = key.sign(&header(&key, &json!({})), &claims(&json!({})));
    for bad in ["", "a.b", &format!("{good}.x"), &format!("{good},{good}"), r#"{"payload":"","signatures":[]}"#] {
        assert!(judged(bad, &ASKED).is_err(), "{bad}");
    }
    let unsigned = good.rsplit_once('.').unwrap().0;
    assert_eq!(judged(&format!("{unsigned}."), &ASKED), token(TokenRefusal::Malformed(Part::Signature)));
    let twice = claims(&json!({})).replacen('{', r#"{"htu":"https://evil.example","#, 1);
    let twice = key.sign(&header(&key, &json!({})), &twice);
    assert_eq!(judged(&twice, &ASKED), token(TokenRefusal::DuplicateMember(Part::Claims)));
    assert_eq!(judged(&"a".repeat(MAX_PROOF_BYTES + 1), &ASKED), token(TokenRefusal::TooLong(Part::Token)));
    assert_eq!(with_header(&json!({"pad": "x".repeat(2048)})), token(TokenRefusal::TooLong(Part::Header)));
}

#[test]
fn each_refusal_has_its_own_label() {
    let all = [
        Refusal::BadKey(SkipReason::Malformed),
        Refusal::NonceNeeded,
        Refusal::NotAProof,
        Refusal::TooOld,
        Refusal::Token(TokenRefusal::BadSignature),
        Refusal::WrongMethod,
        Refusal::WrongToken,
        Refusal::WrongUrl,
    ];
    let labels: std::collections::HashSet<_> = all.iter().map(|refusal| refusal.code()).collect();
    assert_eq!(labels.len(), all.len());
}
