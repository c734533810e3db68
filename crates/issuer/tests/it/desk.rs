//! An authorization server with one account, and a browser and a client that talk to it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use audit::sink::{Auditor, Durability, Options};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use claviger_issuer::config::{Allowance, Config, Documents, Lifetimes, Meaning, ProtectedResource};
use claviger_issuer::{Parts, Server};
use http::header::{CONTENT_TYPE, COOKIE, REFRESH, SET_COOKIE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use oauth::issuer::Issuer;
use oauth::resource::Resource;
use oauth::scope::{Scope, ScopeSet};
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::tls::Roots;
use secrecy::SecretString;
use serde_json::Value;
use store::memory::{Limits, Memory};
use store::revocation::Revocations;
use store::seal::InstanceKey;
use store::{Answer, Store};
use tempfile::TempDir;
use token::{KeySet, Presented, Trust, TypRule, Unverified};
use url::form_urlencoded;

pub(crate) const BASE: &str = "http://127.0.0.1:8787";
pub(crate) const RESOURCE: &str = "http://127.0.0.1:8787/mcp/files";
pub(crate) const CALLBACK: &str = "http://127.0.0.1:5555/callback";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const NOON: u64 = 1_795_780_800;

/// One replica.
pub(crate) struct Desk {
    pub(crate) server: Arc<Server>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) now: Arc<AtomicU64>,
    pub(crate) folder: Arc<TempDir>,
    store: Arc<dyn Store>,
}

/// What a browser keeps.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
}

/// The tokens of a client.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scope: String,
}

/// One hash for all tests: it takes time on purpose.
static HASH: LazyLock<String> = LazyLock::new(|| claviger_issuer::accounts::hash(&SecretString::from(PASSWORD)).unwrap());

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let now = Arc::new(AtomicU64::new(NOON * 1000));
        let clock = clock(&now);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let accounts = format!("[accounts.ada]\npassword = '{}'\nname = 'Ada'\ngroups = ['staff']\n", *HASH);
        std::fs::write(folder.path().join("accounts.toml"), accounts).unwrap();
        let store: Arc<dyn Store> = Arc::new(Memory::new(clock, Limits::default()));
        let mut config = config(&folder);
        change(&mut config);
        Self::replica(config, store, now, folder).await
    }

    /// The same on a store that answers each question a little later, and not always equally so: whoever asks at the same time gets between.
    pub(crate) async fn slowly(seed: u64) -> Self {
        let desk = Self::open().await;
        let store = Arc::new(Slow { inner: Arc::clone(&desk.store), asked: AtomicU64::new(seed) });
        Self::replica(config(&desk.folder), store, Arc::clone(&desk.now), Arc::clone(&desk.folder)).await
    }

    /// Another replica on the same store.
    pub(crate) async fn beside(&self) -> Self {
        Self::replica(config(&self.folder), Arc::clone(&self.store), Arc::clone(&self.now), Arc::clone(&self.folder)).await
    }

    async fn replica(config: Config, store: Arc<dyn Store>, now: Arc<AtomicU64>, folder: Arc<TempDir>) -> Self {
        let clock = clock(&now);
        let revocations = Arc::new(Revocations::new(Arc::clone(&store), Arc::clone(&clock)));
        revocations.load().await.unwrap();
        let record =
            folder.path().join(format!("record-{}.jsonl", now.load(Ordering::Relaxed).wrapping_add(Arc::strong_count(&folder) as u64)));
        let auditor = Auditor::start(Options { durability: Durability::None, ..Options::at(record) }, clock()).unwrap();
        let client = Client::new(Guard::default(), &Roots::default()).unwrap();
        let auditor = Arc::new(auditor);
        let parts = Parts { clock, store: Arc::clone(&store), revocations: Arc::clone(&revocations), auditor, client };
        let server = Server::new(config, &InstanceKey::from_bytes(&[7; 32]), parts).await.unwrap();
        Self { server, revocations, now, folder, store }
    }

    /// Everything that is in the store.
    pub(crate) async fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let mut stored = Vec::new();
        for key in self.store.keys("", 1000).await.unwrap() {
            let value = self.store.get(&key).await.unwrap().unwrap();
            stored.push((key, value));
        }
        stored
    }

    /// How many entries the store has.
    pub(crate) async fn stored_keys(&self) -> usize {
        self.store.keys("", usize::MAX).await.unwrap().len()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.now.load(Ordering::Relaxed) / 1000
    }

    pub(crate) async fn ask(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.server.answer(&request, "203.0.113.9".parse::<IpAddr>().unwrap()).await
    }

    /// Registers a client with this name and these places to go back to.
    pub(crate) async fn register(&self, name: &str, redirects: &[&str]) -> String {
        let document = serde_json::json!({
            "client_name": name, "redirect_uris": redirects, "grant_types": ["authorization_code", "refresh_token"],
        });
        let response = self.register_with(&document).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{response:?}");
        json(&response)["client_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn register_with(&self, document: &Value) -> Response<Bytes> {
        let request = Request::post(format!("{BASE}/register")).header(CONTENT_TYPE, "application/json");
        self.ask(request.body(document.to_string().into()).unwrap()).await
    }

    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Response<Bytes> {
        self.post_form("/token", fields).await
    }

    pub(crate) async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response<Bytes> {
        let request = Request::post(format!("{BASE}{path}")).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.body(form(fields).into()).unwrap()).await
    }

    /// What Ada's client gets when she signs in and agrees.
    pub(crate) async fn code(&self, client: &str) -> String {
        let mut browser = Browser::default();
        browser.sign_in(self, &question(client)).await;
        browser.agree(self, client).await
    }

    pub(crate) async fn redeem(&self, client: &str, code: &str) -> Response<Bytes> {
        self.token(&redemption(client, code)).await
    }

    pub(crate) async fn log_in(&self, client: &str) -> Tokens {
        let code = self.code(client).await;
        tokens(&self.redeem(client, &code).await)
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Response<Bytes> {
        self.token(&[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)]).await
    }

    /// Whether a door would let this token in, now.
    pub(crate) fn opens(&self, access: &str) -> bool {
        let heard = async {
            // What the door would have heard by now from other replicas.
            self.revocations.load().await.unwrap();
            self.server.published_keys().await.unwrap()
        };
        let document = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(heard));
        let (keys, _) = KeySet::from_jwks(document.as_bytes()).unwrap();
        let trust = Trust { typ: TypRule::AccessToken, leeway_seconds: 0, ..Trust::new(Some(BASE.into()), vec![RESOURCE.into()]) };
        let Ok(unverified) = Unverified::parse(access) else { return false };
        match token::verify(&unverified, &trust, &keys, Presented::AsBearer, self.seconds()) {
            Ok(claims) => [&claims.grant_id, &claims.jwt_id].into_iter().flatten().all(|id| !self.revocations.is_revoked(id)),
            Err(_) => false,
        }
    }
}

