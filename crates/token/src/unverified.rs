//! What does this token claim to be, before anything of it is believed?
//!
//! Everything here is free of cryptography. It can refuse a token and never accept one:
//! what is wrong in shape is turned away before it may cost a signature check.

use crate::algorithm::Algorithm;
use crate::claims::UnverifiedClaims;
use crate::compact::Compact;
use crate::json::{self, Value};
use crate::refusal::{HeaderName, Part, Refusal};

/// A token in the right shape, parsed once, that nobody has verified.
///
/// Use what it says only to choose the issuer and the key that shall judge it.
pub struct Unverified<'t> {
    pub(crate) compact: Compact<'t>,
    pub(crate) claims: UnverifiedClaims,
    header: Header,
}

impl<'t> Unverified<'t> {
    /// Reads a token of at most 16 KiB in compact form (RFC 7515 §7.1), header and claims once each.
    pub fn parse(token: &'t str) -> Result<Self, Refusal> {
        let compact = Compact::split(token)?;
        let header = Header::parse(&compact.header(MAX_HEADER_BYTES)?)?;
        let claims = UnverifiedClaims::parse(&compact.claims()?)?;
        Ok(Self { compact, claims, header })
    }

    /// `iss`, by which the issuer's keys are chosen.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.issuer.as_deref()
    }

    /// `kid`, by which the key is chosen.
    pub fn key_id(&self) -> Option<&str> {
        self.header.key_id.as_deref()
    }

    /// `alg`. The key decides which algorithm counts; this one must only agree.
    pub fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// `typ` as written.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }
}

struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    typ: Option<String>,
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let mut fields = HeaderFields::default();
        json::read_members(json, Part::Header, |name, value| fields.take(name, value))?;
        Ok(Self { algorithm: algorithm(fields.algorithm.as_deref())?, key_id: fields.key_id, typ: fields.typ })
    }
}

#[derive(Default)]
struct HeaderFields {
    algorithm: Option<String>,
    key_id: Option<String>,
    typ: Option<String>,
}

impl HeaderFields {
    fn take(&mut self, name: &str, value: Value<'_>) -> Result<(), Refusal> {
        match name {
            "alg" => self.algorithm = Some(header_text(value)?),
            "kid" => self.key_id = Some(header_text(value)?),
            "typ" => self.typ = Some(header_text(value)?),
            "crit" => return Err(Refusal::CriticalHeader),
            _ => match HeaderName::from_name(name) {
                Some(forbidden) => return Err(Refusal::ForbiddenHeader(forbidden)),
                // RFC 7515 §4: other parameters are ignored.
                None => return Ok(()),
            },
        }
        Ok(())
    }
}

/// The algorithm that a header names.
pub(crate) fn algorithm(name: Option<&str>) -> Result<Algorithm, Refusal> {
    match name.ok_or(Refusal::Malformed(Part::Header))? {
        none if none.eq_ignore_ascii_case("none") => Err(Refusal::AlgorithmNone),
        name => Algorithm::from_name(name).ok_or(Refusal::UnsupportedAlgorithm),
    }
}

pub(crate) fn header_text(value: Value<'_>) -> Result<String, Refusal> {
    match value {
        Value::Text(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
        _ => Err(Refusal::Malformed(Part::Header)),
    }
}

/// Longest header, decoded, that is read: 1 KiB.
pub const MAX_HEADER_BYTES: usize = 1024;
