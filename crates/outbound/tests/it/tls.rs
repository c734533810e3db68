//! Whose certificates are believed.

use std::sync::Arc;

use claviger_outbound::client::Client;
use claviger_outbound::failure::Failure;
use claviger_outbound::guard::Guard;
use claviger_outbound::tls::Roots;
use http::StatusCode;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{LIMITS, json, serve};

/// A certificate authority made for one test.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// An https server on loopback with a certificate for `names`; its port.
    async fn serve(&self, names: &[&str]) -> u16 {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Clients that do not trust us end the handshake.
                    if let Ok(session) = acceptor.accept(stream).await {
                        serve(session, |_, _| json("{}".to_owned())).await;
                    }
                });
            }
        });
        port
    }

    fn trusted(&self) -> Roots {
        Roots::default().with_pem(self.pem.as_bytes()).unwrap()
    }
}

async fn get(roots: &Roots, host: &str, port: u16) -> Result<StatusCode, Failure> {
    let client = Client::new(Guard { allow_loopback: true, ..Guard::default() }, roots).unwrap();
    client.get(&format!("https://{host}:{port}/"), "*/*", LIMITS).await.map(|fetched| fetched.status)
}

#[tokio::test]
async fn certificate_of_an_added_authority_is_believed() {
    let authority = Authority::new();
    let port = authority.serve(&["localhost", "127.0.0.1"]).await;
    assert_eq!(get(&authority.trusted(), "localhost", port).await.unwrap(), StatusCode::OK);
    assert_eq!(get(&authority.trusted(), "127.0.0.1", port).await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn certificate_of_an_unknown_authority_is_not_believed() {
    let port = Authority::new().serve(&["localhost"]).await;
    for roots in [Roots::default(), Authority::new().trusted()] {
        let failure = get(&roots, "localhost", port).await.unwrap_err();
        assert!(matches!(failure, Failure::Tls { .. }), "{failure}");
        assert!(!failure.is_transient());
    }
}

#[tokio::test]
async fn certificate_for_another_name_is_not_believed() {
    let authority = Authority::new();
    let port = authority.serve(&["idp.example"]).await;
    for host in ["localhost", "127.0.0.1"] {
        let failure = get(&authority.trusted(), host, port).await.unwrap_err();
        assert!(matches!(failure, Failure::Tls { .. }), "{failure}");
    }
}

#[tokio::test]
async fn second_authority_adds_to_the_first() {
    let (first, second) = (Authority::new(), Authority::new());
    let both = first.trusted().with_pem(second.pem.as_bytes()).unwrap();
    for authority in [&first, &second] {
        let port = authority.serve(&["localhost"]).await;
        assert_eq!(get(&both, "localhost", port).await.unwrap(), StatusCode::OK);
    }
}

#[tokio::test]
async fn server_without_tls_is_not_spoken_to_in_clear() {
    let server = crate::server::Server::start(|_, _, _| json("{}".to_owned())).await;
    let failure = get(&Roots::default(), "127.0.0.1", server.port).await.unwrap_err();
    assert!(matches!(failure, Failure::Tls { .. }), "{failure}");
    assert!(server.asked().is_empty());
}