impl Browser {
    pub(crate) async fn get(&mut self, desk: &Desk, path: &str) -> Response<Bytes> {
        self.send(desk, Method::GET, path, Bytes::new()).await
    }

    pub(crate) async fn post(&mut self, desk: &Desk, path: &str, fields: &[(&str, &str)]) -> Response<Bytes> {
        self.send(desk, Method::POST, path, form(fields).into()).await
    }

    async fn send(&mut self, desk: &Desk, method: Method, path: &str, body: Bytes) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        let mut request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body).unwrap();
        request.headers_mut().extend(self.headers.clone());
        let response = desk.ask(request).await;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// From the client's question to the page with yes and no; what stands in its form.
    pub(crate) async fn sign_in(&mut self, desk: &Desk, question: &str) -> String {
        let page = self.get(desk, question).await;
        let consent = self.password(desk, &asked(&page), "ada", PASSWORD).await;
        assert_eq!(consent.status(), StatusCode::OK, "{consent:?}");
        asked(&consent)
    }

    /// The code that the client gets when whoever is signed in agrees.
    pub(crate) async fn agree(&mut self, desk: &Desk, client: &str) -> String {
        let consent = self.get(desk, &question(client)).await;
        back(&self.answer(desk, &asked(&consent), "allow").await)["code"].clone()
    }

    pub(crate) async fn password(&mut self, desk: &Desk, asked: &str, username: &str, password: &str) -> Response<Bytes> {
        self.post(desk, "/authorize/sign-in", &[("asked", asked), ("username", username), ("password", password)]).await
    }

    pub(crate) async fn answer(&mut self, desk: &Desk, asked: &str, answer: &str) -> Response<Bytes> {
        self.post(desk, "/authorize/consent", &[("asked", asked), ("answer", answer)]).await
    }
}

/// Where a client sends the browser.
pub(crate) fn question(client: &str) -> String {
    question_with(client, &[])
}

