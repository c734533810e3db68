//! What reaches the server behind the door, and what of its answer comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::{Caller, Door, Plan, Puppet, Request, Say, Seen, claviger, modern_message, request_message, run};

/// Headers that belong to the caller, to the door, or to one connection: none may go on.
const PRIVATE: [(&str, &str); 16] = [
    ("cookie", "session=secret"),
    ("proxy-authorization", "Basic dXNlcjpwYXNz"),
    ("proxy-connection", "keep-alive"),
    ("dpop", "eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.AA"),
    ("x-client-id", "client"),
    ("x-client-secret", "secret"),
    ("x-forwarded-for", "1.2.3.4"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("forwarded", "for=1.2.3.4"),
    ("x-real-ip", "1.2.3.4"),
    ("te", "trailers"),
    ("keep-alive", "timeout=5"),
    ("upgrade", "websocket"),
    ("origin", "http://localhost:6274"),
    ("x-anything", "private"),
];

fn with_private(request: Request) -> Request {
    PRIVATE.iter().fold(request, |request, (name, value)| request.header(name, value))
}

fn seen_headers(answer: &crate::support::Answer) -> Vec<(String, String)> {
    serde_json::from_str(&answer.tool_text()).unwrap()
}

#[tokio::test]
async fn nothing_private_of_the_caller_reaches_the_server() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    let modern = with_private(alice.tool("test_seen_headers", json!({}))).send().await;
    let legacy = with_private(session.tool("test_seen_headers", json!({}))).send().await;
    let token = alice.token.as_deref().unwrap();
    for answer in [modern, legacy] {
        let seen = seen_headers(&answer);
        for (name, value) in &seen {
            assert_ne!(name, "authorization");
            assert!(!PRIVATE.iter().any(|(private, _)| private == name), "{name} went on");
            assert!(!value.contains(token) && !value.contains(&session.id), "{name}: {value}");
        }
        let host = seen.iter().find(|(name, _)| name == "host").unwrap();
        assert_ne!(host.1, door.address.to_string(), "the server sees its own host");
    }
}

#[tokio::test]
async fn the_server_gets_the_doors_own_credential_in_place_of_the_callers() {
    let puppet = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let headers = r#"headers = { Authorization = "Bearer ${UPSTREAM_KEY}", X-Api-Key = "env://OTHER_KEY" }"#;
    let plan = Plan::before(&puppet.url, "modern").line(headers);
    let door = plan.variable("UPSTREAM_KEY", "upstream-credential-1").variable("OTHER_KEY", "upstream-credential-2").open().await;
    let answer = door.caller("alice").tool("any", json!({})).header("x-api-key", "mine").send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = puppet.last();
    assert_eq!(seen.header("authorization"), Some("Bearer upstream-credential-1"));
    assert_eq!(seen.headers.get_all("authorization").iter().count(), 1);
    assert_eq!(
        seen.headers.get_all("x-api-key").iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>(),
        ["upstream-credential-2"]
    );
}

#[tokio::test]
async fn credentials_come_out_of_the_keychain_and_of_programs() {
    let puppet = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let headers = r#"headers = { X-Api-Key = "keychain://claviger", X-Other = "command://printf 'of a %s' program" }"#;
    let plan = Plan::before(&puppet.url, "modern").line(headers).section("[secrets.keychain]\nstore = \"file\"");
    let door = plan.open().await;
    let alice = door.caller("alice");
    assert_eq!(alice.tool("any", json!({})).send().await.status, 502, "there is none yet");

    let mut put = claviger(door.folder());
    put.args(["secrets", "put", "keychain://claviger/brave", "-c", "claviger.toml", "--state"]).arg(door.state());
    let piped = door.folder().join("piped");
    std::fs::write(&piped, "hunter2hunter2\n").unwrap();
    put.stdin(std::fs::File::open(piped).unwrap());
    let finished = run(put).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mut status = 502;
    while status == 502 {
        // For a second the door remembers that there was none.
        tokio::time::sleep(Duration::from_millis(50)).await;
        status = alice.tool("any", json!({})).send().await.status;
    }
    assert_eq!(status, 200);
    let seen = puppet.last();
    assert_eq!((seen.header("x-api-key"), seen.header("x-other")), (Some("hunter2hunter2"), Some("of a program")));
}

