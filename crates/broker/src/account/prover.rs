//! How do we show that a token is ours and not stolen? A proof for each request, signed with a key that never leaves this machine (RFC 9449).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::NotSignedIn;

/// A key, and what servers want to see in its proofs.
pub(crate) struct Prover {
    key: EcdsaKeyPair,
    /// PKCS#8, to be kept where secrets are.
    pkcs8: Zeroizing<String>,
    /// By origin.
    nonces: Mutex<HashMap<String, String>>,
}

impl Prover {
    /// A new key.
    pub(super) fn generate() -> Result<Self, NotSignedIn> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let document = document.map_err(|_| NotSignedIn::NoRandomNumbers)?;
        Self::read(&Zeroizing::new(STANDARD.encode(document.as_ref()))).ok_or(NotSignedIn::NoRandomNumbers)
    }

    /// The key that was kept.
    pub(super) fn read(pkcs8: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(pkcs8).ok()?);
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes).ok()?;
        Some(Self { key, pkcs8: Zeroizing::new(pkcs8.to_owned()), nonces: Mutex::default() })
    }

    /// The key, to be kept.
    pub(super) fn pkcs8(&self) -> &str {
        &self.pkcs8
    }

    /// A proof for one request, and for the token that goes with it; `now` is Unix seconds.
    pub(crate) fn proof(&self, method: &str, url: &Url, token: Option<&str>, now: u64) -> Option<HeaderValue> {
        let (x, y) = self.key.public_key().as_ref().get(1..)?.split_at_checked(32)?;
        let header = json!({
            "typ": "dpop+jwt",
            "alg": "ES256",
            "jwk": {"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)},
        });
        let mut jwt_id = [0; 16];
        rand::fill(&mut jwt_id).ok()?;
        let mut place = url.clone();
        place.set_query(None);
        place.set_fragment(None);
        let mut claims = serde_json::Map::from_iter([
            ("jti".to_owned(), json!(URL_SAFE_NO_PAD.encode(jwt_id))),
            ("htm".to_owned(), json!(method)),
            ("htu".to_owned(), json!(place.as_str())),
            ("iat".to_owned(), json!(now)),
        ]);
        if let Some(token) = token {
            claims.insert("ath".to_owned(), json!(URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))));
        }
        if let Some(nonce) = self.nonces().get(&origin(url)) {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        let encoded = |part: &str| URL_SAFE_NO_PAD.encode(part);
        let input = format!("{}.{}", encoded(&header.to_string()), encoded(&serde_json::Value::Object(claims).to_string()));
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).ok()?;
        HeaderValue::try_from(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))).ok()
    }

    /// What the next proof for this server has to hold; whether that is news.
    pub(crate) fn heed(&self, url: &Url, nonce: &str) -> bool {
        let is_acceptable = (1..=MAX_NONCE_BYTES).contains(&nonce.len());
        is_acceptable && self.nonces().insert(origin(url), nonce.to_owned()).as_deref() != Some(nonce)
    }

    fn nonces(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

const MAX_NONCE_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    fn parts(proof: &HeaderValue) -> (Value, Value, String, Vec<u8>) {
        let text = proof.to_str().unwrap();
        let (input, signature) = text.rsplit_once('.').unwrap();
        let (header, claims) = input.split_once('.').unwrap();
        let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        (read(header), read(claims), input.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    #[test]
    fn a_proof_is_for_one_request_and_one_token_and_signed_with_the_key_in_it() {
        let prover = Prover::generate().unwrap();
        let url = Url::parse("https://h.example:8443/mcp?x=1#f").unwrap();
        let (header, claims, input, signature) = parts(&prover.proof("POST", &url, Some("token"), 7).unwrap());
        assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("dpop+jwt"), Some("ES256")));
        assert_eq!(
            (claims["htm"].as_str(), claims["htu"].as_str(), claims["iat"].as_u64()),
            (Some("POST"), Some("https://h.example:8443/mcp"), Some(7))
        );
        assert_eq!(claims["ath"], json!(URL_SAFE_NO_PAD.encode(digest(&SHA256, b"token"))));
        assert!(claims.get("nonce").is_none() && header["jwk"].get("d").is_none());
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(header["jwk"][name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(input.as_bytes(), &signature).unwrap();
        let (_, again, _, _) = parts(&prover.proof("POST", &url, Some("token"), 7).unwrap());
        assert_ne!(claims["jti"], again["jti"]);
    }

    #[test]
    fn a_nonce_is_for_the_server_that_gave_it() {
        let prover = Prover::read(Prover::generate().unwrap().pkcs8()).unwrap();
        let (here, there) = (Url::parse("https://a.example/x").unwrap(), Url::parse("https://b.example/x").unwrap());
        assert!(prover.heed(&here, "n"));
        assert!(!prover.heed(&here, "n") && !prover.heed(&here, ""));
        assert_eq!(parts(&prover.proof("GET", &here, None, 0).unwrap()).1["nonce"], "n");
        assert!(parts(&prover.proof("GET", &there, None, 0).unwrap()).1.get("nonce").is_none());
        assert!(Prover::read("nonsense").is_none());
    }
}
