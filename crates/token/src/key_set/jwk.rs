//! Which keys of this published document can be used, and for which algorithm? (RFC 7517, RFC 7518 §6, RFC 8037)

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::VerificationKey;
use crate::algorithm::{Algorithm, Family};
use crate::thumbprint::Thumbprint;

/// Why a document is not a JWK set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Longer than 256 KiB.
    #[error("the key set is larger than {} KiB", MAX_DOCUMENT_BYTES / 1024)]
    TooLarge,
    /// More than 100 keys.
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// Not a JSON object with a list named `keys`.
    #[error("this is not a JWK set: a JSON object with a list `keys`")]
    NotAKeySet,
}

/// A key that was left out. Shows its name and place, never its material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in the document, from 0.
    pub position: usize,
    /// Its `kid`: at most 128 characters, control characters replaced.
    pub key_id: Option<String>,
    /// Why it was left out.
    pub reason: SkipReason,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// A member is missing, has the wrong type, or is not strict base64url.
    #[error("it is malformed")]
    Malformed,
    /// `kty` is `oct`: a secret that has been published is none.
    #[error("it is a shared secret (`oct`), which must never be published")]
    SharedSecret,
    /// The private part has been published.
    #[error("it holds its private part, which must never be published")]
    PrivateKey,
    /// `use` is not `sig`, or `key_ops` lacks `verify`.
    #[error("it is not for verifying signatures")]
    NotForVerifying,
    /// `kty`, `crv` or `alg` is one that the door does not know.
    #[error("its kind or algorithm is not supported")]
    Unsupported,
    /// `alg` does not go with `kty` and `crv`.
    #[error("its `alg` does not fit its kind")]
    AlgorithmMismatch,
    /// The RSA modulus has fewer than 2048 bits or more than 8192, or the exponent is unsafe.
    #[error("its RSA numbers are unsafe or outside 2048 to 8192 bits")]
    UnsafeRsa,
    /// The point is not on the curve.
    #[error("its point is not on the curve")]
    InvalidPoint,
    /// An earlier key has the same name and algorithm.
    #[error("an earlier key has the same name and algorithm")]
    DuplicateKeyId,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key_id {
            Some(key_id) => write!(formatter, "key {} (`{key_id}`) was left out: {}", self.position, self.reason),
            None => write!(formatter, "key {} was left out: {}", self.position, self.reason),
        }
    }
}

/// Reads every key of the document on its own.
pub(super) fn read_set(document: &[u8]) -> Result<(Vec<VerificationKey>, Vec<SkippedKey>), JwksError> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(JwksError::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(|_| JwksError::NotAKeySet)?;
    // serde would take a list of the members, in order, for an object.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(JwksError::NotAKeySet);
    }
    let set: RawSet<'_> = serde_json::from_str(text).map_err(|_| JwksError::NotAKeySet)?;
    if set.keys.len() > MAX_KEYS {
        return Err(JwksError::TooManyKeys);
    }
    let mut keys: Vec<VerificationKey> = Vec::new();
    let mut skipped = Vec::new();
    for (position, raw) in set.keys.into_iter().enumerate() {
        let (key_id, read) = match Jwk::parse(raw.get()) {
            Ok(jwk) => (jwk.kid.clone(), jwk.into_key()),
            Err(reason) => (None, Err(reason)),
        };
        let is_taken =
            |key: &VerificationKey| keys.iter().any(|other| other.id.is_some() && other.id == key.id && other.algorithm == key.algorithm);
        match read {
            Ok(key) if is_taken(&key) => skipped.push(SkippedKey::new(position, key_id, SkipReason::DuplicateKeyId)),
            Ok(key) => keys.push(key),
            Err(reason) => skipped.push(SkippedKey::new(position, key_id, reason)),
        }
    }
    Ok((keys, skipped))
}

/// Reads one key, and which it is.
pub(super) fn read_one(jwk: &str, algorithm: Option<Algorithm>) -> Result<(VerificationKey, Thumbprint), SkipReason> {
    if jwk.len() > MAX_DOCUMENT_BYTES {
        return Err(SkipReason::Malformed);
    }
    let mut jwk = Jwk::parse(jwk)?;
    if jwk.alg.is_none() {
        jwk.alg = algorithm.map(|algorithm| algorithm.name().to_owned());
    }
    let thumbprint = jwk.thumbprint();
    let key = jwk.into_key()?;
    if algorithm.is_some_and(|algorithm| algorithm != key.algorithm) {
        return Err(SkipReason::AlgorithmMismatch);
    }
    Ok((key, thumbprint?))
}

impl SkippedKey {
    fn new(position: usize, key_id: Option<String>, reason: SkipReason) -> Self {
        let visible = |character: char| if character.is_control() { '\u{fffd}' } else { character };
        let key_id = key_id.map(|key_id| key_id.chars().take(MAX_SHOWN_CHARACTERS).map(visible).collect());
        Self { position, key_id, reason }
    }
}

#[derive(Deserialize)]
struct RawSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// The members of a key that matter. No `Debug`: a badly published key may hold secrets.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Only whether it is there; its value is never kept.
    d: Option<IgnoredAny>,
}

impl Jwk {
    /// serde would take a list of the members, in order, for an object.
    fn parse(json: &str) -> Result<Self, SkipReason> {
        let is_object = json.trim_ascii_start().starts_with('{');
        serde_json::from_str(json).ok().filter(|_| is_object).ok_or(SkipReason::Malformed)
    }

