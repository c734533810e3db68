//! Tokens that only their issuer can read, and JWTs that it may have taken back: it is asked, seldom, and believed for a short while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Answer, Door, Issuer, Plan, Puppet, Say, Seen, merge, now};

const SECRET: &str = "a-secret-of-the-door-at-the-issuer";

/// What the issuer says about which token; about all others, that they are not active.
type Known = Arc<Mutex<HashMap<String, Value>>>;

struct Scene {
    door: Door,
    upstream: Puppet,
    endpoint: Puppet,
    known: Known,
}

impl Scene {
    /// `settings` are further ones of `introspection`.
    async fn open(settings: &str, sections: &str) -> Self {
        let known = Known::default();
        let answers = Arc::clone(&known);
        let endpoint = Puppet::start(move |seen: &Seen| {
            let basic = format!("Basic {}", STANDARD.encode(format!("door:{SECRET}")));
            assert_eq!(seen.header("authorization"), Some(basic.as_str()));
            let token = seen.field("token").expect("a question names a token");
            let said = answers.lock().unwrap().get(&token).cloned();
            Say::json(said.unwrap_or_else(|| json!({"active": false})).to_string())
        })
        .await;
        Self::before(endpoint, known, settings, sections).await
    }

    async fn before(endpoint: Puppet, known: Known, settings: &str, sections: &str) -> Self {
        let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
        let issuer = Issuer::start();
        let accept = format!(
            "[[accept]]\nissuer = {:?}\nintrospection = {{ url = {:?}, client_id = \"door\", client_secret = \"env://DOOR_SECRET\"{settings} }}\n",
            issuer.url(),
            endpoint.url
        );
        let plan = Plan::before(&upstream.url, "modern").issuer(issuer).accept(&accept).section(sections);
        let door = plan.variable("DOOR_SECRET", SECRET).variable("CLAVIGER_LOG", "trace").open().await;
        Self { door, upstream, endpoint, known }
    }

    /// From now on the issuer says this about the token, or what differs from what is good.
    fn says(&self, token: &str, differs: &Value) {
        let mut said = json!({"active": true, "iss": self.door.issuer.url(), "aud": self.door.resource(), "sub": "alice", "client_id": "app",
            "scope": "read", "token_type": "Bearer", "exp": now() + 600, "iat": now()});
        merge(&mut said, differs);
        self.known.lock().unwrap().insert(token.to_owned(), said);
    }

    fn revokes(&self, token: &str) {
        self.known.lock().unwrap().remove(token);
    }

    async fn call(&self, token: &str) -> Answer {
        self.door.holder(token).tool("any", json!({})).send().await
    }

    async fn status(&self, token: &str) -> u16 {
        self.call(token).await.status
    }

    fn asked(&self) -> usize {
        self.endpoint.seen().len()
    }
}

#[tokio::test]
async fn a_token_that_nobody_else_can_read_opens_the_door_and_is_asked_about_once() {
    let scene = Scene::open("", "").await;
    let token = "opaque-token~of+alice/0123456789==";
    scene.says(token, &json!({}));
    let calls = (0..20).map(|_| scene.status(token));
    assert!(futures_util::future::join_all(calls).await.iter().all(|status| *status == 200), "{}", scene.door.said());
    let asked = scene.endpoint.seen();
    assert_eq!(asked.len(), 1, "once for all who wait, and not again within a minute");
    assert_eq!((asked[0].field("token").as_deref(), asked[0].field("token_type_hint").as_deref()), (Some(token), Some("access_token")));
    let call = scene.door.recorded("the call", |line| line["event"] == "call" && line["outcome"] == "ok").await;
    assert_eq!((&call["subject"], &call["client"], &call["issuer"]), (&json!("alice"), &json!("app"), &json!(scene.door.issuer.url())));
    let said = scene.door.said();
    assert!(!said.contains(token) && !said.contains(SECRET), "neither stands in the log");
    assert!(scene.upstream.seen().iter().all(|seen| seen.header("authorization").is_none()));
    assert_eq!(scene.door.issuer.key_fetches(), 0);
}

