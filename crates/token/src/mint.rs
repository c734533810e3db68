//! May we sign a token, and what goes into it? (RFC 9068 §2)

#[cfg(test)]
mod tests;

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use aws_lc_rs::{error::Unspecified, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::actors::Actors;
use oauth::scope::ScopeSet;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::claims::is_nameable;
use crate::compact::MAX_TOKEN_BYTES;
use crate::shared_secret::SharedSecret;
use crate::thumbprint::Thumbprint;

/// Signs tokens with one key.
pub struct Minter {
    signer: Signer,
    key_id: Option<String>,
}

enum Signer {
    Secret(Box<hmac::Key>),
    P256(Box<EcdsaKeyPair>),
}

/// What a new token shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MintRequest {
    /// `aud`: one is written as a string, several as a list.
    pub audiences: Vec<String>,
    /// `sub`
    pub subject: String,
    /// Seconds from now to `exp`: 1 to [`MAX_TTL_SECONDS`].
    pub ttl_seconds: u64,
    /// `scope`; left out when empty.
    pub scopes: ScopeSet,
    /// `client_id`
    pub client_id: Option<String>,
    /// `iss`
    pub issuer: Option<String>,
    /// `jti`; when absent, 128 random bits.
    pub jwt_id: Option<String>,
    /// `grant_id`: the grant that the token stands for, and ends with (Grant Management for OAuth 2.0).
    pub grant_id: Option<String>,
    /// `cnf`: the key that the token shall be bound to (RFC 9449 §6.1). It is then no plain bearer token.
    pub confirmation: Option<Thumbprint>,
    /// `act`: who acts for the subject, having exchanged a token of theirs for this one (RFC 8693 §4.1).
    pub actors: Actors,
    /// `auth_time`: when the person last signed in, in unix seconds (RFC 9470 §6.1).
    pub auth_time: Option<u64>,
}

impl MintRequest {
    /// A token for one audience and one subject, without scopes.
    pub fn new(audience: impl Into<String>, subject: impl Into<String>, ttl_seconds: u64) -> Self {
        Self {
            audiences: vec![audience.into()],
            subject: subject.into(),
            ttl_seconds,
            scopes: ScopeSet::default(),
            client_id: None,
            issuer: None,
            jwt_id: None,
            grant_id: None,
            confirmation: None,
            actors: Actors::default(),
            auth_time: None,
        }
    }
}

impl Minter {
    /// Signs with HS256. The header has no `kid`.
    pub fn shared_secret(secret: &SharedSecret) -> Self {
        Self { signer: Signer::Secret(Box::new(secret.signing_key())), key_id: None }
    }

    /// Signs with ES256; `pkcs8` is the private key in PKCS#8 DER, `key_id` becomes `kid`.
    pub fn es256(pkcs8: &[u8], key_id: impl Into<String>) -> Result<Self, MintError> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| MintError::NotAKey)?;
        Ok(Self { signer: Signer::P256(Box::new(key)), key_id: Some(key_id.into()) })
    }

    /// Signs with ES256 under a name that needs no choosing: `kid` is the key's thumbprint.
    pub fn es256_by_thumbprint(pkcs8: &[u8]) -> Result<Self, MintError> {
        let minter = Self::es256(pkcs8, "")?;
        let thumbprint = minter.thumbprint().ok_or(MintError::NotAKey)?;
        Ok(Self { key_id: Some(thumbprint.to_string()), ..minter })
    }

    /// The `kid` of the tokens; a shared secret has none.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The algorithm of the tokens.
    pub fn algorithm(&self) -> Algorithm {
        match self.signer {
            Signer::Secret(_) => Algorithm::Hs256,
            Signer::P256(_) => Algorithm::Es256,
        }
    }

    /// Signs a token; `now` is unix seconds and becomes `iat`.
    pub fn mint(&self, request: &MintRequest, now: u64) -> Result<String, MintError> {
        request.check()?;
        let jwt_id = request.jwt_id.clone().map_or_else(random_text, Ok)?;
        let header = HeaderMembers { alg: self.algorithm().name(), typ: self.typ(), kid: self.key_id.as_deref() };
        let claims = ClaimMembers {
            iss: request.issuer.as_deref(),
            sub: &request.subject,
            aud: match request.audiences.as_slice() {
                [audience] => Audience::One(audience),
                audiences => Audience::Several(audiences),
            },
            client_id: request.client_id.as_deref(),
            scope: (!request.scopes.is_empty()).then(|| request.scopes.to_string()),
            iat: now,
            exp: now.saturating_add(request.ttl_seconds),
            jti: &jwt_id,
            grant_id: request.grant_id.as_deref(),
            auth_time: request.auth_time,
            act: (!request.actors.is_empty()).then_some(&request.actors),
            cnf: request.confirmation.as_ref().map(|jkt| Confirmation { jkt }),
        };
        let mut token = encode(&header)?;
        token.push('.');
        token.push_str(&encode(&claims)?);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        if token.len() > MAX_TOKEN_BYTES { Err(MintError::TooLong) } else { Ok(token) }
    }

    /// The public key as a JWK set, for whoever verifies; `None` for a shared secret.
    pub fn public_jwks(&self) -> Option<String> {
        self.public_jwk().map(|key| serde_json::json!({ "keys": [key] }).to_string())
    }

    /// The public key as a JWK, for a set of several; `None` for a shared secret.
    pub fn public_jwk(&self) -> Option<serde_json::Value> {
        let [x, y] = self.public_point()?;
        let key_id = self.key_id.as_deref();
        Some(serde_json::json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key_id, "x": x, "y": y}))
    }

    /// Which key it is; `None` for a shared secret.
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        let [x, y] = self.public_point()?;
        Some(Thumbprint::of_members(&[("crv", "P-256"), ("kty", "EC"), ("x", &x), ("y", &y)]))
    }

    /// The two coordinates of the public key, in base64url.
    fn public_point(&self) -> Option<[String; 2]> {
        let Signer::P256(key) = &self.signer else { return None };
        let point = key.public_key().as_ref().get(1..)?;
        let (x, y) = point.split_at_checked(point.len() / 2)?;
        Some([x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate)))
    }

    /// RFC 9068 names access tokens; those with a shared secret keep the plain name that
    /// every library accepts.
    fn typ(&self) -> &'static str {
        match self.signer {
            Signer::Secret(_) => "JWT",
            Signer::P256(_) => "at+jwt",
        }
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, MintError> {
        match &self.signer {
            Signer::Secret(key) => Ok(hmac::sign(key, input).as_ref().to_vec()),
            Signer::P256(key) => Ok(key.sign(&SystemRandom::new(), input)?.as_ref().to_vec()),
        }
    }
}

