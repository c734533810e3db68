//! Which key is this? A name that anybody who has the public key comes to (RFC 7638).

use std::fmt;

use aws_lc_rs::constant_time;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::key_set::{self, SkipReason};

/// The SHA-256 of a public key's own members. It is public, as the key is, and written in base64url.
#[derive(Clone, Copy, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint([u8; BYTES]);

impl Thumbprint {
    /// The thumbprint of a public key that could verify: a JWK of kind EC, RSA or OKP.
    pub fn of_jwk(jwk: &str) -> Result<Self, SkipReason> {
        key_set::read_one(jwk, None).map(|(_, thumbprint)| thumbprint)
    }

    /// Reads a thumbprint as it is written in `jkt`: 43 characters.
    pub fn parse(text: &str) -> Result<Self, NotAThumbprint> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAThumbprint)?;
        bytes.try_into().map(Self).map_err(|_| NotAThumbprint)
    }

    /// The digest itself.
    pub fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// Of the members that RFC 7638 §3.2 names, which come in the order of their names. Every value is base64url or a registered name, so there is nothing to escape.
    pub(crate) fn of_members(members: &[(&str, &str)]) -> Self {
        let written: Vec<String> = members.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(digest(&SHA256, format!("{{{}}}", written.join(",")).as_bytes()).as_ref());
        Self(bytes)
    }
}

/// A text is not a thumbprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's thumbprint is a SHA-256 digest in base64url: 43 characters")]
pub struct NotAThumbprint;

impl PartialEq for Thumbprint {
    /// In a time that does not depend on where the two differ.
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Thumbprint({self})")
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = NotAThumbprint;

    fn try_from(text: String) -> Result<Self, NotAThumbprint> {
        Self::parse(&text)
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.to_string()
    }
}

const BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    const EC: &str =
        r#"{"y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","crv":"P-256"}"#;
    const OKP: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn the_thumbprints_are_those_of_the_rfcs() {
        // RFC 7638 §3.1, RFC 9449 §4.1 and §6.1, RFC 8037 appendix A.3.
        for (jwk, expected) in [
            (RSA, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (EC, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
            (OKP, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            assert_eq!(Thumbprint::of_jwk(jwk).unwrap().to_string(), expected);
            assert_eq!(Thumbprint::parse(expected), Ok(Thumbprint::of_jwk(jwk).unwrap()));
        }
    }

    #[test]
    fn only_a_public_key_that_could_verify_has_one() {
        for (jwk, expected) in [
            (EC.replacen('{', r#"{"d":"AA","#, 1), SkipReason::PrivateKey),
            (r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(), SkipReason::SharedSecret),
            (EC.replace("P-256", "secp256k1"), SkipReason::Unsupported),
            (OKP.replace("11qY", "11q+"), SkipReason::Malformed),
            (format!("[{EC}]"), SkipReason::Malformed),
            (String::new(), SkipReason::Malformed),
        ] {
            assert_eq!(Thumbprint::of_jwk(&jwk), Err(expected), "{jwk}");
        }
    }

    #[test]
    fn a_text_of_another_length_or_alphabet_is_none() {
        let good = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        for text in ["", "AA", &good[..42], &format!("{good}="), &format!("{good}A"), &good.replace('-', "+"), &good.replace("4I", "4J")] {
            assert_eq!(Thumbprint::parse(text), Err(NotAThumbprint), "{text}");
        }
        assert_ne!(Thumbprint::parse(good), Thumbprint::of_jwk(OKP).map_err(|_| NotAThumbprint));
    }

    #[test]
    fn it_is_kept_as_the_text_that_it_is_written_in() {
        let thumbprint = Thumbprint::of_jwk(EC).unwrap();
        let kept = serde_json::to_string(&thumbprint).unwrap();
        assert_eq!(kept, r#""0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I""#);
        assert_eq!(serde_json::from_str::<Thumbprint>(&kept).unwrap(), thumbprint);
        assert!(serde_json::from_str::<Thumbprint>(r#""AA""#).is_err());
    }
}
