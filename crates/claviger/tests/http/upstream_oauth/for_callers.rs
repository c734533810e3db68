//! A token for each caller: exchanged, vouched for, or their very own; and whose it never is.

use serde_json::{Value, json};

use super::{choosy, shown, token, upstream};
use crate::support::{Caller, Door, Plan, Puppet, Say, Seen, now};

/// Gives `for-SUBJECT` for a subject's token, and remembers nothing.
async fn exchanging() -> Puppet {
    Puppet::start(|seen: &Seen| {
        assert_eq!(seen.field("grant_type").as_deref(), Some("urn:ietf:params:oauth:grant-type:token-exchange"));
        token(&format!("for-{}", claims(&seen.field("subject_token").unwrap())["sub"].as_str().unwrap()), 3600)
    })
    .await
}

/// What a token says, believed without a look at its signature.
fn claims(token: &str) -> Value {
    use base64::Engine as _;

    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn exchange(upstream: &Puppet, server: &Puppet, more: &str) -> Plan {
    let credential = format!(
        "credential = {{ exchange = {{ token_url = {:?}, client_id = \"door\", client_secret = \"${{CLIENT_SECRET}}\", audience = \"docs\"{more} }} }}",
        server.url
    );
    Plan::before(&upstream.url, "modern").line(&credential).variable("CLIENT_SECRET", "correct-horse-battery-staple")
}

async fn call(caller: &Caller) -> u16 {
    caller.tool("any", json!({})).send().await.status
}

/// A caller whose token names all of these as its audience.
fn caller_for(door: &Door, audiences: &[&str]) -> Caller {
    door.holder(&door.issuer.odd_token("", &json!({}), &json!({ "aud": audiences })))
}

#[tokio::test]
async fn each_caller_has_a_token_of_their_own_at_the_server() {
    let (upstream, server) = (upstream().await, exchanging().await);
    let door = exchange(&upstream, &server, "").open().await;
    let (alice, bob) = (door.caller("alice"), door.caller("bob"));
    for caller in [&alice, &bob, &alice, &bob] {
        assert_eq!(call(caller).await, 200, "{}", door.said());
    }
    assert_eq!(shown(&upstream), ["Bearer for-alice", "Bearer for-bob", "Bearer for-alice", "Bearer for-bob"]);
    let asked = server.seen();
    assert_eq!(asked.len(), 2, "one exchange for each");
    assert_eq!(asked[0].field("subject_token"), alice.token);
    assert_eq!(asked[0].field("subject_token_type").as_deref(), Some("urn:ietf:params:oauth:token-type:access_token"));
    assert_eq!(asked[0].field("audience").as_deref(), Some("docs"));
    let written = format!("{}{}", door.said(), Value::from(door.record()));
    for caller in [alice, bob] {
        for part in caller.token.unwrap().split('.').filter(|part| part.len() > 60) {
            assert!(!written.contains(part), "{written}");
            assert!(upstream.seen().iter().all(|seen| !seen.header("authorization").unwrap().contains(part)));
        }
    }
}

#[tokio::test]
async fn many_callers_at_once_are_never_mixed_up() {
    let upstream = Puppet::start(|seen: &Seen| {
        Say::result(
            seen,
            &json!({"resultType": "complete", "content": [{"type": "text", "text": seen.header("authorization")}]}).to_string(),
        )
    })
    .await;
    let server = exchanging().await;
    let door = exchange(&upstream, &server, ", requests = \"1000/min\"").open().await;
    let crowd = (0..40).map(|number| {
        let subject = format!("caller-{}", number % 8);
        let caller = door.caller(&subject);
        async move { (caller.tool("any", json!({})).send().await.tool_text(), format!("Bearer for-{subject}")) }
    });
    for (seen, expected) in futures_util::future::join_all(crowd).await {
        assert_eq!(seen, expected);
    }
    assert_eq!(server.seen().len(), 8);
}

#[tokio::test]
async fn a_refreshed_token_of_the_same_caller_costs_no_exchange_and_a_lesser_one_does() {
    let (upstream, server) = (upstream().await, exchanging().await);
    let door = exchange(&upstream, &server, "").open().await;
    assert_eq!(call(&door.caller_with("alice", "read write")).await, 200);
    let refreshed =
        door.issuer.odd_token(&door.resource(), &json!({}), &json!({"sub": "alice", "scope": "write read", "exp": now() + 900}));
    assert_eq!(call(&door.holder(&refreshed)).await, 200);
    assert_eq!(server.seen().len(), 1);
    assert_eq!(call(&door.caller_with("alice", "read")).await, 200);
    assert_eq!(server.seen().len(), 2, "what was given for more rights is not given to fewer");
}

#[tokio::test]
async fn a_refused_token_of_a_caller_is_exchanged_anew_once() {
    let upstream = choosy(|shown| !shown.ends_with("-1")).await;
    let given = std::sync::atomic::AtomicUsize::new(0);
    let server = Puppet::start(move |_| token(&format!("t-{}", given.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1), 3600)).await;
    let door = exchange(&upstream, &server, "").open().await;
    assert_eq!(call(&door.caller("alice")).await, 200, "{}", door.said());
    assert_eq!(shown(&upstream), ["Bearer t-1", "Bearer t-2"]);
}

#[tokio::test]
async fn a_caller_whom_the_authorization_server_refuses_harms_nobody_else() {
    let upstream = upstream().await;
    let server = Puppet::start(|seen: &Seen| {
        let subject_token = seen.field("subject_token").unwrap();
        if claims(&subject_token)["sub"] == "mallory" {
            return Say::json(json!({"error": "invalid_grant", "error_description": format!("{subject_token} is revoked")}).to_string())
                .status(400);
        }
        token("good", 3600)
    })
    .await;
    let door = exchange(&upstream, &server, "").open().await;
    let mallory = door.caller("mallory");
    let answer = mallory.tool("any", json!({})).send().await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (502, None), "{answer:?}");
    assert_eq!(call(&door.caller("alice")).await, 200);
    door.says("invalid_grant").await;
    let signature = mallory.token.unwrap().rsplit('.').next().unwrap().to_owned();
    assert!(!door.said().contains(&signature), "{}", door.said());
}

