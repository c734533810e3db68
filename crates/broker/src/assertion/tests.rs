//! Does somebody else's library believe what we sign? Keys are made by `openssl`, as an operator would.

use std::process::{Command, Stdio};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use super::*;

const NOW: u64 = 4_000_000_000;

fn shell(script: &str, input: &str) -> String {
    use std::io::Write as _;

    let mut child = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}");
    String::from_utf8(output.stdout).unwrap()
}

fn claims_of(pem: &str, algorithm: Algorithm) -> Value {
    let public = shell("openssl pkey -pubout", pem);
    let issuer = Issuer::parse("https://idp.example/t").unwrap();
    let token = SigningKey::from_pem(pem).unwrap().assertion("door", Some("k1"), &issuer, NOW).unwrap();
    let header = decode_header(token.as_str()).unwrap();
    assert_eq!((header.alg, header.kid.as_deref(), header.typ.as_deref()), (algorithm, Some("k1"), Some("JWT")));
    let key = match algorithm {
        Algorithm::ES256 => DecodingKey::from_ec_der(&der_of(&public)),
        Algorithm::EdDSA => DecodingKey::from_ed_der(&der_of(&public)),
        _ => DecodingKey::from_rsa_der(&rsa_der_of(&public)),
    };
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["https://idp.example/t"]);
    validation.set_issuer(&["door"]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    decode::<Value>(token.as_str(), &key, &validation).unwrap().claims
}

/// The bare point or key of a public key: the end of its DER.
fn der_of(public: &str) -> Vec<u8> {
    let der = rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(public.as_bytes()).unwrap();
    let length = if der.as_ref().len() > 80 { 65 } else { 32 };
    der.as_ref()[der.as_ref().len() - length..].to_vec()
}

fn rsa_der_of(public: &str) -> Vec<u8> {
    use base64::engine::general_purpose::STANDARD;

    let pem = shell("openssl rsa -pubin -RSAPublicKey_out", public);
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}

#[test]
fn each_kind_of_key_signs_what_its_public_half_verifies() {
    for (script, algorithm) in [
        ("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", Algorithm::ES256),
        ("openssl ecparam -name prime256v1 -genkey -noout", Algorithm::ES256),
        ("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", Algorithm::RS256),
        ("openssl genrsa -traditional 2048", Algorithm::RS256),
        ("openssl genpkey -algorithm ED25519", Algorithm::EdDSA),
    ] {
        let claims = claims_of(&shell(script, ""), algorithm);
        assert_eq!((&claims["iss"], &claims["sub"], &claims["aud"]), (&"door".into(), &"door".into(), &"https://idp.example/t".into()));
        assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(NOW), Some(NOW + 60)), "{script}");
        assert_eq!(claims["jti"].as_str().unwrap().len(), 22);
    }
}

#[test]
fn no_two_statements_are_the_same() {
    let key = SigningKey::from_pem(&shell("openssl genpkey -algorithm ED25519", "")).unwrap();
    let issuer = Issuer::parse("https://idp.example").unwrap();
    let sign = || key.assertion("door", None, &issuer, NOW).unwrap();
    assert_ne!(sign(), sign());
    assert_eq!(decode_header(sign().as_str()).unwrap().kid, None);
}

#[test]
fn what_cannot_sign_is_refused_and_not_shown() {
    let other_curve = shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "");
    let public = shell("openssl pkey -pubout", &shell("openssl genpkey -algorithm ED25519", ""));
    for pem in ["", "hunter2", &other_curve, &public, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let cause = SigningKey::from_pem(pem).err().unwrap();
        assert_eq!(cause, Cause::NotAKey);
        assert!(!cause.is_transient());
    }
}
