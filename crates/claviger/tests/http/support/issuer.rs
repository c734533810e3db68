//! Who vouches? A small authorization server on loopback: metadata and keys, counted, that can rotate and go away.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gateway::clock::Clock;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use super::{Key, merge};

/// The real time, in Unix seconds.
pub(crate) fn now() -> u64 {
    Clock::system().unix_seconds()
}

/// A running issuer with one signing key.
pub(crate) struct Issuer {
    address: SocketAddr,
    state: Arc<State>,
    key: Key,
    key_id: String,
    /// Holds the address while nobody answers there: a socket that does not listen refuses callers.
    reserved: Option<TcpSocket>,
    serving: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    keys: Mutex<String>,
    metadata: Mutex<String>,
    discoveries: AtomicUsize,
    key_fetches: AtomicUsize,
    delay: Mutex<Duration>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl Issuer {
    /// An issuer that answers.
    pub(crate) fn start() -> Self {
        let mut issuer = Self::away();
        issuer.come_back();
        issuer
    }

    /// An issuer that has an address and does not answer there yet.
    pub(crate) fn away() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let mut issuer =
            Self { address, state: Arc::default(), key: Key::p256(), key_id: String::new(), reserved: Some(socket), serving: None };
        issuer.sign_with(Key::p256(), "first");
        let url = issuer.url();
        issuer.describe(&json!({"issuer": url, "jwks_uri": format!("{url}/jwks"), "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"), "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"]}));
        issuer
    }

    /// Answers at its address.
    pub(crate) fn come_back(&mut self) {
        let listener = self.reserved.take().expect("an issuer that was away").listen(1024).unwrap();
        let state = Arc::clone(&self.state);
        self.serving = Some(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    // One answer a connection, so that going away is felt at once.
                    let _ =
                        hyper::server::conn::http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }));
    }

    /// Answers no more.
    pub(crate) fn go_away(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says this about itself.
    pub(crate) fn describe(&self, metadata: &Value) {
        *self.state.metadata.lock().unwrap() = metadata.to_string();
    }

    /// Makes callers wait for its keys.
    pub(crate) fn take_its_time(&self, delay: Duration) {
        *self.state.delay.lock().unwrap() = delay;
    }

    /// Signs with this key from now on, and publishes it alone.
    pub(crate) fn sign_with(&mut self, key: Key, key_id: &str) {
        let alg = match &key {
            Key::Ecdsa(_) => "ES256",
            Key::Edwards(_) => "EdDSA",
            Key::Hmac(_) => "HS256",
            Key::Rsa(..) => "RS256",
        };
        self.publish(&[key.jwk(&json!({"kid": key_id, "use": "sig", "alg": alg}))]);
        self.key = key;
        self.key_id = key_id.to_owned();
    }

    /// Publishes these keys.
    pub(crate) fn publish(&self, keys: &[Value]) {
        *self.state.keys.lock().unwrap() = json!({ "keys": keys }).to_string();
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn discoveries(&self) -> usize {
        self.state.discoveries.load(Ordering::SeqCst)
    }

    pub(crate) fn key_fetches(&self) -> usize {
        self.state.key_fetches.load(Ordering::SeqCst)
    }

    /// Good claims.
    pub(crate) fn claims(&self, audience: &str, subject: &str, scope: &str) -> Value {
        let now = now();
        let mut claims =
            json!({"iss": self.url(), "aud": audience, "sub": subject, "client_id": "test-client", "iat": now, "exp": now + 600});
        if !scope.is_empty() {
            claims["scope"] = json!(scope);
        }
        claims
    }

    /// The header of its tokens.
    pub(crate) fn header(&self) -> Value {
        let alg = match &self.key {
            Key::Ecdsa(_) => "ES256",
            Key::Edwards(_) => "EdDSA",
            Key::Hmac(_) => "HS256",
            Key::Rsa(..) => "RS256",
        };
        json!({"typ": "at+jwt", "alg": alg, "kid": self.key_id})
    }

    /// A good token.
    pub(crate) fn token(&self, audience: &str, subject: &str, scope: &str) -> String {
        self.key.sign(&self.header(), &self.claims(audience, subject, scope))
    }

    /// A token that differs from a good one as told; null takes a member away.
    pub(crate) fn odd_token(&self, audience: &str, header: &Value, claims: &Value) -> String {
        let (mut all_header, mut all_claims) = (self.header(), self.claims(audience, "mallory", ""));
        merge(&mut all_header, header);
        merge(&mut all_claims, claims);
        self.key.sign(&all_header, &all_claims)
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = match request.uri().path() {
        "/.well-known/oauth-authorization-server" => {
            state.discoveries.fetch_add(1, Ordering::SeqCst);
            state.metadata.lock().unwrap().clone()
        }
        "/jwks" => {
            state.key_fetches.fetch_add(1, Ordering::SeqCst);
            let delay = *state.delay.lock().unwrap();
            tokio::time::sleep(delay).await;
            state.keys.lock().unwrap().clone()
        }
        _ => String::new(),
    };
    let mut response = Response::new(Full::from(text.clone()));
    if text.is_empty() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    Ok(response)
}
