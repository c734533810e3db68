//! Who signs? Keys that sign anything at all, for tests that need tokens no honest issuer would make.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A private key, or a secret.
pub(crate) enum Key {
    Ecdsa(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
    Hmac(Vec<u8>),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl Key {
    pub(crate) fn p256() -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Edwards(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn rsa() -> Self {
        Self::Rsa(rsa_pair(), &RSA_PKCS1_SHA256)
    }

    pub(crate) fn rsa_pss() -> Self {
        Self::Rsa(rsa_pair(), &RSA_PSS_SHA256)
    }

    /// A compact JWS over exactly these texts.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// The public key as a JWK; of a secret, the secret.
    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Self::Edwards(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
            Self::Hmac(secret) => json!({"kty": "oct", "k": text(secret)}),
            Self::Rsa(pair, _) => {
                json!({"kty": "RSA", "n": text(pair.public_key().modulus().big_endian_without_leading_zero()), "e": "AQAB"})
            }
        };
        merge(&mut jwk, more);
        jwk
    }

    /// The RSA public key in the forms that an attacker could hand to HMAC.
    pub(crate) fn public_rsa_forms(&self) -> Vec<Vec<u8>> {
        let Self::Rsa(pair, _) = self else { unreachable!("an RSA key") };
        let der = pair.public_key().as_ref().to_vec();
        let mut pem = String::from("-----BEGIN RSA PUBLIC KEY-----\n");
        for line in STANDARD.encode(&der).as_bytes().chunks(64) {
            writeln!(pem, "{}", std::str::from_utf8(line).unwrap()).unwrap();
        }
        pem.push_str("-----END RSA PUBLIC KEY-----\n");
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        vec![pem.trim_end().into(), pem.into_bytes(), der, URL_SAFE_NO_PAD.encode(&modulus).into_bytes(), modulus]
    }

    fn signature(&self, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => pair.sign(&random, input).unwrap().as_ref().to_vec(),
            Self::Edwards(pair) => pair.sign(input).as_ref().to_vec(),
            Self::Hmac(secret) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input).as_ref().to_vec(),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, input, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// Adds the members of `more` to `object`; a null takes one away.
pub(crate) fn merge(object: &mut Value, more: &Value) {
    let members = object.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

fn rsa_pair() -> RsaKeyPair {
    let pem = include_str!("../../../../token/tests/keys/rsa-2048-issuer.pem");
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap()
}
