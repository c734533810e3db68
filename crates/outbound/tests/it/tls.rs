//! Whose certificates are believed.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claviger_outbound::client::Client;
use claviger_outbound::failure::Failure;
use claviger_outbound::guard::Guard;
use claviger_outbound::pin::KeyPin;
use claviger_outbound::tls::Roots;
use http::StatusCode;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData as _};
use rustls::ServerConfig;
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
        self.serve_with(&KeyPair::generate().unwrap(), names).await
    }

    /// The same with this key.
    async fn serve_with(&self, key: &KeyPair, names: &[&str]) -> u16 {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
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

fn pin_of(key: &KeyPair) -> KeyPin {
    let digest = digest::digest(&digest::SHA256, &key.subject_public_key_info());
    format!("sha256/{}", STANDARD.encode(digest)).parse().unwrap()
}

async fn get_pinned(roots: &Roots, pin: KeyPin, port: u16) -> Result<StatusCode, Failure> {
    let client = Client::pinned(Guard { allow_loopback: true, ..Guard::default() }, roots, pin).unwrap();
    client.get(&format!("https://localhost:{port}/"), "*/*", LIMITS).await.map(|fetched| fetched.status)
}

#[tokio::test]
async fn pinned_key_is_asked_for_in_addition_to_the_chain() {
    let authority = Authority::new();
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let port = authority.serve_with(&key, &["localhost"]).await;
    assert_eq!(get_pinned(&authority.trusted(), pin_of(&key), port).await.unwrap(), StatusCode::OK);
    for (roots, pin) in [(authority.trusted(), pin_of(&other)), (Roots::default(), pin_of(&key))] {
        let failure = get_pinned(&roots, pin, port).await.unwrap_err();
        assert!(matches!(failure, Failure::Tls { .. }), "{failure}");
        assert!(!failure.is_transient());
    }
}

#[tokio::test]
async fn pinned_key_is_no_good_for_another_name() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let port = authority.serve_with(&key, &["idp.example"]).await;
    let failure = get_pinned(&authority.trusted(), pin_of(&key), port).await.unwrap_err();
    assert!(matches!(failure, Failure::Tls { .. }), "{failure}");
}

/// What `openssl` prints for a key is what an operator writes down.
#[test]
fn a_pin_is_what_openssl_makes_of_a_key() {
    let key = KeyPair::generate().unwrap();
    let folder = std::env::temp_dir().join(format!("claviger-pin-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let script = "openssl pkey -in key.pem -pubout -outform der | openssl dgst -sha256 -binary | openssl enc -base64";
    let output = std::process::Command::new("sh").args(["-c", script]).current_dir(&folder).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(format!("sha256/{}", String::from_utf8(output.stdout).unwrap().trim()), pin_of(&key).to_string());
}
