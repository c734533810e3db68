//! Does the sender of this request have the key that they say they have? (RFC 9449 §4)
//!
//! A proof is for one request and one moment, and brings its own key. It says nothing about who the sender is: that says the token which is bound to the key.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::claims::is_nameable;
use crate::compact::Compact;
use crate::json::{self, Value};
use crate::key_set::{self, SkipReason, VerificationKey};
use crate::refusal::{ClaimName, HeaderName, Part};
use crate::thumbprint::Thumbprint;
use crate::unverified::{algorithm, header_text};
use crate::verify::{Verified, is_signed_by};

/// The request that a proof came with.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method, as it stands in the request.
    pub method: &'a str,
    /// The URL as the sender sees it. Its query and fragment do not count.
    pub url: &'a str,
    /// The token that came along, if there was one: the proof must be for it.
    pub access_token: Option<&'a str>,
    /// The nonces that are good now, of which the proof must hold one. None at all: none is asked for.
    pub nonces: &'a [&'a str],
}

/// What a verified proof says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Which key the sender has.
    pub thumbprint: Thumbprint,
    /// `jti`: unique among the proofs of this key. Whoever takes the proof remembers both until it is too old, so that it is good once.
    pub jwt_id: String,
    /// `iat`, in unix seconds.
    pub issued_at: u64,
    /// Whether the proof is for the access token that it came with (`ath`).
    pub is_for_a_token: bool,
}

impl Proof {
    /// From when on the proof is too old, in unix seconds: so long its `jti` is remembered.
    pub fn expires_at(&self) -> u64 {
        self.issued_at.saturating_add(MAX_AGE_SECONDS).saturating_add(1)
    }
}

/// Judges a proof, in the order of RFC 9449 §4.3, the signature last; `now` is unix seconds. That it was not seen before is for the caller to ask.
pub fn verify(proof: &str, asked: &Asked<'_>, now: u64) -> Result<Verified<Proof>, Refusal> {
    if proof.len() > MAX_PROOF_BYTES {
        return Err(crate::Refusal::TooLong(Part::Token).into());
    }
    let compact = Compact::split(proof)?;
    let (key, thumbprint) = read_key(&compact.header(MAX_HEADER_BYTES)?)?;
    let claims = ClaimMembers::parse(&compact.claims()?)?;
    claims.check_request(asked)?;
    let issued_at = claims.check_time(now)?;
    let jwt_id = claims.jwt_id.ok_or(crate::Refusal::MissingClaim(ClaimName::JwtId))?;
    if !is_signed_by(compact, &key) {
        return Err(crate::Refusal::BadSignature.into());
    }
    Ok(Verified::vouch(Proof { thumbprint, jwt_id, issued_at, is_for_a_token: asked.access_token.is_some() }))
}

/// Why a proof is not good. It never holds any part of the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key in the header cannot be used.
    #[error("the proof's key cannot be used: {0}")]
    BadKey(#[source] SkipReason),
    /// There is no nonce in it, or not one that is good now. The sender gets one and tries again.
    #[error("the proof needs a `nonce` of ours")]
    NonceNeeded,
    /// `typ` is not `dpop+jwt`.
    #[error("`typ` is not that of a proof")]
    NotAProof,
    /// It was made too long ago.
    #[error("the proof is more than {MAX_AGE_SECONDS} seconds old")]
    TooOld,
    /// It is wrong as any signed token can be.
    #[error(transparent)]
    Token(#[from] crate::refusal::Refusal),
    /// `htm` is missing, or is another method.
    #[error("the proof is for another method (`htm`)")]
    WrongMethod,
    /// `ath` is missing, or is that of another token.
    #[error("the proof is for another access token (`ath`)")]
    WrongToken,
    /// `htu` is missing, or is another URL.
    #[error("the proof is for another URL (`htu`)")]
    WrongUrl,
}

impl Refusal {
    /// The name of the error on the wire (RFC 9449 §5, §7.1, §8).
    pub fn error(self) -> &'static str {
        match self {
            Self::NonceNeeded => "use_dpop_nonce",
            _ => "invalid_dpop_proof",
        }
    }

    /// A fixed label for logs and metrics, in snake case.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadKey(_) => "proof_bad_key",
            Self::NonceNeeded => "proof_nonce_needed",
            Self::NotAProof => "proof_wrong_type",
            Self::TooOld => "proof_too_old",
            Self::Token(refusal) => refusal.code(),
            Self::WrongMethod => "proof_wrong_method",
            Self::WrongToken => "proof_wrong_token",
            Self::WrongUrl => "proof_wrong_url",
        }
    }
}

/// Longest proof that is read: 8 KiB.
pub const MAX_PROOF_BYTES: usize = 8 * 1024;

/// How long a proof is good.
pub const MAX_AGE_SECONDS: u64 = 60;

/// How far the sender's clock may be ahead of ours.
pub const FUTURE_LEEWAY_SECONDS: u64 = 30;

/// The algorithms of proofs, as metadata names them.
pub const ALGORITHMS: [&str; 10] = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

