//! TLS by files: both versions of HTTP, URLs that say so, and a certificate exchanged without a restart.

use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Door, Plan, Request, Signal, eventually};

/// Writes a new certificate for this machine and its key; gives the certificate.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(folder.join("tls.crt"), certificate.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    std::fs::set_permissions(folder.join("tls.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    certificate.der().clone()
}

async fn door() -> (Door, tempfile::TempDir, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let (chain, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let section = format!("[listen]\ntls = {{ certificate = {:?}, key = {:?} }}", chain.to_str().unwrap(), key.to_str().unwrap());
    (Plan::both().await.section(&section).open().await, folder, certificate)
}

async fn connect(door: &Door, trusted: &CertificateDer<'static>, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(door.address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn send(door: &Door, trusted: &CertificateDer<'static>, protocol: &[u8], request: Request) -> (StatusCode, String) {
    let stream = connect(door, trusted, protocol).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    let mut request = request.into_http();
    let response = if protocol == b"h2" {
        let host = request.headers_mut().remove("host").unwrap();
        *request.uri_mut() = format!("https://{}{}", host.to_str().unwrap(), request.uri()).parse().unwrap();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let (parts, mut body) = response.into_parts();
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        text.extend_from_slice(&frame.unwrap().into_data().unwrap_or_default());
    }
    (parts.status, String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn both_versions_of_http_are_served_over_tls_and_urls_say_https() {
    let (door, _folder, certificate) = door().await;
    assert!(door.public_url.starts_with("https://127.0.0.1:"), "{}", door.public_url);
    for protocol in [b"http/1.1".as_slice(), b"h2"] {
        let call = door.caller("alice").tool("test_echo", json!({"over": "tls"}));
        let (status, text) = send(&door, &certificate, protocol, call).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("tls"), "{text}");
        let (status, text) = send(&door, &certificate, protocol, door.get("/.well-known/oauth-protected-resource/mcp/fixture")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["resource"], door.resource());
    }
}

#[tokio::test]
async fn a_plain_word_on_a_tls_port_is_not_answered() {
    let (door, ..) = door().await;
    let outcome = door.get("/health").try_open().await;
    assert!(outcome.is_err(), "{:?}", outcome.map(|stream| stream.status));
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_restart_and_a_broken_one_is_not() {
    let (door, folder, first) = door().await;
    let second = write_certificate(folder.path());
    door.signal(Signal::HUP);
    door.says("configuration reloaded").await;
    assert!(connect(&door, &first, b"http/1.1").await.is_err());
    assert!(connect(&door, &second, b"http/1.1").await.is_ok());
    std::fs::write(folder.path().join("tls.crt"), "no certificate").unwrap();
    door.signal(Signal::HUP);
    eventually("the refusal", || door.said().contains("goes on with the configuration").then_some(())).await;
    assert!(connect(&door, &second, b"http/1.1").await.is_ok(), "the old one serves on");
}

#[tokio::test]
async fn tls_that_a_reload_takes_away_stays_until_the_next_start() {
    let (door, _folder, certificate) = door().await;
    door.reconfigure(|text| text.lines().filter(|line| !line.starts_with("tls = ")).collect::<Vec<_>>().join("\n"));
    door.signal(Signal::HUP);
    door.says("as before until the next start: `listen.tls`").await;
    assert!(connect(&door, &certificate, b"http/1.1").await.is_ok());
    let outcome = door.get("/health").try_open().await;
    assert!(outcome.is_err(), "a plain word is answered: {:?}", outcome.map(|stream| stream.status));
}
