//! Tokens that are bound to a key (RFC 9449): good with a fresh proof by that key, and in no other way.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Answer, Door, Key, Plan, Puppet, Request, merge, now};

/// A door, and a token of Alice's that is bound to her key.
struct Scene {
    door: Door,
    upstream: Puppet,
    key: Key,
    token: String,
}

impl Scene {
    async fn open() -> Self {
        Self::with("").await
    }

    /// `line` stands in the server's table.
    async fn with(line: &str) -> Self {
        let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
        let door = Plan::before(&upstream.url, "modern").line(line).scopes(r#""secret" = "more", "*" = true"#).open().await;
        let key = Key::p256();
        let token = bound(&door, &key);
        Self { door, upstream, key, token }
    }

    /// A proof for a call, or what differs from it.
    fn proof(&self, differs: &Value) -> String {
        proof(&self.key, &self.door.resource(), &self.token, differs)
    }

    fn call(&self, proof: &str) -> Request {
        shown(&self.door, &self.token).header("dpop", proof)
    }

    async fn status(&self, proof: &str) -> u16 {
        self.call(proof).send().await.status
    }
}

fn bound(door: &Door, key: &Key) -> String {
    let thumbprint = token::Thumbprint::of_jwk(&key.jwk(&json!({})).to_string()).unwrap().to_string();
    door.issuer.odd_token(&door.resource(), &json!({}), &json!({"sub": "alice", "cnf": {"jkt": thumbprint}}))
}

/// A call with this token, shown as one that is bound.
fn shown(door: &Door, token: &str) -> Request {
    door.stranger().tool("any", json!({})).header("authorization", format!("DPoP {token}"))
}

fn proof(key: &Key, url: &str, token: &str, differs: &Value) -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let jti = format!("proof-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
    let mut claims = json!({"htm": "POST", "htu": url, "iat": now(), "jti": jti, "ath": ath});
    merge(&mut claims, differs);
    key.sign(&json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": key.jwk(&json!({}))}), &claims)
}

fn challenge(answer: &Answer) -> String {
    answer.header("www-authenticate").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_bound_token_is_good_with_a_proof_for_each_request_and_neither_goes_further() {
    let scene = Scene::open().await;
    for _ in 0..3 {
        let answer = scene.call(&scene.proof(&json!({}))).send().await;
        assert_eq!(answer.status, 200, "{answer:?} {}", scene.door.said());
    }
    for seen in scene.upstream.seen() {
        assert_eq!((seen.header("dpop"), seen.header("authorization")), (None, None));
    }
    let call = scene.door.recorded("the call", |line| line["event"] == "call" && line["outcome"] == "ok").await;
    assert_eq!(call["subject"], "alice");
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token_whatever_was_seen_of_it_before() {
    let scene = Scene::open().await;
    for _ in 0..2 {
        let answer = scene.door.holder(&scene.token).tool("any", json!({})).send().await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(challenge(&answer).starts_with("DPoP error=\"invalid_token\""), "it says what would help: {answer:?}");
        assert!(challenge(&answer).contains("algs=\"ES256 "), "{answer:?}");
        assert_eq!(scene.status(&scene.proof(&json!({}))).await, 200, "that it came without a proof is not held against it");
    }
    let with_a_proof = scene.door.holder(&scene.token).tool("any", json!({})).header("dpop", scene.proof(&json!({})));
    assert_eq!(with_a_proof.send().await.status, 401, "a proof beside a bearer token proves nothing");
}

#[tokio::test]
async fn a_bound_token_is_not_passed_on_as_one_that_is_not() {
    let mut scene = Scene::with("credential = { pass_through = { audience = \"docs\" } }").await;
    let both = json!([scene.door.resource(), "docs"]);
    let thumbprint = token::Thumbprint::of_jwk(&scene.key.jwk(&json!({})).to_string()).unwrap().to_string();
    let claims = json!({"sub": "alice", "aud": both, "cnf": {"jkt": thumbprint}});
    scene.token = scene.door.issuer.odd_token(&scene.door.resource(), &json!({}), &claims);
    assert_eq!(scene.status(&scene.proof(&json!({}))).await, 502);
    assert!(scene.upstream.seen().is_empty());
    let plain = scene.door.issuer.odd_token(&scene.door.resource(), &json!({}), &json!({"sub": "alice", "aud": both}));
    assert_eq!(scene.door.holder(&plain).tool("any", json!({})).send().await.status, 200, "{}", scene.door.said());
}

#[tokio::test]
async fn a_token_that_is_bound_to_no_key_is_not_made_better_by_a_proof() {
    let scene = Scene::open().await;
    let token = scene.door.issuer.token(&scene.door.resource(), "alice", "");
    let proof = proof(&scene.key, &scene.door.resource(), &token, &json!({}));
    for _ in 0..2 {
        let answer = shown(&scene.door, &token).header("dpop", &proof).send().await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(challenge(&answer).starts_with("Bearer error=\"invalid_token\""), "{answer:?}");
        assert_eq!(scene.door.holder(&token).tool("any", json!({})).send().await.status, 200);
    }
}

#[tokio::test]
async fn a_proof_is_for_one_request_one_token_one_key_and_one_minute() {
    let scene = Scene::open().await;
    let resource = scene.door.resource();
    let port = scene.door.address.port();
    let wrong = [
        ("another method", scene.proof(&json!({"htm": "GET"}))),
        ("another server", scene.proof(&json!({"htu": scene.door.resource_of("other")}))),
        ("the host of the request", scene.proof(&json!({"htu": format!("http://localhost:{port}/mcp/fixture")}))),
        ("another place", scene.proof(&json!({"htu": "https://elsewhere.example/mcp/fixture"}))),
        ("another token", scene.proof(&json!({"ath": URL_SAFE_NO_PAD.encode(digest(&SHA256, b"another"))}))),
        ("no token", scene.proof(&json!({"ath": null}))),
        ("too old", scene.proof(&json!({"iat": now() - 120}))),
        ("of the future", scene.proof(&json!({"iat": now() + 120}))),
        ("without a name", scene.proof(&json!({"jti": null}))),
        ("nonsense", "nonsense".to_owned()),
        ("not a proof", scene.token.clone()),
    ];
    for (what, proof) in wrong {
        let answer = scene.call(&proof).send().await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert!(challenge(&answer).starts_with("DPoP error=\"invalid_dpop_proof\""), "{what}: {answer:?}");
    }
    let other = Key::p256();
    let answer = scene.call(&proof(&other, &resource, &scene.token, &json!({}))).send().await;
    assert_eq!(answer.status, 401, "whoever has stolen the token does not have its key: {answer:?}");
    let answer = scene.call(&scene.proof(&json!({}))).without("dpop").send().await;
    assert_eq!((answer.status, challenge(&answer).starts_with("DPoP error=\"invalid_dpop_proof\"")), (401, true));
    let twice = scene.call(&scene.proof(&json!({}))).also("dpop", scene.proof(&json!({}))).send().await;
    assert_eq!(twice.status, 400);
    assert!(scene.upstream.seen().is_empty());
    assert_eq!(scene.status(&scene.proof(&json!({"htu": format!("{resource}?x=1#y")}))).await, 200, "query and fragment do not count");
}

#[tokio::test]
async fn a_proof_is_good_once_even_for_many_at_the_same_moment() {
    let scene = Scene::open().await;
    let proof = scene.proof(&json!({}));
    let calls = (0..20).map(|_| scene.call(&proof).send());
    let statuses: Vec<u16> = futures_util::future::join_all(calls).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
    assert_eq!(scene.upstream.seen().len(), 1);
    assert_eq!(scene.status(&scene.proof(&json!({}))).await, 200);
}

#[tokio::test]
async fn a_replayed_proof_is_known_to_the_next_door_too() {
    let door = Plan::both().await.open().await;
    let key = Key::p256();
    let token = bound(&door, &key);
    let once = proof(&key, &door.resource(), &token, &json!({}));
    let call = |door: &Door| shown(door, &token).header("mcp-name", "test_simple_text").header("dpop", &once).body(simple());
    assert_eq!(call(&door).send().await.status, 200);
    let address = door.address;
    let (folder, issuer, fixture) = door.close().await;
    let mut plan = Plan::of_server("").issuer(issuer);
    plan.server = format!("url = {:?}\n", fixture.as_ref().unwrap().url);
    plan.arguments = ["--listen", &address.to_string(), "--admin-listen", "127.0.0.1:0"].map(str::to_owned).into();
    let door = plan.open_again(folder).await;
    assert_eq!(call(&door).send().await.status, 401);
}

fn simple() -> String {
    crate::support::modern_message("tools/call", json!({"name": "test_simple_text", "arguments": {}})).to_string()
}

#[tokio::test]
async fn whoever_steps_up_is_asked_in_the_way_in_which_they_came() {
    let scene = Scene::open().await;
    let call = scene.door.stranger().tool("secret", json!({})).header("authorization", format!("DPoP {}", scene.token));
    let answer = call.header("dpop", scene.proof(&json!({}))).send().await;
    assert_eq!(answer.status, 403);
    assert!(
        challenge(&answer).starts_with("DPoP error=\"insufficient_scope\"") && challenge(&answer).contains("scope=\"more\""),
        "{answer:?}"
    );
    let bearer = scene.door.caller("alice").tool("secret", json!({})).send().await;
    assert!(challenge(&bearer).starts_with("Bearer error=\"insufficient_scope\""), "{bearer:?}");
}

#[tokio::test]
async fn guesses_at_bound_tokens_are_counted_like_any_others() {
    let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let plan = Plan::before(&upstream.url, "modern").section("[limits]\nfailures_per_address = \"5/min\"");
    let door = plan.open().await;
    let key = Key::p256();
    let token = bound(&door, &key);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(shown(&door, &token).header("dpop", "nonsense").send().await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
}

#[tokio::test]
async fn a_server_says_whether_it_takes_wants_or_refuses_bound_tokens() {
    for (line, is_offered, is_required) in [("", true, None), ("dpop = \"off\"", false, None), ("dpop = \"require\"", true, Some(true))] {
        let scene = Scene::with(line).await;
        let document = scene.door.get("/.well-known/oauth-protected-resource/mcp/fixture").send().await;
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        let algorithms = document["dpop_signing_alg_values_supported"].as_array();
        assert_eq!(algorithms.is_some_and(|algorithms| algorithms.contains(&json!("ES256"))), is_offered, "{line}: {document}");
        assert_eq!(document["dpop_bound_access_tokens_required"].as_bool(), is_required, "{line}");
        let bound = scene.call(&scene.proof(&json!({}))).send().await;
        assert_eq!(bound.status, if is_offered { 200 } else { 401 }, "{line}: {bound:?}");
        let bearer = scene.door.caller("alice").tool("any", json!({})).send().await;
        assert_eq!(bearer.status, if is_required == Some(true) { 401 } else { 200 }, "{line}: {bearer:?}");
        let nobody = scene.door.stranger().tool("any", json!({})).send().await;
        let scheme = if is_required == Some(true) { "DPoP resource_metadata=" } else { "Bearer resource_metadata=" };
        assert!(challenge(&nobody).starts_with(scheme), "{line}: {nobody:?}");
    }
}
