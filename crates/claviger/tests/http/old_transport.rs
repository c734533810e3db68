//! Servers of 2024-11-05 (HTTP with SSE) behind the door: what a puppet in their place sees and says. `interop` has real ones.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{Plan, Puppet, Say, Seen};

type Streams = Arc<Mutex<HashMap<String, mpsc::Sender<Bytes>>>>;

/// A server that lets in whom `admits` says, and points to `endpoint`, to which the session is added.
async fn server(endpoint: &str, admits: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> Puppet {
    let (streams, count, endpoint) = (Streams::default(), AtomicUsize::new(0), endpoint.to_owned());
    Puppet::start(move |seen| {
        if !admits(seen) {
            return Say::nothing(401);
        }
        if seen.method == Method::GET {
            let session = format!("session={}", count.fetch_add(1, Ordering::SeqCst));
            let (stream, pieces) = mpsc::channel(64);
            let points = format!(": welcome\n\nevent: endpoint\ndata: {endpoint}?{session}\n\n");
            stream.try_send(points.into()).unwrap();
            streams.lock().unwrap().insert(session, stream);
            return Say::events(pieces);
        }
        let session = seen.target.split('?').nth(1).unwrap_or_default();
        let Some(stream) = streams.lock().unwrap().get(session).cloned() else { return Say::nothing(404) };
        let message = seen.message();
        match message["params"]["name"].as_str() {
            Some("refuse") => return Say::nothing(400),
            Some("lose") => {
                streams.lock().unwrap().remove(session);
                return Say::nothing(404);
            }
            Some("end") => {
                streams.lock().unwrap().remove(session);
            }
            Some("swell") => stream.try_send(format!("data: {}\n\n", "x".repeat(100_000)).into()).unwrap(),
            Some("babble") => stream.try_send(format!("data: {KEY}\n\nevent: ping\ndata: {KEY}\n\n").into()).unwrap(),
            _ => {}
        }
        if let Some(answer) = answer_to(&message) {
            // Two lines, of which JSON makes one.
            let _gone = stream.try_send(format!("event: message\r\ndata: {{\r\ndata: {}\r\n\r\n", &answer.to_string()[1..]).into());
        }
        Say::nothing(202).body("Accepted")
    })
    .await
}

fn answer_to(message: &Value) -> Option<Value> {
    let result = match (message["method"].as_str()?, message["params"]["name"].as_str()) {
        ("initialize", _) => {
            json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}})
        }
        ("tools/call", Some("end" | "swell")) => return None,
        ("tools/call", Some(name)) => json!({"content": [{"type": "text", "text": format!("{name} says hello")}]}),
        _ => json!({}),
    };
    Some(json!({"jsonrpc": "2.0", "id": message.get("id")?, "result": result}))
}

fn plan(server: &Puppet) -> Plan {
    Plan::of_server(&format!("url = {:?}\ntransport = \"sse\"", server.url)).section("[limits]\nmessage_bytes = 65536")
}

fn streams_of(server: &Puppet) -> usize {
    server.seen().iter().filter(|seen| seen.method == Method::GET).count()
}

#[tokio::test]
async fn the_credential_goes_with_the_stream_and_with_every_message() {
    let server = server("/messages", |seen| seen.header("x-key") == Some(KEY)).await;
    let door = plan(&server).line("headers = { X-Key = \"${KEY}\" }").variable("KEY", KEY).open().await;
    let session = door.caller("alice").session().await;
    let answer = session.tool("any", json!({})).header("x-anything", "private").send().await;
    assert_eq!((answer.status, answer.tool_text().as_str()), (200, "any says hello"));
    let seen = server.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("GET", "/mcp"));
    assert_eq!(seen[0].header("accept"), Some("text/event-stream"));
    let methods: Vec<Value> = seen[1..].iter().map(|seen| seen.message()["method"].clone()).collect();
    assert_eq!(methods, ["initialize", "notifications/initialized", "tools/call"]);
    for post in &seen[1..] {
        assert_eq!((post.method.as_str(), post.target.as_str()), ("POST", "/messages?session=0"));
        assert_eq!(post.header("content-type"), Some("application/json"));
        assert_eq!((post.header("x-anything"), post.header("authorization")), (None, None), "{post:?}");
    }
}

#[tokio::test]
async fn each_caller_has_a_stream_of_their_own_and_their_ids_never_meet() {
    let server = server("/messages", |_| true).await;
    let door = plan(&server).open().await;
    let (alice, bob) = (door.caller("alice"), door.caller("bob"));
    let sessions = [alice.session().await, alice.session().await, bob.session().await];
    for session in &sessions {
        assert_eq!(session.tool("same-id", json!({})).send().await.tool_text(), "same-id says hello");
    }
    assert_eq!(streams_of(&server), 2, "one for alice, one for bob");
}

#[tokio::test]
async fn a_modern_caller_is_served_too() {
    let server = server("/messages", |_| true).await;
    let door = plan(&server).open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert_eq!((answer.status, answer.result()["resultType"].as_str()), (200, Some("complete")), "{answer:?} {}", door.said());
    assert_eq!(answer.tool_text(), "any says hello");
}