#[tokio::test]
async fn what_is_said_is_held_to_the_rules_of_every_token() {
    let scene = Scene::open("", "").await;
    for (number, (differs, code)) in [
        (json!({"active": false}), "inactive"),
        (json!({"aud": null}), "missing_claim"),
        (json!({"aud": "https://elsewhere.example/mcp"}), "wrong_audience"),
        (json!({"aud": []}), "missing_claim"),
        (json!({"iss": "https://elsewhere.example"}), "wrong_issuer"),
        (json!({"sub": null}), "missing_claim"),
        (json!({"exp": now() - 600}), "expired"),
        (json!({"nbf": now() + 600}), "not_yet_valid"),
        (json!({"token_use": "refresh_token"}), "wrong_type"),
        (json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, "token_type": "DPoP"}), "sender_constrained"),
        (json!({"cnf": {"x5t#S256": "x"}}), "sender_constrained"),
    ]
    .into_iter()
    .enumerate()
    {
        let token = format!("token-{number}");
        scene.says(&token, &differs);
        let answer = scene.call(&token).await;
        assert_eq!(answer.status, 401, "{differs}");
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{differs}: {answer:?}");
        let counted = scene.door.metrics().await.0;
        assert!(counted.contains(&format!("reason=\"{code}\"")), "{differs}: {counted}");
    }
    assert!(scene.upstream.seen().is_empty());
    scene.says("several", &json!({"aud": ["https://elsewhere.example/mcp", scene.door.resource()], "exp": null, "iss": null}));
    assert_eq!(scene.status("several").await, 200);
}

