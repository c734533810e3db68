//! The system's own authorities, read when the first certificate has to be checked.
//!
//! That is some hundred files on many systems: half of what a door does until it listens, and for nothing where neither a server nor an issuer is
//! reached by TLS.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{Roots, read};

/// A verifier that trusts what the system trusts. Clones share what was read.
#[derive(Clone, Debug)]
pub(super) struct System {
    provider: Arc<CryptoProvider>,
    verifier: Arc<OnceLock<Arc<dyn ServerCertVerifier>>>,
}

impl Default for System {
    fn default() -> Self {
        Self { provider: Arc::new(aws_lc_rs::default_provider()), verifier: Arc::default() }
    }
}

impl System {
    /// A failure is not kept: the store may be mended meanwhile.
    fn verifier(&self) -> Result<&dyn ServerCertVerifier, Error> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(verifier.as_ref());
        }
        let verifier = read(&Roots::default(), &self.provider).map_err(|error| Error::General(error.to_string()))?;
        Ok(self.verifier.get_or_init(|| verifier).as_ref())
    }
}

impl ServerCertVerifier for System {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, certificate, signature)
    }

    /// Asked before there is a certificate; the provider alone decides it.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::client_config;

    #[test]
    fn the_store_is_read_once_and_not_before_a_certificate_is_to_be_checked() {
        let roots = Roots::default();
        let (first, second) = (client_config(&roots).unwrap(), client_config(&roots).unwrap());
        assert!(!first.crypto_provider().kx_groups.is_empty() && roots.system.verifier.get().is_none());

        let nonsense = CertificateDer::from_slice(b"no certificate");
        let name = ServerName::try_from("example.com").unwrap();
        assert!(
            roots.system.verify_server_cert(&nonsense, &[], &name, &[], UnixTime::since_unix_epoch(std::time::Duration::ZERO)).is_err()
        );
        let read = Arc::as_ptr(roots.system.verifier.get().unwrap());
        assert!(std::ptr::addr_eq(read, Arc::as_ptr(roots.clone().system.verifier.get().unwrap())));
        drop(second);
    }

    #[test]
    fn it_offers_what_the_verifier_that_it_stands_for_offers() {
        let system = System::default();
        assert_eq!(system.supported_verify_schemes(), system.verifier().unwrap().supported_verify_schemes());
    }
}
