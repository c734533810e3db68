//! Is this the very key that the operator expects of a server? A pin is the SHA-256 of a public key as certificates carry it (RFC 7469 §2.4).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use thiserror::Error as ThisError;

/// The key that a server's own certificate must have. Written `sha256/` and Base64, as RFC 7469 and curl write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPin([u8; 32]);

/// Why a text is no pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum InvalidPin {
    /// No `sha256/` in front.
    #[error("a pin is `sha256/` and the Base64 of the SHA-256 of the server's public key")]
    Shape,
    /// The rest is not 32 bytes in Base64.
    #[error("the Base64 after `sha256/` must stand for exactly 32 bytes")]
    Digest,
}

impl FromStr for KeyPin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidPin::Shape)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidPin::Digest)?;
        bytes.try_into().map(Self).map_err(|_| InvalidPin::Digest)
    }
}

impl fmt::Display for KeyPin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

/// A verifier that asks for the pinned key after everything else has been found right.
#[derive(Debug)]
pub(crate) struct Pinned {
    inner: Arc<dyn ServerCertVerifier>,
    pin: KeyPin,
}

impl Pinned {
    pub(crate) fn new(inner: Arc<dyn ServerCertVerifier>, pin: KeyPin) -> Self {
        Self { inner, pin }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if digest::digest(&digest::SHA256, key.as_ref()).as_ref() == self.pin.0 {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

const PREFIX: &str = "sha256/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_as_it_is_printed() {
        let text = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(text.parse::<KeyPin>().unwrap().to_string(), text);
        assert_eq!("sha1/47DEQpj8".parse::<KeyPin>(), Err(InvalidPin::Shape));
        assert_eq!("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".parse::<KeyPin>(), Err(InvalidPin::Shape));
        for wrong in ["", "47DEQpj8", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "!"] {
            assert_eq!(format!("sha256/{wrong}").parse::<KeyPin>(), Err(InvalidPin::Digest), "{wrong}");
        }
    }
}