#[tokio::test]
async fn a_token_that_is_taken_no_more_is_replaced_within_the_call() {
    let revoked = Arc::new(AtomicBool::new(false));
    let is_revoked = Arc::clone(&revoked);
    let server = server("/messages", move |seen| match seen.header("authorization") {
        Some("Bearer upstream-token-1") => !is_revoked.load(Ordering::SeqCst),
        Some("Bearer upstream-token-2") => true,
        _ => false,
    })
    .await;
    let given = AtomicUsize::new(0);
    let tokens = Puppet::start(move |_| {
        let token = format!("upstream-token-{}", given.fetch_add(1, Ordering::SeqCst) + 1);
        Say::json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).to_string())
    })
    .await;
    let credential = format!(
        "credential = {{ client_credentials = {{ token_url = {:?}, client_id = \"door\", client_secret = \"${{SECRET}}\" }} }}",
        tokens.url
    );
    let door = plan(&server).line(&credential).variable("SECRET", "correct-horse").open().await;
    let session = door.caller("alice").session().await;
    assert_eq!(session.tool("any", json!({})).send().await.status, 200);
    revoked.store(true, Ordering::SeqCst);
    let answer = session.tool("any", json!({})).send().await;
    assert_eq!((answer.status, answer.tool_text().as_str()), (200, "any says hello"), "{}", door.said());
    let shown: Vec<_> = server.seen().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(shown[shown.len() - 2..], ["Bearer upstream-token-1", "Bearer upstream-token-2"]);
    assert_eq!((streams_of(&server), tokens.seen().len()), (1, 2), "the stream goes on");
}

#[tokio::test]
async fn a_credential_that_is_refused_is_no_question_to_the_caller() {
    let server = server("/messages", |_| false).await;
    let door = plan(&server).line("headers = { X-Key = \"${KEY}\" }").variable("KEY", KEY).open().await;
    let answer = door.caller("alice").initialize("2025-11-25").send().await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (502, None), "{answer:?}");
    assert_eq!(answer.message()["error"]["message"], "the server behind the door refuses the door's credential");
}

#[tokio::test]
async fn an_endpoint_of_another_origin_is_never_posted_to() {
    let stranger = Puppet::with_result("{}").await;
    let server = server(&stranger.url, |_| true).await;
    let door = plan(&server).line("headers = { X-Key = \"${KEY}\" }").variable("KEY", KEY).open().await;
    let answer = door.caller("alice").initialize("2025-11-25").send().await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(answer.message()["error"]["message"], "the server behind the door cannot be reached");
    door.says("it leads to another origin than the server's own URL").await;
    assert!(stranger.seen().is_empty() && !door.said().contains(KEY));
}

#[tokio::test]
async fn a_server_of_a_later_transport_is_told_apart() {
    let server = Puppet::start(|seen| if seen.method == Method::GET { Say::json("{}") } else { Say::result(seen, "{}") }).await;
    let door = plan(&server).open().await;
    let answer = door.caller("alice").initialize("2025-11-25").send().await;
    assert_eq!(answer.status, 502, "{answer:?}");
    door.says("is no event stream").await;
}

#[tokio::test]
async fn an_event_over_the_cap_ends_the_call_and_the_session_lives_on() {
    let server = server("/messages", |_| true).await;
    let door = plan(&server).open().await;
    let session = door.caller("alice").session().await;
    let answer = session.tool("swell", json!({})).send().await;
    assert_eq!(answer.message()["error"]["message"], "a message of the server is longer than 65536 bytes", "{answer:?}");
    assert_eq!(session.tool("any", json!({})).send().await.tool_text(), "any says hello");
    assert_eq!(streams_of(&server), 2);
}

#[tokio::test]
async fn a_stream_that_ends_in_the_middle_of_a_call_is_opened_again_for_the_next() {
    let server = server("/messages", |_| true).await;
    let door = plan(&server).open().await;
    let session = door.caller("alice").session().await;
    let answer = session.tool("end", json!({})).send().await;
    assert_eq!(answer.message()["error"]["message"], "the server stopped during the call", "{answer:?}");
    assert_eq!(session.tool("any", json!({})).send().await.tool_text(), "any says hello");
    let opened = server.seen().iter().filter(|seen| seen.message()["method"] == "initialize").count();
    assert_eq!((streams_of(&server), opened), (2, 2), "the next stream was opened in the same words");
}

#[tokio::test]
async fn a_message_that_is_refused_fails_alone_and_a_session_that_is_lost_is_opened_again() {
    let server = server("/messages", |_| true).await;
    let door = plan(&server).open().await;
    let session = door.caller("alice").session().await;
    assert_eq!(session.tool("refuse", json!({})).send().await.status, 502);
    assert_eq!(session.tool("any", json!({})).send().await.tool_text(), "any says hello");
    assert_eq!(streams_of(&server), 1);
    let answer = session.tool("lose", json!({})).send().await;
    assert_eq!(answer.message()["error"]["message"], "the server stopped during the call", "{answer:?}");
    assert_eq!(session.tool("any", json!({})).send().await.tool_text(), "any says hello");
    assert_eq!(streams_of(&server), 2);
}

#[tokio::test]
async fn what_a_server_babbles_is_not_shown() {
    let server = server("/messages", |_| true).await;
    let door = plan(&server).line("headers = { X-Key = \"${KEY}\" }").variable("KEY", KEY).open().await;
    let session = door.caller("alice").session().await;
    assert_eq!(session.tool("babble", json!({})).send().await.tool_text(), "babble says hello");
    door.says("not a message; ignored").await;
    assert!(!door.said().contains(KEY), "{}", door.said());
}

#[tokio::test]
async fn an_idle_stream_is_closed_and_the_next_call_opens_another() {
    let server = server("/messages", |_| true).await;
    let door = plan(&server).section("[timeouts]\ndrain = \"10s\"\nidle = \"1s\"").open().await;
    let session = door.caller("alice").session().await;
    let mut calls = 0;
    while streams_of(&server) == 1 {
        calls += 1;
        assert!(calls < 10, "it is never closed");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(session.tool("any", json!({})).send().await.tool_text(), "any says hello");
    }
}

const KEY: &str = "kestrel-4711-kestrel-4711";