    /// Which key it is, if it is one (see [`into_key`](Self::into_key)): the members of RFC 7638 §3.2 and RFC 8037 §2.
    fn thumbprint(&self) -> Result<Thumbprint, SkipReason> {
        let kty = ("kty", self.kty.as_str());
        match (self.kty.as_str(), &self.crv, &self.x, &self.y, &self.n, &self.e) {
            ("EC", Some(crv), Some(x), Some(y), ..) => Ok(Thumbprint::of_members(&[("crv", crv), kty, ("x", x), ("y", y)])),
            ("OKP", Some(crv), Some(x), ..) => Ok(Thumbprint::of_members(&[("crv", crv), kty, ("x", x)])),
            ("RSA", _, _, _, Some(n), Some(e)) => Ok(Thumbprint::of_members(&[("e", e), kty, ("n", n)])),
            _ => Err(SkipReason::Malformed),
        }
    }

    fn into_key(self) -> Result<VerificationKey, SkipReason> {
        if self.kty == "oct" {
            return Err(SkipReason::SharedSecret);
        }
        if self.d.is_some() {
            return Err(SkipReason::PrivateKey);
        }
        let is_for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let is_for_verifying = self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !is_for_signatures || !is_for_verifying {
            return Err(SkipReason::NotForVerifying);
        }
        let (algorithm, decoding) = match self.kty.as_str() {
            "RSA" => self.rsa()?,
            "EC" => self.elliptic_curve()?,
            "OKP" => self.edwards()?,
            _ => return Err(SkipReason::Unsupported),
        };
        Ok(VerificationKey { id: self.kid, algorithm, decoding })
    }

    fn rsa(&self) -> Result<(Algorithm, DecodingKey), SkipReason> {
        let algorithm = match self.named_algorithm()? {
            None => Algorithm::Rs256,
            Some(algorithm) if algorithm.family() == Family::Rsa => algorithm,
            Some(_) => return Err(SkipReason::AlgorithmMismatch),
        };
        let modulus = without_leading_zeros(decode(self.n.as_deref())?);
        let exponent = without_leading_zeros(decode(self.e.as_deref())?);
        if is_safe_rsa(&modulus, &exponent) {
            Ok((algorithm, DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
        } else {
            Err(SkipReason::UnsafeRsa)
        }
    }

    fn elliptic_curve(&self) -> Result<(Algorithm, DecodingKey), SkipReason> {
        let (algorithm, verification, coordinate_bytes) = match self.crv.as_deref() {
            Some("P-256") => (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED, 32),
            Some("P-384") => (Algorithm::Es384, &ECDSA_P384_SHA384_FIXED, 48),
            Some(_) => return Err(SkipReason::Unsupported),
            None => return Err(SkipReason::Malformed),
        };
        self.require_algorithm(algorithm)?;
        let (x, y) = (decode(self.x.as_deref())?, decode(self.y.as_deref())?);
        // RFC 7518 §6.2.1.2: coordinates have their full length.
        if x.len() != coordinate_bytes || y.len() != coordinate_bytes {
            return Err(SkipReason::Malformed);
        }
        let point = [&[UNCOMPRESSED_POINT], x.as_slice(), y.as_slice()].concat();
        ParsedPublicKey::new(verification, &point).map_err(|_| SkipReason::InvalidPoint)?;
        Ok((algorithm, DecodingKey::from_ec_der(&point)))
    }

    fn edwards(&self) -> Result<(Algorithm, DecodingKey), SkipReason> {
        match self.crv.as_deref() {
            Some("Ed25519") => self.require_algorithm(Algorithm::EdDsa)?,
            Some(_) => return Err(SkipReason::Unsupported),
            None => return Err(SkipReason::Malformed),
        }
        let x = decode(self.x.as_deref())?;
        if x.len() != ED25519_BYTES {
            return Err(SkipReason::Malformed);
        }
        ParsedPublicKey::new(&ED25519, &x).map_err(|_| SkipReason::InvalidPoint)?;
        Ok((Algorithm::EdDsa, DecodingKey::from_ed_der(&x)))
    }

    fn named_algorithm(&self) -> Result<Option<Algorithm>, SkipReason> {
        let Some(name) = &self.alg else { return Ok(None) };
        Algorithm::from_name(name).map(Some).ok_or(SkipReason::Unsupported)
    }

    fn require_algorithm(&self, expected: Algorithm) -> Result<(), SkipReason> {
        match self.named_algorithm()? {
            Some(named) if named != expected => Err(SkipReason::AlgorithmMismatch),
            _ => Ok(()),
        }
    }
}

/// An odd modulus of 2048 to 8192 bits, and an odd exponent from 3 to 2^32: an exponent of 1
/// would make every message its own signature. Neither number starts with a zero byte.
fn is_safe_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let exponent_value = exponent.iter().try_fold(0_u64, |value, byte| (value >> 32 == 0).then_some((value << 8) | u64::from(*byte)));
    let is_safe_exponent = exponent_value.is_some_and(|value| value & 1 == 1 && (3..1 << 32).contains(&value));
    let is_odd = modulus.last().is_some_and(|last| last & 1 == 1);
    let unused_bits = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    is_safe_exponent && is_odd && MODULUS_BITS.contains(&(modulus.len() * 8 - unused_bits))
}

/// RFC 7518 §6.3.1.1 forbids zeros in front, but some issuers send one.
fn without_leading_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

fn decode(member: Option<&str>) -> Result<Vec<u8>, SkipReason> {
    let bytes = member.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.filter(|bytes| !bytes.is_empty()).ok_or(SkipReason::Malformed)
}

const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;
const MAX_SHOWN_CHARACTERS: usize = 128;
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const ED25519_BYTES: usize = 32;
/// SEC 1 §2.3.3.
const UNCOMPRESSED_POINT: u8 = 0x04;