/// The key that the header brings, pinned to the header's algorithm.
fn read_key(header: &[u8]) -> Result<(VerificationKey, Thumbprint), Refusal> {
    let members = HeaderMembers::parse(header)?;
    let is_proof = members.typ.as_deref().is_some_and(is_proof_type);
    if !is_proof {
        return Err(Refusal::NotAProof);
    }
    let algorithm = algorithm(members.algorithm.as_deref())?;
    if algorithm.is_symmetric() {
        return Err(crate::Refusal::UnsupportedAlgorithm.into());
    }
    if !members.has_public_key {
        return Err(Refusal::BadKey(SkipReason::Malformed));
    }
    let raw: RawHeader<'_> = serde_json::from_slice(header).map_err(|_| crate::Refusal::Malformed(Part::Header))?;
    key_set::read_one(raw.jwk.get(), Some(algorithm)).map_err(Refusal::BadKey)
}

fn is_proof_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == "dpop+jwt"
}

#[derive(Default)]
struct HeaderMembers {
    algorithm: Option<String>,
    typ: Option<String>,
    has_public_key: bool,
}

#[derive(Deserialize)]
struct RawHeader<'h> {
    #[serde(borrow)]
    jwk: &'h RawValue,
}

impl HeaderMembers {
    fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let mut members = Self::default();
        json::read_members(json, Part::Header, |name, value| members.take(name, value))?;
        Ok(members)
    }

    fn take(&mut self, name: &str, value: Value<'_>) -> Result<(), Refusal> {
        match name {
            "alg" => self.algorithm = Some(header_text(value)?),
            "typ" => self.typ = Some(header_text(value)?),
            "crit" => return Err(crate::Refusal::CriticalHeader.into()),
            "jwk" => self.has_public_key = is_public(value)?,
            _ => {
                if let Some(forbidden) = HeaderName::from_name(name) {
                    return Err(crate::Refusal::ForbiddenHeader(forbidden).into());
                }
            }
        }
        Ok(())
    }
}

/// RFC 9449 §4.3, step 7: the key has no private part. What is no object is no key.
fn is_public(jwk: Value<'_>) -> Result<bool, Refusal> {
    let Value::Members(members) = jwk else { return Ok(false) };
    let is_private = members.iter().any(|(name, _)| PRIVATE_MEMBERS.contains(&&**name));
    if is_private { Err(Refusal::BadKey(SkipReason::PrivateKey)) } else { Ok(true) }
}

#[derive(Default)]
struct ClaimMembers {
    access_token_hash: Option<String>,
    issued_at: Option<u64>,
    jwt_id: Option<String>,
    method: Option<String>,
    nonce: Option<String>,
    url: Option<String>,
}

impl ClaimMembers {
    fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let mut members = Self::default();
        json::read_members(json, Part::Claims, |name, value| members.take(name, value))?;
        Ok(members)
    }

    fn take(&mut self, name: &str, value: Value<'_>) -> Result<(), Refusal> {
        let text = |value| if let Value::Text(text) = value { Some(text.into_owned()) } else { None };
        match name {
            "ath" => self.access_token_hash = text(value),
            "htm" => self.method = text(value),
            "htu" => self.url = text(value),
            "iat" => match value {
                Value::Number(seconds) => self.issued_at = Some(seconds),
                _ => return Err(crate::Refusal::MalformedClaim(ClaimName::IssuedAt).into()),
            },
            "jti" => {
                let is_id = |text: &String| is_nameable(text) && text.len() <= MAX_JWT_ID_BYTES;
                self.jwt_id = Some(text(value).filter(is_id).ok_or(crate::Refusal::MalformedClaim(ClaimName::JwtId))?);
            }
            "nonce" => self.nonce = text(value),
            _ => {}
        }
        Ok(())
    }

    /// Whether the proof is for this request.
    fn check_request(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        if self.method.as_deref() != Some(asked.method) {
            return Err(Refusal::WrongMethod);
        }
        if !self.url.as_deref().is_some_and(|url| is_same_target(url, asked.url)) {
            return Err(Refusal::WrongUrl);
        }
        let hash = asked.access_token.map(|token| URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())));
        if hash.is_some() && self.access_token_hash != hash {
            return Err(Refusal::WrongToken);
        }
        let is_good = |nonce: &str| asked.nonces.contains(&nonce);
        if asked.nonces.is_empty() || self.nonce.as_deref().is_some_and(is_good) { Ok(()) } else { Err(Refusal::NonceNeeded) }
    }

    /// `iat`, if the proof was made just now.
    fn check_time(&self, now: u64) -> Result<u64, Refusal> {
        let issued_at = self.issued_at.ok_or(crate::Refusal::MissingClaim(ClaimName::IssuedAt))?;
        if issued_at > now.saturating_add(FUTURE_LEEWAY_SECONDS) {
            return Err(crate::Refusal::IssuedInFuture.into());
        }
        if now > issued_at.saturating_add(MAX_AGE_SECONDS) { Err(Refusal::TooOld) } else { Ok(issued_at) }
    }
}

/// RFC 9449 §4.3: query and fragment do not count, nor does what RFC 3986 §6.2.2 and §6.2.3 make the same.
fn is_same_target(one: &str, other: &str) -> bool {
    let target = |text: &str| {
        let is_plain = text.len() <= MAX_URL_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let mut url = Url::parse(text).ok().filter(|url| is_plain && matches!(url.scheme(), "http" | "https"))?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    target(one).is_some_and(|one| target(other) == Some(one))
}

/// RFC 7518 §6: what a public key of any kind does not have.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "dp", "dq", "k", "oth", "p", "q", "qi"];
/// An RSA key of 4096 bits needs 0.8 KiB.
const MAX_HEADER_BYTES: usize = 2 * 1024;
const MAX_JWT_ID_BYTES: usize = 256;
const MAX_URL_BYTES: usize = 2048;
