//! Clients that show an id and a secret in place of a token: logged in at the issuer's token endpoint, judged like everybody, and never passed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Door, Issuer, Key, Plan, Puppet, Request, Say, Seen, eventually, now};

const SECRET: &str = "correct-horse-battery-staple";

/// A door before a server that notes what it sees, and a token endpoint that knows the client `app`.
struct Scene {
    door: Door,
    upstream: Puppet,
    endpoint: Puppet,
    is_away: Arc<AtomicBool>,
}

impl Scene {
    /// `settings` are further ones of `client_headers`, `claims` differ from good ones as told.
    async fn open(settings: &str, claims: Value, sections: &str) -> Self {
        let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
        let issuer = Issuer::start();
        let is_away = Arc::new(AtomicBool::new(false));
        let endpoint = endpoint(&issuer, claims, Arc::clone(&is_away)).await;
        let accept = format!("[[accept]]\nissuer = {:?}\nclient_headers = {{ token_url = {:?}{settings} }}\n", issuer.url(), endpoint.url);
        let door = Plan::before(&upstream.url, "modern").issuer(issuer).accept(&accept).section(sections).open().await;
        Self { door, upstream, endpoint, is_away }
    }

    async fn usual() -> Self {
        Self::open("", json!({}), "").await
    }

    /// A call with these two headers.
    fn call(&self, id: &str, secret: &str) -> Request {
        self.bare().header("x-client-id", id).header("x-client-secret", secret)
    }

    /// The same call without them.
    fn bare(&self) -> Request {
        self.door.stranger().tool("any", json!({}))
    }

    fn asked(&self) -> usize {
        self.endpoint.seen().len()
    }
}