#[tokio::test]
async fn an_assertion_carries_a_caller_from_their_provider_to_the_servers_own() {
    let upstream = upstream().await;
    let provider = Puppet::start(|seen: &Seen| {
        assert_eq!(seen.field("audience").as_deref(), Some("https://as.docs.example"));
        let subject = claims(&seen.field("subject_token").unwrap())["sub"].as_str().unwrap().to_owned();
        let issued = "urn:ietf:params:oauth:token-type:id-jag";
        let body =
            json!({"access_token": format!("assertion-for-{subject}"), "token_type": "N_A", "issued_token_type": issued, "expires_in": 60});
        Say::json(body.to_string())
    })
    .await;
    let server = Puppet::start(|seen: &Seen| token(&format!("given-for-{}", seen.field("assertion").unwrap()), 3600)).await;
    let credential = format!(
        "credential = {{ id_jag = {{ resource = \"https://docs.example/mcp\", provider = {{ token_url = {:?}, client_id = \"door\", client_secret = \"${{A}}\" }}, \
         server = {{ issuer = \"https://as.docs.example\", token_url = {:?}, client_id = \"door-there\", auth = \"none\" }} }} }}",
        provider.url, server.url
    );
    let door = Plan::before(&upstream.url, "modern").line(&credential).variable("A", "secret-at-the-provider").open().await;
    for subject in ["alice", "bob", "alice"] {
        assert_eq!(call(&door.caller(subject)).await, 200, "{}", door.said());
    }
    let expected = ["Bearer given-for-assertion-for-alice", "Bearer given-for-assertion-for-bob", "Bearer given-for-assertion-for-alice"];
    assert_eq!(shown(&upstream), expected);
    assert_eq!(server.last().field("client_id").as_deref(), Some("door-there"));
    assert_eq!(server.last().field("resource").as_deref(), Some("https://docs.example/mcp"));
}

#[tokio::test]
async fn a_callers_own_token_goes_up_only_when_it_names_the_door_and_the_server() {
    const SERVER: &str = "https://docs.example/mcp";
    let upstream = upstream().await;
    let plan = Plan::before(&upstream.url, "modern").line(&format!("credential = {{ pass_through = {{ audience = {SERVER:?} }} }}"));
    let plan = plan.accept("[[accept]]\nissuer = \"ISSUER\"\naudiences = [\"https://docs.example/mcp\", \"alias\"]\n");
    let door = plan.open().await;
    assert!(door.said().contains("warning: `fixture` is given each caller's own token"), "{}", door.said());
    let resource = door.resource();
    for audiences in [&[resource.as_str()] as &[&str], &[SERVER], &["alias", SERVER], &[&resource, "https://docs.example/mcp/"]] {
        let answer = caller_for(&door, audiences).tool("any", json!({})).send().await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (502, None), "{audiences:?}: {answer:?}");
        assert_eq!(answer.message()["error"]["message"], "the server behind the door has no credential to work with");
        let line = door.recorded("the refusal", |line| line["tool"] == "any" && line["status"] == 502).await;
        assert_eq!(line["outcome"], "error", "{line}");
    }
    assert!(upstream.seen().is_empty());
    assert_eq!(caller_for(&door, &["https://elsewhere.example"]).tool("any", json!({})).send().await.status, 401);
    let both = caller_for(&door, &[&resource, SERVER]);
    assert_eq!(call(&both).await, 200, "{}", door.said());
    assert_eq!(shown(&upstream), [format!("Bearer {}", both.token.unwrap())]);
    assert!(door.metrics().await.0.contains("caller_token_unfit"));
}

#[tokio::test]
async fn an_upstreams_refusal_of_a_passed_token_is_not_tried_again_and_not_relayed() {
    let upstream = choosy(|_| false).await;
    let door = Plan::before(&upstream.url, "modern").line("credential = { pass_through = { audience = \"docs\" } }").open().await;
    let answer = caller_for(&door, &[&door.resource(), "docs"]).tool("any", json!({})).send().await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (502, None), "{answer:?}");
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_door_that_lets_everybody_in_has_no_token_to_show() {
    let (upstream, server) = (upstream().await, exchanging().await);
    for plan in [
        exchange(&upstream, &server, ""),
        Plan::before(&upstream.url, "modern").line("credential = { pass_through = { audience = \"docs\" } }"),
    ] {
        let door = plan.accept("").variable("CLAVIGER_DEV_BYPASS", "1").open().await;
        assert_eq!(call(&door.stranger()).await, 502);
    }
    assert!(upstream.seen().is_empty() && server.seen().is_empty());
}
