//! A token in the door's own name: got once, kept, renewed, and never asked for too often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::{choosy, numbering, shown, token, upstream};
use crate::support::{Door, Plan, Puppet, Say, Seen, Signal};

const SECRET: &str = "correct-horse-battery-staple";

/// A door before `upstream` that gets its tokens from `server`, with these settings more.
fn plan(upstream: &Puppet, server: &Puppet, more: &str) -> Plan {
    let credential = format!(
        "credential = {{ client_credentials = {{ token_url = {:?}, client_id = \"the door\", client_secret = \"${{CLIENT_SECRET}}\"{more} }} }}",
        server.url
    );
    Plan::before(&upstream.url, "modern").line(&credential).variable("CLIENT_SECRET", SECRET)
}

async fn call(door: &Door) -> u16 {
    door.caller("alice").tool("any", json!({})).send().await.status
}

#[tokio::test]
async fn one_token_serves_many_calls_and_is_the_only_credential_that_goes_up() {
    let (upstream, server) = (upstream().await, numbering(3600).await);
    let door = plan(&upstream, &server, ", scopes = [\"docs:read\", \"docs:write\"], resource = \"https://docs.example/mcp\"").open().await;
    let alice = door.caller("alice");
    let calls = (0..20).map(|_| async { alice.tool("any", json!({})).header("x-anything", "x").send().await.status });
    assert!(futures_util::future::join_all(calls).await.iter().all(|status| *status == 200), "{}", door.said());
    assert_eq!(server.seen().len(), 1, "one fetch for all who wait");
    assert!(shown(&upstream).iter().all(|shown| shown == "Bearer upstream-token-1"));
    assert!(upstream.seen().iter().all(|seen| seen.headers.get_all("authorization").iter().count() == 1));
    let asked = server.last();
    // `the+door` and the secret, form-encoded, in Base64.
    assert_eq!(asked.header("authorization"), Some("Basic dGhlK2Rvb3I6Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ=="));
    assert_eq!(asked.field("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(asked.field("scope").as_deref(), Some("docs:read docs:write"));
    assert_eq!(asked.field("resource").as_deref(), Some("https://docs.example/mcp"));
    assert!(!String::from_utf8_lossy(&asked.body).contains(alice.token.as_deref().unwrap()));
}

#[tokio::test]
async fn a_token_that_is_nearly_over_is_renewed() {
    let (upstream, server) = (upstream().await, numbering(2).await);
    let door = plan(&upstream, &server, "").open().await;
    while server.seen().len() < 2 {
        assert_eq!(call(&door).await, 200, "{}", door.said());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(call(&door).await, 200);
    assert_ne!(shown(&upstream).last().unwrap(), "Bearer upstream-token-1");
}

#[tokio::test]
async fn a_token_that_the_upstream_takes_no_more_is_replaced_within_the_call() {
    let revoked = Arc::new(AtomicBool::new(false));
    let is_revoked = Arc::clone(&revoked);
    let upstream = choosy(move |shown| shown != "Bearer upstream-token-1" || !is_revoked.load(Ordering::SeqCst)).await;
    let server = numbering(3600).await;
    let door = plan(&upstream, &server, "").open().await;
    assert_eq!(call(&door).await, 200);
    revoked.store(true, Ordering::SeqCst);
    assert_eq!(call(&door).await, 200, "the clock says that the token is good, the upstream that it is not: {}", door.said());
    let expected = ["Bearer upstream-token-1", "Bearer upstream-token-1", "Bearer upstream-token-2"];
    assert_eq!(shown(&upstream), expected);
}

#[tokio::test]
async fn an_upstream_that_refuses_every_token_is_asked_twice_and_the_caller_is_not_sent_to_log_in() {
    let upstream = choosy(|_| false).await;
    let server = numbering(3600).await;
    let door = plan(&upstream, &server, "").open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (502, None), "{answer:?}");
    assert_eq!((upstream.seen().len(), server.seen().len()), (2, 2));
}

#[tokio::test]
async fn a_lack_of_scopes_is_not_mended_by_trying_again() {
    let upstream =
        Puppet::start(|_| Say::nothing(403).header("www-authenticate", r#"Bearer error="insufficient_scope", scope="docs:write""#)).await;
    let server = numbering(3600).await;
    let door = plan(&upstream, &server, "").open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (502, None), "{answer:?}");
    assert_eq!((upstream.seen().len(), server.seen().len()), (1, 1));
}

#[tokio::test]
async fn the_probe_and_the_stream_and_the_end_of_a_session_have_the_token_too() {
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    let upstream = Puppet::start(move |seen: &Seen| {
        if seen.header("authorization") == Some("Bearer upstream-token-1") && seen.method == http::Method::GET {
            count.fetch_add(1, Ordering::SeqCst);
            return Say::nothing(401);
        }
        match (seen.method.as_str(), seen.message()["method"].as_str()) {
            ("POST", Some("initialize")) => {
                let result = r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"x","version":"1"}}"#;
                Say::result(seen, result).header("mcp-session-id", "s1")
            }
            ("POST", Some("server/discover")) => {
                let versions = r#""supportedVersions":["2026-07-28","2025-11-25"]"#;
                Say::result(seen, &format!(r#"{{"resultType":"complete",{versions},"capabilities":{{}},"ttlMs":0,"cacheScope":"public"}}"#))
            }
            ("POST", Some("notifications/initialized")) => Say::nothing(202),
            ("GET", _) => Say::nothing(405),
            ("POST", _) => Say::result(seen, "{}"),
            _ => Say::nothing(200),
        }
    })
    .await;
    let server = numbering(3600).await;
    let mut plan = plan(&upstream, &server, "");
    plan.server = plan.server.replace("\"modern\"", "\"auto\"");
    let door = plan.open().await;
    assert_eq!(call(&door).await, 200, "{}", door.said());
    let session = door.caller("alice").session().await;
    session.listen().send().await;
    session.end().send().await;
    assert_eq!(tried.load(Ordering::SeqCst), 1);
    let methods: Vec<String> = upstream.seen().iter().map(|seen| seen.method.to_string()).collect();
    assert!(
        methods.iter().any(|method| method == "DELETE") && methods.iter().filter(|method| *method == "GET").count() == 2,
        "{methods:?}"
    );
    assert_eq!(upstream.seen()[0].message()["method"], "server/discover");
    assert!(shown(&upstream).iter().all(|shown| shown.starts_with("Bearer upstream-token-")));
}

#[tokio::test]
async fn a_wrong_secret_is_told_to_the_operator_and_leaks_nowhere() {
    let upstream = upstream().await;
    let server = Puppet::start(|seen: &Seen| {
        let header = seen.header("authorization").unwrap_or_default();
        let body = json!({"error": "invalid_client", "error_description": format!("{SECRET} in {header} is wrong")});
        Say::json(body.to_string()).status(401)
    })
    .await;
    let door = plan(&upstream, &server, "").open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(answer.message()["error"]["message"], "the server behind the door has no credential to work with");
    door.says("invalid_client").await;
    let line = door.recorded("the call", |line| line["tool"] == "any").await;
    assert_eq!(line["status"], 502);
    let said = format!("{}{}{line}{}", door.said(), door.printed(), answer.text());
    assert!(said.contains("token of the door at"), "{said}");
    for secret in [SECRET, "horse", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
    assert!(upstream.seen().is_empty(), "nothing goes up without a credential");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn token_requests_are_limited_and_the_caller_is_told_when_to_come_back() {
    let upstream = choosy(|_| false).await;
    let server = numbering(3600).await;
    let door = plan(&upstream, &server, ", requests = \"2/h\"").open().await;
    assert_eq!(call(&door).await, 502);
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert_eq!(answer.status, 502, "{answer:?}");
    for _ in 0..5 {
        assert_eq!(call(&door).await, 502);
    }
    assert_eq!(server.seen().len(), 2, "two an hour are two an hour");
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().unwrap() > 60), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_was_away_is_asked_again_when_it_is_back() {
    let upstream = upstream().await;
    let is_away = Arc::new(AtomicBool::new(true));
    let away = Arc::clone(&is_away);
    let server =
        Puppet::start(move |_| if away.load(Ordering::SeqCst) { Say::json("<html>").status(503) } else { token("back-again", 3600) }).await;
    let door = plan(&upstream, &server, "").open().await;
    assert_eq!(call(&door).await, 502);
    assert_eq!(call(&door).await, 502, "a short while it is left in peace");
    assert_eq!(server.seen().len(), 1);
    is_away.store(false, Ordering::SeqCst);
    while call(&door).await != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(shown(&upstream), ["Bearer back-again"]);
}

#[tokio::test]
async fn a_reload_that_changes_nothing_here_costs_no_token() {
    let (upstream, server) = (upstream().await, numbering(3600).await);
    let door = plan(&upstream, &server, "").open().await;
    assert_eq!(call(&door).await, 200);
    door.reconfigure(|text| format!("{text}\n[servers.other]\nurl = \"http://127.0.0.1:9/mcp\"\n"));
    door.signal(Signal::HUP);
    door.says("configuration reloaded").await;
    assert_eq!(call(&door).await, 200);
    assert_eq!((server.seen().len(), shown(&upstream).last().unwrap().as_str()), (1, "Bearer upstream-token-1"));
}
