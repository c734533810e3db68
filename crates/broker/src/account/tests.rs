//! Every way in which a log-in, a renewal or a refusal can come out, against an authorization server of real sockets that does what the test wants.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use futures_util::future::join_all;
use http::{HeaderMap, Method, StatusCode};
use oauth::authorization::Answer;
use oauth::challenge::Challenge;
use oauth::oauth_error::OauthError;
use oauth::scope::ScopeSet;
use outbound::client::LazyClient;
use outbound::guard::Guard;
use outbound::tls::Roots;
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use super::visitor::{Awaited, Destination, TypedCode, Visit, Visiting, Visitor};
use super::wallet::Wallet;
use super::*;
use crate::source::Keychain;
use crate::testing::{Asked, Endpoint, Watch};

/// An authorization server and the protected server in one. `token` answers at the token endpoint: the request, and its number there.
struct Place {
    endpoint: Endpoint,
}

impl Place {
    async fn start(token: impl Fn(&Asked, usize) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::naming(None, token).await
    }

    /// `issuer`: who gives tokens, where it is not this server itself.
    async fn naming(issuer: Option<Arc<Mutex<String>>>, token: impl Fn(&Asked, usize) -> (u16, String) + Send + Sync + 'static) -> Self {
        let own: Arc<OnceLock<String>> = Arc::default();
        let (url, asked_for_tokens) = (Arc::clone(&own), AtomicUsize::new(0));
        let endpoint = Endpoint::start(move |asked, _| {
            let url = url.get().unwrap();
            let issuer = issuer.as_ref().map_or_else(|| url.clone(), |issuer| issuer.lock().unwrap().clone());
            match asked.path.as_str() {
                "/.well-known/oauth-protected-resource/mcp" => (
                    200,
                    json!({"resource": format!("{url}/mcp"), "authorization_servers": [issuer], "scopes_supported": ["read"]}).to_string(),
                ),
                "/.well-known/oauth-authorization-server" => (200, metadata(url).to_string()),
                "/register" => (201, json!({"client_id": format!("us-at-{url}")}).to_string()),
                "/token" => token(asked, asked_for_tokens.fetch_add(1, Ordering::SeqCst) + 1),
                "/revoke" => (200, String::new()),
                _ => (404, String::new()),
            }
        })
        .await;
        own.set(endpoint.url.clone()).unwrap();
        Self { endpoint }
    }

    /// One that numbers its tokens, and rotates what renews them.
    async fn numbering(seconds: u64) -> Self {
        Self::start(move |_, number| (200, tokens(number, seconds))).await
    }

    fn server(&self) -> Url {
        Url::parse(&format!("{}/mcp", self.endpoint.url)).unwrap()
    }

    fn asked_at(&self, path: &str) -> Vec<Asked> {
        self.endpoint.asked().into_iter().filter(|asked| asked.path == path).collect()
    }
}

fn metadata(url: &str) -> serde_json::Value {
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "registration_endpoint": format!("{url}/register"),
        "revocation_endpoint": format!("{url}/revoke"),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn tokens(number: usize, seconds: u64) -> String {
    json!({"access_token": format!("a{number}"), "refresh_token": format!("r{number}"), "token_type": "Bearer", "expires_in": seconds})
        .to_string()
}

fn refusal(code: &str) -> (u16, String) {
    (400, json!({"error": code}).to_string())
}

/// A person who allows everything at once, and what their browser brings.
#[derive(Default)]
struct Willing {
    sent: Arc<Mutex<Vec<Url>>>,
    /// What the answer says in place of the truth.
    state: Option<&'static str>,
    issuer: Option<&'static str>,
}

struct Trip {
    sent: Arc<Mutex<Vec<Url>>>,
    state: Option<&'static str>,
    issuer: Option<&'static str>,
}

impl Visitor for Willing {
    fn prepare<'a>(&'a self, _: Option<&'a str>) -> Visiting<'a, Box<dyn Visit>> {
        let trip = Trip { sent: Arc::clone(&self.sent), state: self.state, issuer: self.issuer };
        Box::pin(std::future::ready(Ok(Box::new(trip) as Box<dyn Visit>)))
    }

    fn show(&self, code: TypedCode) -> Visiting<'_, Box<dyn Awaited>> {
        self.sent.lock().unwrap().push(code.url);
        Box::pin(std::future::ready(Ok(Box::new(Always) as Box<dyn Awaited>)))
    }
}

struct Always;

impl Awaited for Always {
    fn is_awaited(&self) -> bool {
        true
    }
}