/// A new shared secret of 256 random bits, wiped when dropped.
pub fn generate_secret() -> Result<Zeroizing<[u8; 32]>, MintError> {
    let mut secret = Zeroizing::new([0; 32]);
    rand::fill(secret.as_mut_slice())?;
    Ok(secret)
}

/// A new private key for [`Minter::es256`], in PKCS#8 DER, wiped when dropped.
pub fn generate_es256_key() -> Result<Zeroizing<Vec<u8>>, MintError> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// Why a token was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// No audience, or an empty one.
    #[error("a token needs at least one audience, and none may be empty")]
    NoAudience,
    /// The subject, client, issuer, grant, actor or id is empty, over 2048 bytes, or has control characters.
    #[error("subject, client, issuer, grant, actor and id must not be empty, too long, or hold control characters")]
    BadText,
    /// The lifetime is 0 or longer than [`MAX_TTL_SECONDS`].
    #[error("a token lives 1 second to {} days", MAX_TTL_SECONDS / 86_400)]
    BadLifetime,
    /// The token would be longer than the door reads.
    #[error("the token would be longer than {} KiB", MAX_TOKEN_BYTES / 1024)]
    TooLong,
    /// The bytes are not a P-256 private key in PKCS#8 form.
    #[error("this is not a P-256 private key in PKCS#8 form")]
    NotAKey,
    /// The cryptographic library failed, for example for want of randomness.
    #[error("the cryptographic library failed")]
    CryptographyFailed,
}

impl From<Unspecified> for MintError {
    fn from(_: Unspecified) -> Self {
        Self::CryptographyFailed
    }
}

/// The longest lifetime of a token that we sign: 30 days.
pub const MAX_TTL_SECONDS: u64 = 30 * 86_400;

impl MintRequest {
    fn check(&self) -> Result<(), MintError> {
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(MintError::NoAudience);
        }
        let optional = [&self.client_id, &self.issuer, &self.jwt_id, &self.grant_id];
        let optional = optional.into_iter().flatten().map(String::as_str).chain(self.actors.iter());
        if !is_nameable(&self.subject) || !optional.into_iter().all(is_nameable) {
            return Err(MintError::BadText);
        }
        if (1..=MAX_TTL_SECONDS).contains(&self.ttl_seconds) { Ok(()) } else { Err(MintError::BadLifetime) }
    }
}

#[derive(Serialize)]
struct HeaderMembers<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct ClaimMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    sub: &'a str,
    aud: Audience<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    iat: u64,
    exp: u64,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'a Actors>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<'a>>,
}

#[derive(Serialize)]
struct Confirmation<'a> {
    jkt: &'a Thumbprint,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(&'a [String]),
}

fn encode(part: &impl Serialize) -> Result<String, MintError> {
    // Members are texts and whole numbers, so this cannot fail; if it did, nothing is signed.
    let json = serde_json::to_vec(part).map_err(|_| MintError::BadText)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

fn random_text() -> Result<String, MintError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
