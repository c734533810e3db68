//! Whose certificates do we trust when we call out? The system's, plus what the operator adds; Mozilla's list where the system has none.

mod system;

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use thiserror::Error;

use self::system::System;
use crate::pin::{KeyPin, Pinned};

/// Certificate authorities trusted beyond the system's own. The default adds none.
///
/// Clones share what was read of the system's store: make one for all that live equally long.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    extra: Vec<CertificateDer<'static>>,
    system: System,
}

impl Roots {
    /// Also trusts the certificates of a PEM file's content; there must be at least one.
    pub fn with_pem(mut self, pem: &[u8]) -> Result<Self, InvalidRoots> {
        let before = self.extra.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.extra.push(certificate.map_err(InvalidRoots::Pem)?);
        }
        if self.extra.len() == before { Err(InvalidRoots::Empty) } else { Ok(self) }
    }
}

/// The TLS settings of every outgoing connection: TLS 1.2 or 1.3, certificates checked against `roots`, no client certificate, no ALPN (the
/// caller names the protocols it speaks). The system's store is read from disk with the first certificate that has to be checked; with authorities
/// beside it, it is read at once, so that one which cannot be used is told.
pub fn client_config(roots: &Roots) -> Result<ClientConfig, InvalidRoots> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(roots, &provider)?;
    with_verifier(verifier, provider)
}

/// The same for one server whose certificate must also have this very key: an authority that was deceived is not enough.
pub fn pinned_config(roots: &Roots, pin: KeyPin) -> Result<ClientConfig, InvalidRoots> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Pinned::new(verifier(roots, &provider)?, pin));
    with_verifier(verifier, provider)
}

/// Why the trusted certificates cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidRoots {
    /// There is no certificate in the PEM text.
    #[error("there is no certificate in the PEM text")]
    Empty,
    /// The text is not PEM.
    #[error("the text is not PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// A certificate cannot be used as an authority.
    #[error("a certificate cannot be used as an authority")]
    Rejected(#[source] rustls::Error),
}

fn with_verifier(verifier: Arc<dyn ServerCertVerifier>, provider: Arc<CryptoProvider>) -> Result<ClientConfig, InvalidRoots> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(InvalidRoots::Rejected)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn verifier(roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, InvalidRoots> {
    if roots.extra.is_empty() { Ok(Arc::new(roots.system.clone())) } else { read(roots, provider) }
}

/// Reads the system's store from disk.
fn read(roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, InvalidRoots> {
    if let Some(verifier) = system_verifier(roots, provider)? {
        return Ok(Arc::new(verifier));
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(mozilla_roots(roots)?), Arc::clone(provider));
    Ok(builder.build().map_err(|error| InvalidRoots::Rejected(rustls::Error::General(error.to_string())))?)
}

/// `None` where the system has no store at all, as in a `scratch` image. That must be asked without the extra roots: with them the verifier
/// is content and trusts nothing else.
fn system_verifier(roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Option<Verifier>, InvalidRoots> {
    let Ok(verifier) = Verifier::new(Arc::clone(provider)) else {
        tracing::info!("the system has no certificate store; Mozilla's list is used");
        return Ok(None);
    };
    if roots.extra.is_empty() {
        return Ok(Some(verifier));
    }
    Verifier::new_with_extra_roots(roots.extra.iter().cloned(), Arc::clone(provider)).map(Some).map_err(InvalidRoots::Rejected)
}

fn mozilla_roots(roots: &Roots) -> Result<RootCertStore, InvalidRoots> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in &roots.extra {
        store.add(certificate.clone()).map_err(InvalidRoots::Rejected)?;
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_a_certificate_is_no_root() {
        assert!(matches!(Roots::default().with_pem(b"just text"), Err(InvalidRoots::Empty)));
        let cut_short = b"-----BEGIN CERTIFICATE-----\nAAAA";
        assert!(matches!(Roots::default().with_pem(cut_short), Err(InvalidRoots::Pem(_))));
    }

    #[test]
    fn pem_that_holds_no_certificate_inside_is_rejected_when_used() {
        let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let roots = Roots::default().with_pem(pem).unwrap();
        assert!(matches!(client_config(&roots), Err(InvalidRoots::Rejected(_))));
        assert!(matches!(mozilla_roots(&roots), Err(InvalidRoots::Rejected(_))));
    }

    #[test]
    fn where_the_system_has_no_store_mozillas_list_is_there() {
        assert!(mozilla_roots(&Roots::default()).unwrap().len() > 100);
    }
}