/// The same, with some fields changed, or left out where they are empty.
pub(crate) fn question_with(client: &str, changes: &[(&str, &str)]) -> String {
    let mut fields: BTreeMap<&str, &str> = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("state", "s&1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("scope", "files:read"),
        ("resource", RESOURCE),
    ]
    .into();
    fields.extend(changes.iter().copied());
    fields.retain(|_, value| !value.is_empty());
    format!("/authorize?{}", form(&fields.into_iter().collect::<Vec<_>>()))
}

pub(crate) fn redemption<'a>(client: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

pub(crate) fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_else(|_| panic!("no JSON: {}", text(response)))
}

/// The name of the error that a client is told.
pub(crate) fn error(response: &Response<Bytes>) -> String {
    json(response)["error"].as_str().unwrap_or_default().to_owned()
}

/// What stands in a page's form.
pub(crate) fn asked(page: &Response<Bytes>) -> String {
    let (_, rest) = text(page).split_once("name=\"asked\" value=\"").unwrap_or_else(|| panic!("no form in {}", text(page)));
    rest.split_once('"').unwrap().0.to_owned()
}

/// The fields with which the browser is sent back to the client.
pub(crate) fn back(page: &Response<Bytes>) -> BTreeMap<String, String> {
    let refresh = page.headers().get(REFRESH).unwrap_or_else(|| panic!("it goes nowhere: {}", text(page))).to_str().unwrap();
    let (place, query) = refresh.strip_prefix("0;url=").unwrap().split_once('?').unwrap();
    assert_eq!(place, CALLBACK);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

pub(crate) fn tokens(response: &Response<Bytes>) -> Tokens {
    assert_eq!(response.status(), StatusCode::OK, "{}", text(response));
    let answer = json(response);
    let member = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    Tokens { access: member("access_token"), refresh: member("refresh_token"), scope: member("scope") }
}

/// What an access token says.
pub(crate) fn claims(access: &str) -> Value {
    let payload = access.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn clock(now: &Arc<AtomicU64>) -> store::Clock {
    let now = Arc::clone(now);
    Arc::new(move || now.load(Ordering::Relaxed))
}

pub(crate) fn config(folder: &TempDir) -> Config {
    let meaning = |patterns: &[&str]| Meaning::Patterns(patterns.iter().map(|pattern| (*pattern).to_owned()).collect());
    let scope = |text: &str| Scope::parse(text).unwrap();
    Config {
        issuer: Issuer::parse(BASE).unwrap(),
        resources: vec![ProtectedResource {
            resource: Resource::parse(RESOURCE).unwrap(),
            name: "files".to_owned(),
            title: "Files".to_owned(),
            baseline: ScopeSet::parse("files:read").unwrap(),
            scopes: [
                (scope("files:read"), meaning(&["*"])),
                (scope("files:write"), Meaning::Words("Change files".to_owned())),
                (scope("files:admin"), meaning(&["delete_*"])),
            ]
            .into(),
        }],
        clients: Vec::new(),
        allowance: Allowance::default(),
        accounts: folder.path().join("accounts.toml"),
        lifetimes: Lifetimes::default(),
        registration: true,
        providers: Vec::new(),
        documents: Documents::Off,
        trusts: Vec::new(),
        guard: Guard::default(),
    }
}

/// A store as if over a network.
struct Slow {
    inner: Arc<dyn Store>,
    asked: AtomicU64,
}

impl Slow {
    async fn wait(&self) {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        for _ in 0..asked.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61 {
            tokio::task::yield_now().await;
        }
    }
}

impl Store for Slow {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            self.wait().await;
            self.inner.get(key).await
        })
    }

    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>> {
        self.inner.keys(prefix, most)
    }

    fn put<'a>(&'a self, key: &'a str, value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.wait().await;
            self.inner.put(key, value, ttl).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        self.inner.delete(key)
    }

    fn take<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            self.wait().await;
            self.inner.take(key).await
        })
    }

    fn increment<'a>(&'a self, key: &'a str, by: u64, ttl: Option<Duration>) -> Answer<'a, u64> {
        Box::pin(async move {
            self.wait().await;
            self.inner.increment(key, by, ttl).await
        })
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a [u8]>,
        new: Option<&'a [u8]>,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            self.wait().await;
            self.inner.compare_and_swap(key, expected, new, ttl).await
        })
    }
}