#[tokio::test]
async fn scopes_are_those_that_the_issuer_says() {
    let known = Known::default();
    let answers = Arc::clone(&known);
    let endpoint = Puppet::start(move |seen: &Seen| Say::json(answers.lock().unwrap()[&seen.field("token").unwrap()].to_string())).await;
    let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let issuer = Issuer::start();
    let accept = format!(
        "[[accept]]\nissuer = {:?}\nintrospection = {{ url = {:?}, client_id = \"door\", auth = \"none\" }}\n",
        issuer.url(),
        endpoint.url
    );
    let door = Plan::before(&upstream.url, "modern").issuer(issuer).accept(&accept).scopes(r#""*" = "write""#).open().await;
    for (token, scope) in [("reader", "read"), ("writer", "read write")] {
        let said = json!({"active": true, "aud": door.resource(), "sub": token, "scope": scope, "exp": now() + 60});
        known.lock().unwrap().insert(token.to_owned(), said);
    }
    assert_eq!(door.holder("reader").tool("any", json!({})).send().await.status, 403);
    assert_eq!(door.holder("writer").tool("any", json!({})).send().await.status, 200);
}

#[tokio::test]
async fn a_revoked_token_is_refused_when_the_answer_about_it_is_too_old() {
    let scene = Scene::open(", cache = \"1s\"", "").await;
    scene.says("token", &json!({}));
    assert_eq!(scene.status("token").await, 200);
    scene.revokes("token");
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(scene.status("token").await, 401);
    let never = Scene::open(", cache = \"1ms\"", "").await;
    never.says("token", &json!({}));
    assert_eq!((never.status("token").await, never.status("token").await, never.asked()), (200, 200, 2));
    never.revokes("token");
    assert_eq!(never.status("token").await, 401, "at once, where nothing is kept");
}

#[tokio::test]
async fn invented_tokens_are_asked_about_no_oftener_than_their_address_may_fail() {
    let scene = Scene::open("", "[limits]\nfailures_per_address = \"5/min\"").await;
    scene.says("good", &json!({}));
    assert_eq!(scene.status("good").await, 200);
    let mut verdicts = Vec::new();
    for number in 0..40 {
        verdicts.push(scene.status(&format!("invented-{number}")).await);
    }
    assert_eq!(&verdicts[..5], [401; 5]);
    assert!(verdicts[5..].iter().all(|status| *status == 429), "{verdicts:?}");
    assert_eq!(scene.asked(), 1 + 5);
    assert_eq!(scene.status("good").await, 200, "who is in goes on");
}

#[tokio::test]
async fn invented_tokens_that_come_at_once_are_asked_about_a_few_at_a_time() {
    let scene = Scene::open("", "[limits]\nfailures_per_address = \"5/min\"").await;
    let tokens: Vec<String> = (0..200).map(|number| format!("invented-{number}")).collect();
    futures_util::future::join_all(tokens.iter().map(|token| scene.status(token))).await;
    assert!(scene.asked() <= 5 + 2 * 16, "{} questions", scene.asked());
}

#[tokio::test]
async fn the_same_bad_token_is_asked_about_once() {
    let scene = Scene::open("", "").await;
    for _ in 0..5 {
        assert_eq!(scene.status("invented").await, 401);
    }
    assert_eq!(scene.asked(), 1);
}

#[tokio::test]
async fn what_no_issuer_ever_gave_is_not_asked_about() {
    let scene = Scene::open("", "").await;
    let long = "x".repeat(16 * 1024 + 1);
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.";
    let foreign = Issuer::start().token(&scene.door.resource(), "alice", "");
    for token in [long.as_str(), unsigned, foreign.as_str(), "with space", "with\"quote"] {
        let status = scene.status(token).await;
        assert!(matches!(status, 400 | 401), "{token:.40}: {status}");
    }
    assert_eq!(scene.asked(), 0);
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_as_it_should_lets_nobody_in() {
    let big = format!("{{\"active\":true,\"x\":\"{}\"}}", "x".repeat(70_000));
    for (status, body) in [
        (500, "{}"),
        (503, ""),
        (401, r#"{"error":"invalid_client"}"#),
        (404, "nothing here"),
        (302, ""),
        (200, ""),
        (200, "<html>welcome</html>"),
        (200, r#"{"active":"true"}"#),
        (200, r#"{"active":true,"active":true}"#),
        (200, "[true]"),
        (200, big.as_str()),
    ] {
        let body = body.to_owned();
        let endpoint = Puppet::start(move |_| Say::json(body.clone()).status(status)).await;
        let scene = Scene::before(endpoint, Known::default(), "", "").await;
        let answer = scene.call("token").await;
        assert_eq!(answer.status, 503, "{status}: {answer:?}");
        assert!(answer.header("retry-after").is_some() && answer.headers.get("www-authenticate").is_none(), "nobody is sent to log in");
        assert!(scene.upstream.seen().is_empty());
    }
}

#[tokio::test]
async fn a_jwt_is_not_asked_about_unless_it_is_said() {
    let scene = Scene::open("", "").await;
    assert_eq!(scene.door.caller("alice").tool("any", json!({})).send().await.status, 200);
    assert_eq!(scene.asked(), 0);
}

#[tokio::test]
async fn a_jwt_that_was_taken_back_is_refused_where_its_issuer_is_asked() {
    for tokens in ["jwt", "all"] {
        let scene = Scene::open(&format!(", tokens = {tokens:?}, cache = \"1s\""), "").await;
        let token = scene.door.issuer.token(&scene.door.resource(), "alice", "");
        scene.says(&token, &json!({}));
        assert_eq!(scene.status(&token).await, 200);
        scene.revokes(&token);
        tokio::time::sleep(Duration::from_millis(2100)).await;
        assert_eq!(scene.status(&token).await, 401);
        let before = scene.asked();
        let forged = format!("{}A", &token[..token.len() - 1]);
        assert_eq!(scene.status(&forged).await, 401);
        assert_eq!(scene.asked(), before, "only what the issuer has signed is worth asking about");
        assert_eq!(scene.status("opaque").await, 401);
        assert_eq!(scene.asked() - before, usize::from(tokens == "all"));
    }
}
