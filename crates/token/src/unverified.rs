//! What does this token claim to be, before anything of it is believed?
//!
//! Everything here is free of cryptography. It can refuse a token and never accept one:
//! what is wrong in shape is turned away before it may cost a signature check.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::algorithm::Algorithm;
use crate::claims::UnverifiedClaims;
use crate::json::{self, NotStrict, Value};
use crate::refusal::{HeaderName, Part, Refusal};

/// A token in the right shape, parsed once, that nobody has verified.
///
/// Use what it says only to choose the issuer and the key that shall judge it.
pub struct Unverified<'t> {
    pub(crate) signing_input: &'t str,
    pub(crate) signature: &'t str,
    pub(crate) claims: UnverifiedClaims,
    header: Header,
}

impl<'t> Unverified<'t> {
    /// Reads a token of at most 16 KiB in compact form (RFC 7515 §7.1), header and claims once each.
    pub fn parse(token: &'t str) -> Result<Self, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::TooLong(Part::Token));
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed(Part::Token))?;
        let (header, claims) = signing_input.split_once('.').ok_or(Refusal::Malformed(Part::Token))?;
        if claims.contains('.') {
            return Err(Refusal::Malformed(Part::Token));
        }
        let header = decode(header, Part::Header)?;
        if header.len() > MAX_HEADER_BYTES {
            return Err(Refusal::TooLong(Part::Header));
        }
        let header = Header::parse(&header)?;
        if signature.is_empty() {
            return Err(Refusal::Malformed(Part::Signature));
        }
        let claims = UnverifiedClaims::parse(&decode(claims, Part::Claims)?)?;
        Ok(Self { signing_input, signature, claims, header })
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
        let mut fault = None;
        let read = json::read_object(json, |name, value| {
            if let Err(refusal) = fields.take(name, value) {
                fault.get_or_insert(refusal);
            }
        });
        match (read, fault) {
            (Err(NotStrict::Duplicate), _) => return Err(Refusal::DuplicateMember(Part::Header)),
            (Err(NotStrict::Malformed), _) => return Err(Refusal::Malformed(Part::Header)),
            (Ok(()), Some(refusal)) => return Err(refusal),
            (Ok(()), None) => {}
        }
        let name = fields.algorithm.ok_or(Refusal::Malformed(Part::Header))?;
        if name.eq_ignore_ascii_case("none") {
            return Err(Refusal::AlgorithmNone);
        }
        let algorithm = Algorithm::from_name(&name).ok_or(Refusal::UnsupportedAlgorithm)?;
        Ok(Self { algorithm, key_id: fields.key_id, typ: fields.typ })
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

fn header_text(value: Value<'_>) -> Result<String, Refusal> {
    match value {
        Value::Text(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
        _ => Err(Refusal::Malformed(Part::Header)),
    }
}

/// Strict base64url: no padding, no white space, no stray bits at the end.
fn decode(part: &str, which: Part) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed(which))
}

/// Longest token that is read: 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Longest header, decoded, that is read: 1 KiB.
pub const MAX_HEADER_BYTES: usize = 1024;