impl Visit for Trip {
    fn redirect_uri(&self) -> &'static str {
        "http://127.0.0.1:1/callback"
    }

    fn go(self: Box<Self>, to: Destination) -> Visiting<'static, Answer> {
        self.sent.lock().unwrap().push(to.url.clone());
        let issuer = self.issuer.map_or_else(|| to.url.origin().ascii_serialization(), str::to_owned);
        let state = self.state.map_or_else(|| to.state.clone(), str::to_owned);
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("code", "c"), ("state", state.as_str()), ("iss", issuer.as_str())])
            .finish();
        Box::pin(std::future::ready(Ok(Answer::read(&query).unwrap())))
    }
}

/// One machine: a folder and a clock.
struct Machine {
    folder: TempDir,
    watch: Watch,
}

impl Machine {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), watch: Watch::new() }
    }

    fn wallet(&self) -> Wallet {
        let place = |name: &str| self.folder.path().join(name);
        Wallet::new(place("accounts"), Keychain::sealed_file(place("sealed.json"), place("key")), "file")
    }

    /// What one process has; `visitor`: how it asks, if it can.
    fn account(&self, server: &Url, visitor: Option<Willing>) -> Account {
        let visitor = visitor.map(|visitor| Arc::new(visitor) as Arc<dyn Visitor>);
        let http = LazyClient::new(Guard::for_operator(server.as_str()), Roots::default());
        let around = Around { http, wallet: Arc::new(self.wallet()), visitor, keeper: None, clock: self.watch.clock() };
        Account::new(server.clone(), "default", Wishes::default(), around)
    }

    fn is_empty(&self) -> bool {
        self.wallet().list().unwrap().is_empty()
    }
}

/// What would be sent, and which it was.
async fn show(account: &Account) -> (Option<String>, Shown) {
    let mut headers = HeaderMap::new();
    let shown = account.show(&Method::POST, &mut headers).await.unwrap();
    (headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()), shown)
}

fn unauthorized() -> Refused {
    Refused { status: StatusCode::UNAUTHORIZED, challenge: None, wants_bound: false }
}

async fn log_in(account: &Account) -> Result<(), NotSignedIn> {
    let (_, shown) = show(account).await;
    account.mend(shown, unauthorized(), &mut Attempts::default()).await
}

fn sent(people: &Arc<Mutex<Vec<Url>>>) -> usize {
    people.lock().unwrap().len()
}

