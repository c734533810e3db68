//! Whom the door tells its secret: a server of a private authority, and only the one whose key is pinned.

use std::sync::Arc;

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData as _};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;

use super::{shown, token, upstream};
use crate::support::{Plan, Puppet};

/// A token endpoint with a certificate of an authority made for it, that authority as PEM, and the pin of its key.
async fn private_server() -> (Puppet, String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &Issuer::new(params, authority_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
    let pin = format!("sha256/{}", base64::engine::general_purpose::STANDARD.encode(digest));
    (Puppet::start_tls(config, |_| token("private", 3600)).await, pem, pin)
}

#[tokio::test]
async fn a_secret_goes_only_where_the_certificate_and_the_pinned_key_are_right() {
    let (server, pem, pin) = private_server().await;
    let (_, other_pem, other_pin) = private_server().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    std::fs::write(folder.path().join("other.pem"), other_pem).unwrap();
    let ca = |name: &str| format!(", ca = {:?}", folder.path().join(name).to_str().unwrap());
    for (settings, expected) in [
        (ca("ca.pem"), 200),
        (format!("{}, pin = {pin:?}", ca("ca.pem")), 200),
        (format!("{}, pin = {other_pin:?}", ca("ca.pem")), 502),
        (ca("other.pem"), 502),
        (format!(", pin = {pin:?}"), 502),
        (String::new(), 502),
    ] {
        let upstream = upstream().await;
        let credential = format!(
            "credential = {{ client_credentials = {{ token_url = {:?}, client_id = \"door\", client_secret = \"${{S}}\"{settings} }} }}",
            server.url
        );
        let door = Plan::before(&upstream.url, "modern").line(&credential).variable("S", "private-secret").open().await;
        let before = server.seen().len();
        let answer = door.caller("alice").tool("any", json!({})).send().await;
        assert_eq!(answer.status, expected, "{settings}: {}", door.said());
        assert_eq!(server.seen().len() - before, usize::from(expected == 200), "{settings}");
        assert_eq!(shown(&upstream).is_empty(), expected == 502);
    }
}
