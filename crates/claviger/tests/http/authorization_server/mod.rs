//! The built-in authorization server, asked by programs over HTTP and by people with a browser, before the real door.

mod below_a_path;
mod bound;
pub(crate) mod browser;
mod client_keys;
mod devices;
mod documents;
mod exchange;
mod identity;
mod replicas;
mod revoked;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer as Authority, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use self::browser::Browser;
use crate::support::{Answer, Door, Key, Plan, Puppet, Request, Say, Seen, now};

/// A door whose tools ask for `files:read`, with an authorization server that knows Ada.
pub(crate) async fn plan(section: &str) -> Plan {
    Plan::both().await.scopes(r#""*" = "files:read""#).section(&format!("[issuer]\naccounts = \"accounts.toml\"\n{section}"))
}

pub(crate) async fn open(plan: Plan) -> Door {
    let door = plan.open().await;
    let password = issuer::accounts::hash(&PASSWORD.to_owned().into()).unwrap();
    std::fs::write(door.folder().join("accounts.toml"), format!("[accounts.ada]\npassword = {password:?}\ngroups = [\"staff\"]\n"))
        .unwrap();
    door
}

/// A form that a program sends.
fn form(door: &Door, path: &str, fields: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Request::new(Method::POST, door.address, path).header("content-type", "application/x-www-form-urlencoded").body(body)
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// The error that stands in an answer.
fn error_of(answer: &Answer) -> (u16, String) {
    (answer.status, json_of(answer)["error"].as_str().unwrap_or_default().to_owned())
}

/// What a token says, unverified.
fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn metadata(door: &Door) -> Value {
    json_of(&door.get("/.well-known/oauth-authorization-server").send().await)
}

/// An https server at `localhost`, and the authority of its certificate as PEM.
async fn https(mind: impl Fn(&Seen) -> Say + Send + Sync + 'static) -> (Puppet, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &Authority::new(params, authority_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    (Puppet::start_tls(config, mind).await, pem)
}

/// What a client signs to say that it is itself; `more` changes it.
fn assertion(key: &Key, client: &str, door: &Door, more: &Value) -> String {
    let mut claims = json!({"iss": client, "sub": client, "aud": door.public_url, "exp": now() + 60, "iat": now(), "jti": unique()});
    crate::support::merge(&mut claims, more);
    key.sign(&json!({"alg": "ES256", "typ": "JWT"}), &claims)
}

/// A proof that a key is there, for the token endpoint; `more` changes it.
fn proof(key: &Key, door: &Door, more: &Value) -> String {
    let mut claims = json!({"htm": "POST", "htu": format!("{}/token", door.public_url), "iat": now(), "jti": unique()});
    crate::support::merge(&mut claims, more);
    key.sign(&json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": key.jwk(&json!({}))}), &claims)
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

const PASSWORD: &str = "correct horse battery staple";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
