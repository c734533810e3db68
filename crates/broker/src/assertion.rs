//! How does the door sign who it is? A JWT with its private key (RFC 7523 §2.2): ES256, RS256 or EdDSA, as the key is.

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::client_authentication::AssertionClaims;
use oauth::issuer::Issuer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use zeroize::{Zeroize as _, Zeroizing};

use crate::missing::Cause;

/// A private key that signs.
pub(crate) enum SigningKey {
    Edwards(Box<Ed25519KeyPair>),
    P256(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl SigningKey {
    /// Reads the first private key of a PEM text: PKCS#8, or the older forms of `openssl`.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, Cause> {
        let mut der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| Cause::NotAKey)?;
        let key = match &der {
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(|key| Self::Rsa(Box::new(key))),
            PrivateKeyDer::Sec1(der) => {
                let key = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_sec1_der());
                key.ok().map(|key| Self::P256(Box::new(key)))
            }
            _ => None,
        };
        der.zeroize();
        key.ok_or(Cause::NotAKey)
    }

    /// A signed statement that we are `client_id`, for `issuer` alone, good for a minute from `now` (Unix seconds).
    pub(crate) fn assertion(&self, client_id: &str, key_id: Option<&str>, issuer: &Issuer, now: u64) -> Result<Zeroizing<String>, Cause> {
        let mut jwt_id = [0; 16];
        rand::fill(&mut jwt_id).map_err(|_| no_cryptography())?;
        let jwt_id = URL_SAFE_NO_PAD.encode(jwt_id);
        let header = Header { alg: self.algorithm(), typ: "JWT", kid: key_id };
        let mut token = Zeroizing::new(encoded(&header)?);
        token.push('.');
        token.push_str(&encoded(&AssertionClaims::new(client_id, issuer, &jwt_id, now))?);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Some(Self::P256(Box::new(key)));
        }
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Some(Self::Edwards(Box::new(key)));
        }
        RsaKeyPair::from_pkcs8(der).ok().map(|key| Self::Rsa(Box::new(key)))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Edwards(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Cause> {
        match self {
            Self::Edwards(key) => Ok(key.sign(input).as_ref().to_vec()),
            Self::P256(key) => {
                key.sign(&SystemRandom::new(), input).map(|signature| signature.as_ref().to_vec()).map_err(|_| no_cryptography())
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, &mut signature).map_err(|_| no_cryptography())?;
                Ok(signature)
            }
        }
    }
}

#[derive(Serialize)]
struct Header<'h> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'h str>,
}

fn encoded(part: &impl Serialize) -> Result<String, Cause> {
    serde_json::to_vec(part).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| no_cryptography())
}

/// For want of randomness, say.
fn no_cryptography() -> Cause {
    Cause::Unavailable { detail: "the cryptographic library failed".into() }
}

#[cfg(test)]
mod tests;
