//! Keys that sign anything at all, for tests that need tokens no honest issuer would make.

use std::fmt::Write;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use token::{Claims, KeySet, Presented, Refusal, Trust, Unverified, Verified, verify};

/// Every test happens at this time.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://login.example/t1";
pub(crate) const AUDIENCE: &str = "https://door.example/mcp/files";

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

    pub(crate) fn p384() -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Edwards(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn rsa() -> Self {
        Self::Rsa(rsa_pair(include_str!("../keys/rsa-2048-issuer.pem")), &RSA_PKCS1_SHA256)
    }

    pub(crate) fn rsa_pss() -> Self {
        Self::Rsa(rsa_pair(include_str!("../keys/rsa-2048-issuer.pem")), &RSA_PSS_SHA256)
    }

    pub(crate) fn rsa_stranger() -> Self {
        Self::Rsa(rsa_pair(include_str!("../keys/rsa-2048-stranger.pem")), &RSA_PKCS1_SHA256)
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// The public key as a JWK, with `more` members added or, where null, taken away.
    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": if x.len() == 32 { "P-256" } else { "P-384" }, "x": text(x), "y": text(y)})
            }
            Self::Edwards(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
            Self::Rsa(pair, _) => json!({"kty": "RSA", "n": text(&modulus(pair)), "e": "AQAB"}),
            Self::Hmac(secret) => json!({"kty": "oct", "k": text(secret)}),
        };
        merge(&mut jwk, more);
        jwk
    }

    /// The RSA public key in the forms an attacker could hand to HMAC.
    pub(crate) fn public_rsa_forms(&self) -> Vec<Vec<u8>> {
        let Self::Rsa(pair, _) = self else { unreachable!("an RSA key") };
        let pkcs1 = pair.public_key().as_ref().to_vec();
        let body = STANDARD.encode(&pkcs1);
        let mut pem = String::from("-----BEGIN RSA PUBLIC KEY-----\n");
        for line in body.as_bytes().chunks(64) {
            writeln!(pem, "{}", str::from_utf8(line).unwrap()).unwrap();
        }
        pem.push_str("-----END RSA PUBLIC KEY-----\n");
        let modulus = modulus(pair);
        let text = URL_SAFE_NO_PAD.encode(&modulus).into_bytes();
        vec![pem.trim_end().into(), pem.into_bytes(), pkcs1, modulus, text]
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

pub(crate) fn encode(part: &str) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

pub(crate) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

/// A key set of which no key was left out.
pub(crate) fn key_set(keys: &[Value]) -> KeySet {
    let (keys, skipped) = KeySet::from_jwks(&jwks(keys)).unwrap();
    assert_eq!(skipped, []);
    keys
}

/// Good claims, with `more` members added or, where null, taken away.
pub(crate) fn claims(more: &Value) -> String {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW, "exp": NOW + 300});
    merge(&mut claims, more);
    claims.to_string()
}

pub(crate) fn trust() -> Trust {
    Trust::new(Some(ISSUER.into()), vec![AUDIENCE.into()])
}

/// The whole road of a token.
pub(crate) fn judge(token: &str, trust: &Trust, keys: &KeySet) -> Result<Verified<Claims>, Refusal> {
    verify(&Unverified::parse(token)?, trust, keys, Presented::AsBearer, NOW)
}

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

fn rsa_pair(pem: &str) -> RsaKeyPair {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap()
}

fn modulus(pair: &RsaKeyPair) -> Vec<u8> {
    pair.public_key().modulus().big_endian_without_leading_zero().to_vec()
}