#[tokio::test]
async fn a_missing_credential_is_a_clear_error_and_never_an_empty_one() {
    let puppet = Puppet::with_result(r#"{"content":[]}"#).await;
    let plan = Plan::before(&puppet.url, "modern").line(r#"headers = { Authorization = "Bearer ${NOT_THERE_AT_ALL}" }"#);
    let door = plan.open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(answer.message()["error"]["message"].as_str().unwrap().contains("credential"), "{answer:?}");
    assert!(!answer.text().contains("NOT_THERE_AT_ALL"), "names of variables are for the operator");
    assert!(door.said().contains("NOT_THERE_AT_ALL"), "who reads it in the log: {}", door.said());
    assert!(puppet.seen().is_empty());
}

#[tokio::test]
async fn mirrored_headers_are_made_anew_and_parameters_and_traces_go_on() {
    let puppet = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let call = door.caller("alice").tool("größe", json!({"region": "eu"}));
    let call =
        call.header("mcp-name", "=?base64?Z3LDtsOfZQ==?=").header("mcp-param-region", "eu").header("mcp-param-odd", "=?base64?w6k=?=");
    let answer = call.header("traceparent", trace).header("tracestate", "a=1").header("baggage", "b=2").send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = puppet.last();
    assert_eq!(seen.header("mcp-name"), Some("=?base64?Z3LDtsOfZQ==?="));
    assert_eq!((seen.header("mcp-method"), seen.header("mcp-protocol-version")), (Some("tools/call"), Some("2026-07-28")));
    assert_eq!((seen.header("mcp-param-region"), seen.header("mcp-param-odd")), (Some("eu"), Some("=?base64?w6k=?=")));
    assert_eq!((seen.header("traceparent"), seen.header("tracestate"), seen.header("baggage")), (Some(trace), Some("a=1"), Some("b=2")));
    assert_eq!(
        (seen.header("content-type"), seen.header("accept")),
        (Some("application/json"), Some("application/json, text/event-stream"))
    );
}

/// A message in which nothing stands as a serialiser would write it.
fn odd_call(meta: &str) -> String {
    let odd = r#"{ "params" :{"unknown":{"z":1,"a":[ 1.0, 2e+2 ,-0.0 ]}, "name":"any\u002dthing","arguments":{"big":123456789012345678901234567890,"tiny":1e-400,"e":"\u00e9 é \ud83d\ude00","nul":"\u0000"}META},
        "method" : "tools/call" ,"jsonrpc":"2.0", "id" : 9007199254740993 }"#;
    odd.replace("META", meta)
}

const MODERN_META: &str = r#", "_meta":{"x.example/unknown":{"deep":[[[1]]]},"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"future":{"a":1.50}}}"#;
const ODD_RESULT: &str = r#" {"jsonrpc" : "2.0","result":{"content":[ ],"unknown":1.10,"big":98765432109876543210,"resultType":"something_new","_meta":{"x":"\u00e9"}},  "id":9007199254740993}
"#;

#[tokio::test]
async fn messages_pass_byte_for_byte_in_both_directions() {
    let puppet = Puppet::start(|_| Say::json(ODD_RESULT)).await;
    for (protocol, meta) in [("modern", MODERN_META), ("legacy", "")] {
        let door = Plan::before(&puppet.url, protocol).open().await;
        let alice = door.caller("alice");
        let request = alice.post(odd_call(meta));
        let request = if meta.is_empty() {
            request.header("mcp-protocol-version", "2025-11-25")
        } else {
            request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call").header("mcp-name", "any-thing")
        };
        let answer = request.send().await;
        assert_eq!(answer.text(), ODD_RESULT, "{protocol}");
        assert_eq!(String::from_utf8(puppet.last().body.to_vec()).unwrap(), odd_call(meta), "{protocol}");
    }
}

#[tokio::test]
async fn long_answers_pass_whole() {
    let text = "0123456789abcdef".repeat(128 * 1024);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#);
    let sent = Bytes::from(body);
    let copy = sent.clone();
    let puppet = Puppet::start(move |_| Say::json(copy.clone())).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert!(answer.is_complete && answer.body == sent, "{} of {} bytes", answer.body.len(), sent.len());
}

#[tokio::test]
async fn each_event_arrives_before_the_next_is_sent() {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    let receiver = Mutex::new(Some(receiver));
    let puppet = Puppet::start(move |_| Say::events(receiver.lock().unwrap().take().unwrap())).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let mut stream = door.caller("alice").tool("any", json!({})).open().await;
    for progress in 0..5 {
        let event = format!(
            "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":1,\"progress\":{progress}}}}}\n\n"
        );
        sender.send(event.into()).await.unwrap();
        assert_eq!(stream.message().await.unwrap()["params"]["progress"], progress);
    }
    sender.send(": a comment to keep the line warm\n\n".into()).await.unwrap();
    sender.send("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n".into()).await.unwrap();
    assert_eq!(stream.response().await["result"], json!({}));
    drop(sender);
    assert!(stream.event().await.is_none());
}

async fn refused_by_upstream(puppet: &Puppet, caller: &Caller) {
    let answer = caller.tool("any", json!({})).send().await;
    assert_eq!(answer.status, 502, "an upstream's 401 is about the door's credential: {answer:?}");
    assert_eq!(answer.header("www-authenticate"), None, "or the client would log in at the wrong place");
    assert_eq!(answer.header("set-cookie"), None);
    assert!(answer.message()["error"]["code"].is_i64());
    assert!(!answer.text().contains("evil"), "{answer:?}");
    assert!(puppet.seen().len() <= 2, "one fresh credential, one more try, no more");
}

#[tokio::test]
async fn an_upstreams_own_refusal_is_not_relayed() {
    for status in [401, 403] {
        let puppet = Puppet::start(move |_| {
            let say = Say::json(r#"{"error":"evil"}"#).status(status).header("set-cookie", "evil=1");
            say.header("www-authenticate", r#"Bearer resource_metadata="https://evil.example/x""#)
        })
        .await;
        let door = Plan::before(&puppet.url, "modern").open().await;
        refused_by_upstream(&puppet, &door.caller("alice")).await;
    }
}

fn credential_file(folder: &tempfile::TempDir, text: &str) -> std::path::PathBuf {
    let file = folder.path().join("credential");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    file
}

#[tokio::test]
async fn a_credential_in_the_url_stays_in_its_place_there_and_is_fetched_anew_when_refused() {
    let accepted = Arc::new(Mutex::new("/mcp?key=first%26admin%3Dyes%2F..%2F%20%C3%A9&n=1".to_owned()));
    let wanted = Arc::clone(&accepted);
    let puppet = Puppet::start(move |seen: &Seen| {
        if seen.target == *wanted.lock().unwrap() {
            Say::result(seen, r#"{"resultType":"complete","content":[]}"#)
        } else {
            Say::nothing(401)
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = credential_file(&folder, "first&admin=yes/../ é");
    let door = Plan::before(&format!("{}?key=${{file://{}}}&n=1", puppet.url, file.display()), "modern").open().await;
    let alice = door.caller("alice");
    assert_eq!(alice.tool("any", json!({})).send().await.status, 200, "{:?} {}", puppet.last(), door.said());
    *accepted.lock().unwrap() = "/mcp?key=second&n=1".to_owned();
    std::fs::write(&file, "second").unwrap();
    let answer = alice.tool("any", json!({})).send().await;
    assert_eq!(answer.status, 200, "the credential was rotated: {answer:?}");
    assert!(!door.said().contains("admin"), "{}", door.said());
}

#[tokio::test]
async fn a_refused_credential_is_fetched_anew_and_the_call_tried_once_more() {
    let accepted = Arc::new(Mutex::new("Bearer first-credential".to_owned()));
    let wanted = Arc::clone(&accepted);
    let puppet = Puppet::start(move |seen: &Seen| {
        if seen.header("authorization") == Some(wanted.lock().unwrap().as_str()) {
            Say::result(seen, r#"{"resultType":"complete","content":[]}"#)
        } else {
            Say::nothing(401).header("www-authenticate", "Bearer")
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = credential_file(&folder, "first-credential\n");
    let headers = format!(r#"headers = {{ Authorization = "Bearer ${{file://{}}}" }}"#, file.display());
    let door = Plan::before(&puppet.url, "modern").line(&headers).open().await;
    let alice = door.caller("alice");
    assert_eq!(alice.tool("any", json!({})).send().await.status, 200, "{}", door.said());
    *accepted.lock().unwrap() = "Bearer second-credential".to_owned();
    std::fs::write(&file, "second-credential\n").unwrap();
    let before = puppet.seen().len();
    let answer = alice.tool("any", json!({})).send().await;
    assert_eq!(answer.status, 200, "the credential was rotated: {answer:?}");
    assert!(puppet.seen().len() - before <= 2);
}

#[tokio::test]
async fn what_the_server_says_about_itself_stays_with_the_door() {
    let puppet = Puppet::start(|seen: &Seen| {
        let say = Say::result(seen, r#"{"resultType":"complete","content":[]}"#).header("set-cookie", "a=1").header("server", "evil/1.0");
        say.header("x-powered-by", "evil").header("access-control-allow-origin", "*").header("location", "http://evil.example")
    })
    .await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    for name in ["set-cookie", "server", "x-powered-by", "access-control-allow-origin", "location"] {
        assert_eq!(answer.header(name), None);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = Puppet::with_result(r#"{"content":[]}"#).await;
    let url = other.url.clone();
    let puppet = Puppet::start(move |_| Say::nothing(307).header("location", url.clone())).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let answer = door.caller("alice").tool("any", json!({})).send().await;
    assert_eq!((answer.status, answer.header("location")), (502, None), "{answer:?}");
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn errors_of_the_server_come_back_as_they_are() {
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool: x","data":{"big":12345678901234567890}}}"#;
    let puppet = Puppet::start(move |_| Say::json(error)).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let answer = door.caller("alice").tool("x", json!({})).send().await;
    assert_eq!((answer.status, answer.text()), (200, error));
    let line = door.recorded("the call", |line| line["tool"] == "x").await;
    assert_eq!((&line["outcome"], &line["decision"]), (&json!("error"), &json!("allow")));
    let busy = Puppet::start(|_| {
        Say::json(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"busy"}}"#).status(503).header("retry-after", "7")
    })
    .await;
    let door = Plan::before(&busy.url, "modern").open().await;
    let answer = door.caller("alice").tool("x", json!({})).send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("7")), "{answer:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_is_not_passed_off_as_whole() {
    let body = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&attempts);
    let puppet = Puppet::start(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Say::cut_short(body)
    })
    .await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let outcome = door.caller("alice").tool("x", json!({})).try_open().await;
    if let Ok(stream) = outcome {
        let answer = stream.whole().await;
        assert!(!answer.is_complete || answer.message().get("error").is_some(), "{answer:?}");
    }
    assert_eq!(attempts.load(Ordering::SeqCst), 1, "a call that may have been carried out is not sent again");
}

#[tokio::test]
async fn each_era_is_served_though_the_server_speaks_only_the_other() {
    let legacy_only = Plan::new(testkit::fixture::Era::Legacy).await.open().await;
    let answer = legacy_only.caller("alice").hello().await;
    assert_eq!((answer.status, &answer.result()["resultType"]), (200, &json!("complete")), "{answer:?}");

    let modern_only = Plan::new(testkit::fixture::Era::Modern).await.open().await;
    let session = modern_only.caller("alice").session_of("2025-11-25").await;
    let answer = session.hello().await;
    assert_eq!((answer.status, answer.result().get("resultType")), (200, None), "{answer:?}");
}

#[tokio::test]
async fn the_era_of_a_server_is_asked_once_and_never_copied_from_a_caller() {
    let puppet = Puppet::start(|seen: &Seen| match seen.message()["method"].as_str() {
        Some("server/discover") => Say::result(
            seen,
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"public"}"#,
        ),
        _ => Say::result(seen, r#"{"resultType":"complete","content":[]}"#),
    })
    .await;
    let door = Plan::before(&puppet.url, "auto").open().await;
    for _ in 0..3 {
        assert_eq!(door.caller("alice").tool("x", json!({})).send().await.status, 200);
    }
    let methods: Vec<Value> = puppet.seen().iter().map(|seen| seen.message()["method"].clone()).collect();
    assert_eq!(methods, ["server/discover", "tools/call", "tools/call", "tools/call"]);
    let ping = door.caller("alice").legacy(&request_message("ping", json!({}))).send().await;
    assert_eq!(ping.result(), json!({}), "a modern server knows no ping, so the door answers");
    assert_eq!(puppet.last().message()["method"], "tools/call");
    assert_eq!(door.caller("bob").modern_post(&modern_message("tools/list", json!({}))).send().await.status, 200);
}
