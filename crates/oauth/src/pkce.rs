//! Is whoever brings the code the one who asked for it? Proof Key for Code Exchange, with S256 and nothing weaker (RFC 7636).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};

/// The secret that is shown with the code: 43 characters, and known to nobody but who made it.
#[derive(Clone, Debug)]
pub struct Verifier(SecretString);

impl Verifier {
    /// The verifier made of 32 bytes, which must come from a cryptographic source of randomness (RFC 7636 §4.1).
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// A verifier that was kept, as [`expose`](Self::expose) gave it.
    pub fn from_kept(text: impl Into<SecretString>) -> Self {
        Self(text.into())
    }

    /// What is sent ahead, with the person: the verifier's SHA-256 (§4.2).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.expose().as_bytes()))
    }

    /// The verifier itself, for the token request and for safe-keeping.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The only method that is offered: `plain` proves nothing to whoever has seen the first request.
pub const METHOD: &str = "S256";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let verifier = Verifier::from_kept("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_43_characters_and_is_not_shown() {
        let verifier = Verifier::from_random(&[255; 32]);
        assert_eq!(verifier.expose().len(), 43);
        assert!(verifier.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        assert!(!format!("{verifier:?}").contains(verifier.expose()));
        assert_eq!(Verifier::from_kept(verifier.expose()).challenge(), verifier.challenge());
    }
}