#[tokio::test]
async fn who_is_refused_logs_in_once_and_the_next_process_has_it() {
    let (place, machine) = (Place::numbering(3600).await, Machine::new());
    let person = Willing::default();
    let seen = Arc::clone(&person.sent);
    let account = machine.account(&place.server(), Some(person));
    assert_eq!(show(&account).await.0, None);
    log_in(&account).await.unwrap();
    assert_eq!(show(&account).await.0.as_deref(), Some("Bearer a1"));
    let url = seen.lock().unwrap()[0].clone();
    let asked: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!((asked["scope"].as_str(), asked["resource"].as_str()), ("read", place.server().as_str()));
    assert_eq!(place.asked_at("/token")[0].form["resource"], place.server().as_str());
    let another = machine.account(&place.server(), None);
    assert_eq!(show(&another).await.0.as_deref(), Some("Bearer a1"));
    let summary = &machine.wallet().list().unwrap()[0];
    assert_eq!((summary.server.as_str(), summary.storage.as_str(), summary.is_renewable), (place.server().as_str(), "file", true));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_what_renews_it_rotates() {
    let (place, machine) = (Place::numbering(3600).await, Machine::new());
    let account = machine.account(&place.server(), Some(Willing::default()));
    log_in(&account).await.unwrap();
    machine.watch.pass(Duration::from_secs(3530));
    assert_eq!(show(&account).await.0.as_deref(), Some("Bearer a1"));
    machine.watch.pass(Duration::from_secs(15));
    assert_eq!(show(&account).await.0.as_deref(), Some("Bearer a2"));
    // The lid was closed for a day.
    machine.watch.pass(Duration::from_secs(86_400));
    assert_eq!(show(&machine.account(&place.server(), None)).await.0.as_deref(), Some("Bearer a3"));
    let renewals: Vec<String> = place.asked_at("/token").iter().filter_map(|asked| asked.form.get("refresh_token").cloned()).collect();
    assert_eq!(renewals, ["r1", "r2"]);
}

#[tokio::test]
async fn a_server_that_is_away_keeps_nobody_from_what_is_still_good() {
    let answer =
        |asked: &Asked, number| if asked.form.contains_key("refresh_token") { (503, String::new()) } else { (200, tokens(number, 3600)) };
    let (place, machine) = (Place::start(answer).await, Machine::new());
    let account = machine.account(&place.server(), Some(Willing::default()));
    log_in(&account).await.unwrap();
    machine.watch.pass(Duration::from_secs(3545));
    assert_eq!(show(&account).await.0.as_deref(), Some("Bearer a1"));
    machine.watch.pass(Duration::from_secs(60));
    let over = account.show(&Method::POST, &mut HeaderMap::new()).await.unwrap_err();
    assert!(matches!(&over, NotSignedIn::NoToken(cause) if cause.is_transient()), "{over:?}");
    assert!(!machine.is_empty());
}

#[tokio::test]
async fn a_grant_that_has_ended_there_is_asked_for_again_or_nobody_can_be_asked() {
    let answer = |asked: &Asked, number| {
        if asked.form.contains_key("refresh_token") { refusal("invalid_grant") } else { (200, tokens(number, 3600)) }
    };
    let (place, machine) = (Place::start(answer).await, Machine::new());
    log_in(&machine.account(&place.server(), Some(Willing::default()))).await.unwrap();
    machine.watch.pass(Duration::from_secs(7200));
    let alone = machine.account(&place.server(), None);
    let failure = log_in(&alone).await.unwrap_err();
    assert!(matches!(failure, NotSignedIn::NobodyToAsk { .. }), "{failure:?}");
    let person = Willing::default();
    let seen = Arc::clone(&person.sent);
    log_in(&machine.account(&place.server(), Some(person))).await.unwrap();
    assert_eq!((sent(&seen), place.asked_at("/register").len()), (1, 1));
}

#[tokio::test]
async fn what_another_process_has_renewed_is_taken_as_it_is() {
    let (place, machine) = (Place::numbering(3600).await, Machine::new());
    let (first, second) = (machine.account(&place.server(), Some(Willing::default())), machine.account(&place.server(), None));
    log_in(&first).await.unwrap();
    let (_, shown) = show(&second).await;
    // The first one was refused, and has renewed.
    first.mend(show(&first).await.1, unauthorized(), &mut Attempts::default()).await.unwrap();
    let before = place.endpoint.asked().len();
    second.mend(shown, unauthorized(), &mut Attempts::default()).await.unwrap();
    assert_eq!(place.endpoint.asked().len(), before);
    assert_eq!(show(&second).await.0.as_deref(), Some("Bearer a2"));
}

#[tokio::test]
async fn of_many_who_are_refused_at_once_one_asks_the_person() {
    let (place, machine) = (Place::numbering(3600).await, Machine::new());
    let seen: Arc<Mutex<Vec<Url>>> = Arc::default();
    let accounts: Vec<Account> =
        (0..16).map(|_| machine.account(&place.server(), Some(Willing { sent: Arc::clone(&seen), ..Willing::default() }))).collect();
    for outcome in join_all(accounts.iter().map(log_in)).await {
        outcome.unwrap();
    }
    assert_eq!((sent(&seen), place.asked_at("/register").len(), place.asked_at("/token").len()), (1, 1, 1));
}

#[tokio::test]
async fn an_answer_to_another_question_or_of_another_server_is_worth_nothing() {
    for (state, issuer) in [(Some("another"), None), (None, Some("https://evil.example")), (None, Some(""))] {
        let (place, machine) = (Place::numbering(3600).await, Machine::new());
        let person = Willing { state, issuer, ..Willing::default() };
        let failure = log_in(&machine.account(&place.server(), Some(person))).await.unwrap_err();
        let is_right = match state {
            Some(_) => matches!(failure, NotSignedIn::OtherState),
            None => matches!(failure, NotSignedIn::OtherIssuer(_)),
        };
        assert!(is_right, "{failure:?}");
        assert!(place.asked_at("/token").is_empty() && machine.is_empty());
    }
}

#[tokio::test]
async fn more_scopes_are_asked_for_beside_the_old_ones_and_three_times_at_most() {
    let (place, machine) = (Place::numbering(3600).await, Machine::new());
    let person = Willing::default();
    let seen = Arc::clone(&person.sent);
    let account = machine.account(&place.server(), Some(person));
    log_in(&account).await.unwrap();
    let scope = ScopeSet::parse("write").unwrap();
    let challenge = Challenge { error: Some(OauthError::InsufficientScope), scope, ..Challenge::default() };
    let refused = Refused { status: StatusCode::FORBIDDEN, challenge: Some(challenge), wants_bound: false };
    let mut attempts = Attempts::default();
    for _ in 0..3 {
        account.mend(show(&account).await.1, refused.clone(), &mut attempts).await.unwrap();
    }
    let failure = account.mend(show(&account).await.1, refused, &mut attempts).await.unwrap_err();
    assert!(matches!(failure, NotSignedIn::StillRefused { times: 3 }), "{failure:?}");
    let last = seen.lock().unwrap().last().unwrap().clone();
    assert!(last.query_pairs().any(|(name, value)| name == "scope" && value == "read write"), "{last}");
    assert_eq!(sent(&seen), 4);
}

#[tokio::test]
async fn what_one_authorization_server_gave_is_never_shown_to_another() {
    let issuer: Arc<Mutex<String>> = Arc::default();
    let (old, new) = (Place::numbering(3600).await, Place::numbering(3600).await);
    let server = Place::naming(Some(Arc::clone(&issuer)), |_, _| refusal("invalid_request")).await;
    issuer.lock().unwrap().clone_from(&old.endpoint.url);
    let machine = Machine::new();
    let account = machine.account(&server.server(), Some(Willing::default()));
    log_in(&account).await.unwrap();
    issuer.lock().unwrap().clone_from(&new.endpoint.url);
    account.mend(show(&account).await.1, unauthorized(), &mut Attempts::default()).await.unwrap();
    let told: Vec<Asked> = new.endpoint.asked();
    assert!(told.iter().all(|asked| !asked.form.values().any(|value| value == "r1" || value.contains(&old.endpoint.url))), "{told:?}");
    assert_eq!((new.asked_at("/register").len(), new.asked_at("/token").len()), (1, 1));
    assert_eq!(old.asked_at("/token").len(), 1);
}

#[tokio::test]
async fn a_server_whose_metadata_is_about_another_gets_nobody_to_log_in() {
    let other = Place::numbering(3600).await;
    let url = other.endpoint.url.clone();
    let liar = Endpoint::start(move |asked, _| match asked.path.as_str() {
        "/.well-known/oauth-protected-resource/mcp" => {
            (200, json!({"resource": format!("{url}/mcp"), "authorization_servers": [url]}).to_string())
        }
        _ => (404, String::new()),
    })
    .await;
    let (machine, person) = (Machine::new(), Willing::default());
    let seen = Arc::clone(&person.sent);
    let server = Url::parse(&format!("{}/mcp", liar.url)).unwrap();
    let failure = log_in(&machine.account(&server, Some(person))).await.unwrap_err();
    assert!(matches!(failure, NotSignedIn::NoGuardian(_)), "{failure:?}");
    assert_eq!((sent(&seen), other.endpoint.asked().len()), (0, 0));
}

#[tokio::test]
async fn who_leaves_has_both_tokens_taken_back_the_one_that_renews_first() {
    let (place, machine) = (Place::numbering(3600).await, Machine::new());
    let account = machine.account(&place.server(), Some(Willing::default()));
    log_in(&account).await.unwrap();
    assert!(matches!(account.sign_out().await.unwrap(), SignedOut::TakenBack));
    let taken: Vec<String> = place.asked_at("/revoke").iter().map(|asked| asked.form["token"].clone()).collect();
    assert_eq!(taken, ["r1", "a1"]);
    assert!(machine.is_empty());
    assert_eq!(show(&account).await.0, None);
    assert!(matches!(account.sign_out().await.unwrap(), SignedOut::WasNotSignedIn));
}

#[tokio::test]
async fn accounts_move_to_another_keychain_whole_and_leave_nothing_behind() {
    let (place, machine) = (Place::numbering(3600).await, Machine::new());
    log_in(&machine.account(&place.server(), Some(Willing::default()))).await.unwrap();
    let at = |name: &str| machine.folder.path().join(name);
    let old = machine.wallet();
    let new = Wallet::new(at("accounts"), Keychain::sealed_file(at("elsewhere.json"), at("other-key")), "elsewhere");
    assert_eq!(old.copy_to(&new).await.unwrap(), 1);
    old.empty().await.unwrap();
    let name = Name::of_account(place.server().as_str(), "default");
    assert!(old.find(&name).await.unwrap().is_none());
    assert_eq!(new.find(&name).await.unwrap().unwrap().grant.access.expose_secret(), "a1");
    assert_eq!(new.list().unwrap()[0].storage, "elsewhere");
    assert!(holds_no(&at("sealed.json"), "account."));
}

fn holds_no(file: &Path, text: &str) -> bool {
    !std::fs::read_to_string(file).unwrap().contains(text)
}