/// Gives tokens of the issuer for whatever resource is asked for.
async fn endpoint(issuer: &Issuer, claims: Value, is_away: Arc<AtomicBool>) -> Puppet {
    let key = Key::p256();
    issuer.publish(&[key.jwk(&json!({"kid": "logins", "use": "sig", "alg": "ES256"}))]);
    let url = issuer.url();
    let basic = format!("Basic {}", STANDARD.encode(format!("app:{SECRET}")));
    Puppet::start(move |seen: &Seen| {
        if is_away.load(Ordering::SeqCst) {
            return Say::nothing(503);
        }
        if seen.header("authorization") != Some(&basic) {
            return Say::json(r#"{"error":"invalid_client"}"#).status(401);
        }
        let now = now();
        let mut all = json!({"iss": url, "aud": seen.field("resource"), "sub": "app", "client_id": "app", "iat": now, "exp": now + 600,
            "scope": seen.field("scope").unwrap_or_default()});
        crate::support::merge(&mut all, &claims);
        let lifetime = all["exp"].as_u64().unwrap().saturating_sub(now).max(1);
        let token = key.sign(&json!({"typ": "at+jwt", "alg": "ES256", "kid": "logins"}), &all);
        Say::json(json!({"access_token": token, "token_type": "Bearer", "expires_in": lifetime}).to_string())
    })
    .await
}

#[tokio::test]
async fn one_login_serves_many_calls_and_nothing_of_it_reaches_the_server() {
    let scene = Scene::open(", scopes = [\"docs:read\"]", json!({}), "").await;
    let calls = (0..20).map(|_| async { scene.call("app", SECRET).send().await.status });
    assert!(futures_util::future::join_all(calls).await.iter().all(|status| *status == 200), "{}", scene.door.said());
    let asked = scene.endpoint.seen();
    assert_eq!(asked.len(), 1, "once for all who wait");
    assert_eq!(asked[0].field("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(asked[0].field("resource"), Some(scene.door.resource()), "a token for this server and no other");
    assert_eq!(asked[0].field("scope").as_deref(), Some("docs:read"));
    for seen in scene.upstream.seen() {
        for name in ["x-client-id", "x-client-secret", "authorization"] {
            assert_eq!(seen.header(name), None, "{name}");
        }
        assert!(!format!("{seen:?}").contains(SECRET));
    }
    let call = scene.door.recorded("the call", |line| line["event"] == "call" && line["outcome"] == "ok").await;
    assert_eq!((&call["subject"], &call["client"], &call["issuer"]), (&json!("app"), &json!("app"), &json!(scene.door.issuer.url())));
}

#[tokio::test]
async fn the_secret_stands_in_no_log_no_record_and_no_state() {
    let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let issuer = Issuer::start();
    let endpoint = endpoint(&issuer, json!({}), Arc::default()).await;
    let accept = format!("[[accept]]\nissuer = {:?}\nclient_headers = {{ token_url = {:?} }}\n", issuer.url(), endpoint.url);
    let door = Plan::before(&upstream.url, "modern").issuer(issuer).accept(&accept).variable("CLAVIGER_LOG", "trace").open().await;
    for secret in [SECRET, "a-wrong-secret-of-this-client"] {
        let call = door.stranger().tool("any", json!({})).header("x-client-id", "app").header("x-client-secret", secret);
        call.send().await;
    }
    eventually("two records", || (door.recorded_calls().len() == 2).then_some(())).await;
    let mut told = format!("{}{}", door.said(), door.printed());
    for file in std::fs::read_dir(door.state()).unwrap().chain(std::fs::read_dir(door.state().join("audit")).unwrap()) {
        told.push_str(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap_or_default()));
    }
    for secret in [SECRET, "a-wrong-secret-of-this-client", &STANDARD.encode(format!("app:{SECRET}"))] {
        assert!(!told.contains(secret));
    }
}

#[tokio::test]
async fn a_wrong_secret_is_401_and_is_not_tried_again_at_once() {
    let scene = Scene::usual().await;
    for _ in 0..3 {
        let answer = scene.call("app", "wrong").send().await;
        assert_eq!((answer.status, answer.challenge().param("error")), (401, Some("invalid_token")), "{answer:?}");
    }
    assert_eq!(scene.asked(), 1);
    assert_eq!(scene.call("app", SECRET).send().await.status, 200, "the right one is another pair");
    assert_eq!(
        scene.call("ap", "pcorrect-horse-battery-staple").send().await.status,
        401,
        "where the one ends and the other begins counts"
    );
    assert!(scene.upstream.seen().len() == 1);
}

#[tokio::test]
async fn whoever_guesses_secrets_is_stopped_before_the_issuer_is_asked() {
    let scene = Scene::open("", json!({}), "[limits]\nfailures_per_address = \"5/min\"").await;
    let guesses = (0..60).map(|number| async move { number });
    let mut verdicts = Vec::new();
    for guess in futures_util::future::join_all(guesses).await {
        verdicts.push(scene.call("app", &format!("guess-{guess}")).send().await.status);
    }
    assert_eq!(&verdicts[..5], [401; 5]);
    assert!(verdicts[5..].iter().all(|status| *status == 429), "{verdicts:?}");
    assert_eq!(scene.asked(), 5, "what is refused for its address is not asked about");
    let guesses = (0..60).map(|guess| scene.call("app", &format!("another-{guess}")).send());
    assert!(futures_util::future::join_all(guesses).await.iter().all(|answer| answer.status == 429));
    assert_eq!(scene.asked(), 5);
}

#[tokio::test]
async fn guesses_that_come_at_once_are_asked_about_a_few_at_a_time() {
    let scene = Scene::open("", json!({}), "[limits]\nfailures_per_address = \"5/min\"").await;
    let guesses = (0..100).map(|guess| scene.call("app", &format!("guess-{guess}")).send());
    futures_util::future::join_all(guesses).await;
    assert!(scene.asked() <= 5 + 2 * 8, "{} guesses reached the issuer", scene.asked());
}

#[tokio::test]
async fn a_client_that_is_known_is_served_while_its_address_is_full() {
    let scene = Scene::open("", json!({}), "[limits]\nfailures_per_address = \"2/min\"").await;
    assert_eq!(scene.call("app", SECRET).send().await.status, 200);
    for guess in 0..4 {
        scene.call("app", &format!("guess-{guess}")).send().await;
    }
    assert_eq!(scene.call("app", SECRET).send().await.status, 200);
}

#[tokio::test]
async fn more_than_one_way_to_say_who_calls_is_none() {
    let scene = Scene::usual().await;
    let token = scene.door.issuer.token(&scene.door.resource(), "alice", "");
    let call = || scene.call("app", SECRET);
    for request in [
        call().token(&token),
        call().header("authorization", "Basic YTpi"),
        call().also("x-client-id", "app"),
        call().also("x-client-secret", SECRET),
        call().without("x-client-id"),
        call().without("x-client-secret"),
        scene.call("", SECRET),
        scene.call(&"i".repeat(513), SECRET),
        scene.call("app", &"s".repeat(1025)),
        call().header("x-client-secret", b"caf\xc3\xa9"),
    ] {
        let answer = request.send().await;
        assert_eq!((answer.status, answer.challenge().param("error")), (400, Some("invalid_request")), "{answer:?}");
    }
    assert_eq!((scene.asked(), scene.upstream.seen().len()), (0, 0));
}

#[tokio::test]
async fn where_nobody_has_allowed_it_they_mean_nothing_and_go_nowhere() {
    let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    for setting in ["", "client_headers = false"] {
        let door = Plan::before(&upstream.url, "modern").accept(&format!("[[accept]]\nissuer = \"ISSUER\"\n{setting}\n")).open().await;
        let call = door.stranger().tool("any", json!({})).header("x-client-id", "app").header("x-client-secret", SECRET);
        let answer = call.send().await;
        assert_eq!((answer.status, answer.challenge().param("error")), (401, None), "nothing was shown: {answer:?}");
        let call = door.caller("alice").tool("any", json!({})).header("x-client-id", "app").header("x-client-secret", SECRET);
        assert_eq!(call.send().await.status, 200);
    }
    assert!(upstream.seen().iter().all(|seen| seen.header("x-client-id").is_none() && seen.header("x-client-secret").is_none()));
}

#[tokio::test]
async fn the_token_that_comes_is_judged_like_any_other() {
    for claims in [json!({"aud": "https://elsewhere.example/mcp"}), json!({"iss": "https://elsewhere.example"}), json!({"sub": null})] {
        let scene = Scene::open("", claims.clone(), "").await;
        assert_eq!(scene.call("app", SECRET).send().await.status, 401, "{claims}");
        assert!(scene.upstream.seen().is_empty());
    }
}

#[tokio::test]
async fn a_login_ends_with_its_token() {
    let scene = Scene::open("", json!({"exp": now() + 3}), "").await;
    assert_eq!(scene.call("app", SECRET).send().await.status, 200);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    scene.call("app", SECRET).send().await;
    assert!(scene.asked() >= 2, "it is asked again");
}

#[tokio::test]
async fn an_issuer_that_is_away_is_nobodys_fault_and_lets_nobody_in() {
    let scene = Scene::usual().await;
    scene.is_away.store(true, Ordering::SeqCst);
    let answer = scene.call("app", SECRET).send().await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some() && answer.headers.get("www-authenticate").is_none());
    scene.is_away.store(false, Ordering::SeqCst);
    assert_eq!(scene.call("app", SECRET).send().await.status, 200, "it is not remembered against them");
}
