//! Which three parts does this token have, before any of them is read? (RFC 7515 §7.1)

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::refusal::{Part, Refusal};

/// A token in compact form: exactly one signature, over exactly two parts.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'t> {
    pub(crate) signing_input: &'t str,
    pub(crate) signature: &'t str,
    header: &'t str,
    claims: &'t str,
}

impl<'t> Compact<'t> {
    pub(crate) fn split(token: &'t str) -> Result<Self, Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::TooLong(Part::Token));
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed(Part::Token))?;
        let (header, claims) = signing_input.split_once('.').ok_or(Refusal::Malformed(Part::Token))?;
        if claims.contains('.') {
            return Err(Refusal::Malformed(Part::Token));
        }
        Ok(Self { signing_input, signature, header, claims })
    }

    /// The header as JSON, if it has no more bytes than `longest`.
    pub(crate) fn header(self, longest: usize) -> Result<Vec<u8>, Refusal> {
        let header = decode(self.header, Part::Header)?;
        if header.len() > longest { Err(Refusal::TooLong(Part::Header)) } else { Ok(header) }
    }

    /// The claims as JSON. A token that was never signed makes none.
    pub(crate) fn claims(self) -> Result<Vec<u8>, Refusal> {
        if self.signature.is_empty() {
            return Err(Refusal::Malformed(Part::Signature));
        }
        decode(self.claims, Part::Claims)
    }
}

/// Strict base64url: no padding, no white space, no stray bits at the end.
fn decode(part: &str, which: Part) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed(which))
}

/// Longest token that is read: 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
