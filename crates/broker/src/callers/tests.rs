//! Whose token goes up: the caller's own, and nobody else's.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::authorization_server::{Delegation, NamedServer, Proof, Road};
use crate::resolve::Resolver;
use crate::source::{Environment, Files, OpenFiles, Sources};
use crate::testing::{Endpoint, NOON, Watch, client, permit, token};

/// A caller in the making.
#[derive(Clone)]
struct Somebody {
    subject: &'static str,
    client: Option<&'static str>,
    scopes: ScopeSet,
    audiences: Vec<String>,
    token: SecretString,
    expires_at: u64,
}

fn somebody(subject: &'static str, token: &str) -> Somebody {
    Somebody { subject, client: None, scopes: ScopeSet::default(), audiences: Vec::new(), token: token.into(), expires_at: NOON + 3600 }
}

impl Somebody {
    fn shown(&self) -> CallerToken<'_> {
        CallerToken {
            issuer: "https://idp.example",
            subject: self.subject,
            client: self.client,
            scopes: &self.scopes,
            audiences: &self.audiences,
            token: &self.token,
            expires_at: self.expires_at,
        }
    }
}

/// Gives `for-` and the token that was shown, numbered.
async fn echoing(expires_in: u64) -> Endpoint {
    Endpoint::start(move |asked, number| {
        assert_eq!(asked.form["subject_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        (200, token(&format!("for-{}-{number}", asked.form["subject_token"]), expires_in))
    })
    .await
}

fn exchange(endpoint: &Endpoint, watch: &Watch) -> PerCaller {
    let sources = Sources::local(Environment::default(), Files::new(Path::new("/").to_owned(), OpenFiles::Refuse));
    let mut server = endpoint.server(Proof::None);
    server.rate = "10000/min".parse().unwrap();
    let delegation = Delegation { road: Road::Exchange(Box::new(server)), wanted: Wanted::default(), early: Duration::from_secs(300) };
    Resolver::new(sources, watch.clock()).on_behalf(&delegation, &client()).unwrap()
}

async fn get(callers: &PerCaller, caller: &Somebody) -> Result<String, &'static str> {
    let released = callers.credential(&caller.shown()).release(&permit()).await;
    released.map(|released| released.expose().to_owned()).map_err(|missing| missing.cause.code())
}

#[tokio::test]
async fn two_callers_never_share() {
    let endpoint = echoing(3600).await;
    let callers = exchange(&endpoint, &Watch::new());
    let (ada, eve) = (somebody("ada", "a"), somebody("eve", "e"));
    for _ in 0..3 {
        assert_eq!(get(&callers, &ada).await.unwrap(), "Bearer for-a-1");
        assert_eq!(get(&callers, &eve).await.unwrap(), "Bearer for-e-2");
    }
    assert_eq!(endpoint.asked().len(), 2);
}

#[tokio::test]
async fn a_lesser_token_does_not_profit_from_a_greater_one_of_the_same_person() {
    let endpoint = echoing(3600).await;
    let callers = exchange(&endpoint, &Watch::new());
    let greater = Somebody { scopes: ScopeSet::parse("read write").unwrap(), ..somebody("ada", "g") };
    let lesser = Somebody { scopes: ScopeSet::parse("read").unwrap(), ..somebody("ada", "l") };
    let other_program = Somebody { client: Some("phone"), ..greater.clone() };
    let nameless_program = Somebody { client: Some(""), ..greater.clone() };
    let for_others_too = Somebody { audiences: vec!["x".to_owned()], ..greater.clone() };
    assert_eq!(get(&callers, &greater).await.unwrap(), "Bearer for-g-1");
    assert_eq!(get(&callers, &lesser).await.unwrap(), "Bearer for-l-2");
    for (caller, expected) in [(other_program, 3), (nameless_program, 4), (for_others_too, 5)] {
        assert_eq!(get(&callers, &caller).await.unwrap(), format!("Bearer for-g-{expected}"));
    }
    assert_eq!(get(&callers, &greater).await.unwrap(), "Bearer for-g-1");
}

#[tokio::test]
async fn what_was_got_lives_on_when_the_caller_has_a_new_token_and_ends_with_the_old_one() {
    let endpoint = echoing(7200).await;
    let watch = Watch::new();
    let callers = exchange(&endpoint, &watch);
    let old = Somebody { expires_at: NOON + 100, ..somebody("ada", "old") };
    let new = Somebody { expires_at: NOON + 200, ..somebody("ada", "new") };
    assert_eq!(get(&callers, &old).await.unwrap(), "Bearer for-old-1");
    assert_eq!(get(&callers, &new).await.unwrap(), "Bearer for-old-1", "a refresh costs no exchange");
    assert_eq!(get(&callers, &old).await.unwrap(), "Bearer for-old-1");
    watch.set(100);
    assert_eq!(get(&callers, &new).await.unwrap(), "Bearer for-new-2", "the longest-lived token is what is shown");
}

#[tokio::test]
async fn a_new_token_does_not_wait_for_the_failure_of_the_old_one() {
    let endpoint = Endpoint::start(|asked, _| match asked.form["subject_token"].as_str() {
        "good" => (200, token("t", 60)),
        _ => (400, r#"{"error":"invalid_grant"}"#.to_owned()),
    })
    .await;
    let callers = exchange(&endpoint, &Watch::new());
    let bad = somebody("ada", "bad");
    for _ in 0..3 {
        assert_eq!(get(&callers, &bad).await, Err("refused"));
    }
    assert_eq!(endpoint.asked().len(), 1, "the same token is not shown again at once");
    for end in [bad.expires_at + 1, bad.expires_at - 1] {
        let good = Somebody { expires_at: end, ..somebody("ada", "good") };
        let callers = exchange(&endpoint, &Watch::new());
        assert_eq!(get(&callers, &bad).await, Err("refused"));
        assert_eq!(get(&callers, &good).await.unwrap(), "Bearer t", "{end}");
    }
}

#[tokio::test]
async fn those_whose_tokens_have_ended_are_forgotten_first_and_there_is_a_bound() {
    let endpoint = echoing(3600).await;
    let watch = Watch::new();
    let callers = exchange(&endpoint, &watch);
    let short = Somebody { expires_at: NOON + 10, ..somebody("short", "s") };
    drop(callers.credential(&short.shown()));
    watch.set(10);
    let keep = |number: u64| {
        let client: &'static str = Box::leak(number.to_string().into_boxed_str());
        let caller = Somebody { client: Some(client), expires_at: NOON + 3600 + number, ..somebody("ada", "a") };
        drop(callers.credential(&caller.shown()));
    };
    keep(0);
    assert_eq!(callers.known().len(), 1);
    (1..MAX_CALLERS as u64 + 5).for_each(keep);
    assert_eq!(callers.known().len(), MAX_CALLERS);
    let first_end = callers.known().values().map(|known| known.subject.expires_at()).min().unwrap();
    assert_eq!(first_end, NOON + 3600 + 5);
}

#[tokio::test]
async fn an_assertion_is_got_from_the_provider_and_shown_to_the_server_each_time() {
    let provider = Endpoint::start(|asked, number| {
        let expected = [
            ("requested_token_type", "urn:ietf:params:oauth:token-type:id-jag"),
            ("audience", "https://as.docs.example"),
            ("resource", "https://docs.example/mcp"),
            ("scope", "read"),
            ("subject_token", "a"),
        ];
        for (name, value) in expected {
            assert_eq!(asked.form[name], value);
        }
        let issued = "urn:ietf:params:oauth:token-type:id-jag";
        let body = serde_json::json!({"access_token": format!("assertion-{number}"), "token_type": "N_A", "issued_token_type": issued, "expires_in": 60});
        (200, body.to_string())
    })
    .await;
    let server = Endpoint::start(|asked, _| {
        assert_eq!(asked.form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        assert_eq!(asked.form.get("audience"), None);
        (200, token(&format!("for-{}", asked.form["assertion"]), 60))
    })
    .await;
    let watch = Watch::new();
    let sources = Sources::local(Environment::default(), Files::new(Path::new("/").to_owned(), OpenFiles::Refuse));
    let issuer = Issuer::parse("https://as.docs.example").unwrap();
    let named = NamedServer { server: server.server(Proof::None), issuer };
    let delegation = Delegation {
        road: Road::IdJag { provider: Box::new(provider.server(Proof::None)), server: Box::new(named) },
        wanted: Wanted {
            resource: Some(oauth::resource::Resource::parse("https://docs.example/mcp").unwrap()),
            audience: None,
            scopes: ScopeSet::parse("read").unwrap(),
        },
        early: Duration::from_secs(300),
    };
    let callers = Resolver::new(sources, watch.clock()).on_behalf(&delegation, &client()).unwrap();
    let ada = somebody("ada", "a");
    for _ in 0..2 {
        assert_eq!(get(&callers, &ada).await.unwrap(), "Bearer for-assertion-1");
    }
    watch.set(60);
    assert_eq!(get(&callers, &ada).await.unwrap(), "Bearer for-assertion-2");
    assert_eq!((provider.asked().len(), server.asked().len()), (2, 2));
}
