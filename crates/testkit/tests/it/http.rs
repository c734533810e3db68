//! Do the servers behave over HTTP: the fixture, the fast fixture, and the proxy that adds tokens?

use std::time::Duration;

use claviger_testkit::{
    fast,
    fixture::{Era, Given, Shared, http},
    token_proxy::{TokenProxy, TokenSource},
};
use hyper::Method;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use crate::wire::{ask, call, initialize, modern, post, request, text_of};

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    (listener, url)
}

async fn fixture(era: Era) -> String {
    let (listener, url) = listener().await;
    tokio::spawn(http::serve(Shared::new(era, Given::default()).unwrap(), listener));
    url
}

fn seen_headers() -> Value {
    modern("tools/call", call("test_seen_headers", json!({})), json!({}))
}

#[tokio::test]
async fn both_eras_are_served_at_one_url() {
    let url = fixture(Era::Both).await;
    let answer = post(&url, &initialize("2025-06-18", json!({})), &[]).await;
    assert_eq!(answer.message()["result"]["protocolVersion"], "2025-06-18");
    assert!(answer.headers.contains_key("mcp-session-id"));
    let answer = post(&url, &modern("server/discover", json!({}), json!({})), &[]).await;
    assert!(answer.message()["result"]["supportedVersions"].is_array());
    assert!(!answer.headers.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused() {
    let url = fixture(Era::Both).await;
    for header in [("host", "evil.example"), ("origin", "http://evil.example"), ("origin", "null")] {
        assert_eq!(post(&url, &seen_headers(), &[header]).await.status, 403, "{header:?}");
    }
    for header in [("host", "localhost:1"), ("origin", "http://127.0.0.1:6274")] {
        assert_eq!(post(&url, &seen_headers(), &[header]).await.status, 200, "{header:?}");
    }
}

#[tokio::test]
async fn a_legacy_fixture_answers_a_modern_probe_as_old_servers_do() {
    let url = fixture(Era::Legacy).await;
    for method in ["server/discover", "tools/list", "ping"] {
        let answer = post(&url, &modern(method, json!({}), json!({})), &[]).await;
        assert_eq!((answer.status.as_u16(), &answer.message()["error"]["code"]), (400, &json!(-32000)), "{method}");
        assert_eq!(answer.message()["id"], Value::Null);
    }
    let answer = post(&url, &initialize("2026-07-28", json!({})), &[("mcp-protocol-version", "2026-07-28")]).await;
    assert_eq!(answer.message()["result"]["protocolVersion"], "2025-11-25");
    assert!(answer.message()["result"]["capabilities"].get("extensions").is_none());
}

#[tokio::test]
async fn a_legacy_fixture_takes_no_notice_of_what_came_later() {
    let url = fixture(Era::Legacy).await;
    let opened = post(&url, &initialize("2025-11-25", json!({"extensions": {"io.modelcontextprotocol/tasks": {}}})), &[]).await;
    let session = opened.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-11-25")];
    post(&url, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}), &headers).await;
    let mut message = request("tools/call", call("test_x_mcp_header", json!({"region": "eu"})));
    message["params"]["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "mine": 1});
    let answer = post(&url, &message, &[headers.as_slice(), &[("mcp-method", "other"), ("mcp-param-region", "us")]].concat()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.message()["result"].get("resultType").is_none(), "{}", answer.text);
    let answer = post(&url, &request("tools/call", call("slow_compute", json!({"seconds": 0}))), &headers).await;
    assert!(answer.message()["result"]["content"].is_array(), "no task, although the client knows them: {}", answer.text);
    for method in ["server/discover", "subscriptions/listen", "tasks/get"] {
        let params = json!({"taskId": "t", "notifications": {}});
        let answer = post(&url, &request(method, params), &headers).await;
        assert_eq!(answer.message()["error"]["code"], -32601, "{method}: {}", answer.text);
    }
    let answer = post(&url, &request("resources/read", json!({"uri": "test://nothing"})), &headers).await;
    assert_eq!(answer.message()["error"]["code"], -32002);
    let answer = post(&url, &request("ping", json!({})), &[headers[0], ("mcp-protocol-version", "2026-07-28")]).await;
    assert_eq!((answer.status.as_u16(), &answer.message()["error"]["code"]), (400, &json!(-32000)));
}

#[tokio::test]
async fn a_modern_fixture_has_no_sessions() {
    let url = fixture(Era::Modern).await;
    let answer = post(&url, &initialize("2025-11-25", json!({})), &[]).await;
    assert_eq!((answer.status.as_u16(), &answer.message()["error"]["code"]), (400, &json!(-32022)));
    assert_eq!(answer.message()["error"]["data"]["supported"], json!(["2026-07-28"]));
    let answer = post(&url, &modern("initialize", json!({}), json!({})), &[]).await;
    assert_eq!((answer.status.as_u16(), &answer.message()["error"]["code"]), (404, &json!(-32601)));
    let answer = post(&url, &request("tools/list", json!({})), &[("mcp-session-id", "any")]).await;
    assert_eq!((answer.status.as_u16(), &answer.message()["error"]["code"]), (400, &json!(-32020)));
    for verb in [Method::GET, Method::DELETE] {
        assert_eq!(ask(verb.clone(), &url, &[("mcp-session-id", "any"), ("accept", "text/event-stream")]).await.status, 405, "{verb}");
    }
    let answer = post(&url, &modern("tools/list", json!({}), json!({})), &[("mcp-session-id", "any")]).await;
    assert_eq!(answer.message()["result"]["resultType"], "complete");
    assert!(!answer.headers.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn leaving_is_cancelling_for_a_modern_caller() {
    let url = fixture(Era::Both).await;
    let wait = modern("tools/call", call("test_wait", json!({"milliseconds": 60_000})), json!({}));
    assert!(timeout(Duration::from_millis(200), post(&url, &wait, &[])).await.is_err());
    let count = modern("tools/call", call("test_cancelled_count", json!({})), json!({}));
    for _ in 0..100 {
        if text_of(&post(&url, &count, &[]).await.message()) == "1" {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the fixture did not notice that its caller left");
}

#[tokio::test]
async fn an_annotated_argument_must_be_mirrored_in_its_header() {
    let url = fixture(Era::Both).await;
    let message = modern("tools/call", call("test_x_mcp_header", json!({"region": "eu"})), json!({}));
    let answer = post(&url, &message, &[]).await;
    assert_eq!((answer.status.as_u16(), &answer.message()["error"]["code"]), (400, &json!(-32020)));
    assert_eq!(post(&url, &message, &[("mcp-param-region", "eu")]).await.status, 200);
}

#[tokio::test]
async fn the_proxy_adds_its_token_and_keeps_host_and_origin() {
    let upstream = fixture(Era::Both).await;
    let (listener, url) = listener().await;
    let proxy = TokenProxy::new(&upstream.parse().unwrap(), TokenSource::Fixed("abc.def".into())).unwrap();
    tokio::spawn(proxy.serve(listener));
    let answer = post(&url, &seen_headers(), &[("authorization", "Bearer mine"), ("origin", "http://localhost:9")]).await;
    let seen: Vec<(String, String)> = serde_json::from_str(text_of(&answer.message())).unwrap();
    let values = |name: &str| seen.iter().filter(|(header, _)| header == name).map(|(_, value)| value.clone()).collect::<Vec<_>>();
    assert_eq!(values("authorization"), ["Bearer abc.def"]);
    assert_eq!(values("origin"), ["http://localhost:9"]);
    assert_eq!(values("host"), [url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap()]);
    assert_eq!(post(&url, &seen_headers(), &[("host", "evil.example")]).await.status, 403);
}

#[tokio::test]
async fn the_proxy_reads_its_token_from_a_file_each_time() {
    let upstream = fixture(Era::Both).await;
    let (listener, url) = listener().await;
    let file = std::env::temp_dir().join(format!("token-proxy-{}", std::process::id()));
    let proxy = TokenProxy::new(&upstream.parse().unwrap(), TokenSource::File(file.clone())).unwrap();
    tokio::spawn(proxy.serve(listener));
    for token in ["first", "second"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        assert!(post(&url, &seen_headers(), &[]).await.text.contains(&format!("Bearer {token}")));
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(post(&url, &seen_headers(), &[]).await.status, 502);
}

#[tokio::test]
async fn the_fast_fixture_answers_every_request_alike() {
    let (listener, url) = listener().await;
    tokio::spawn(fast::serve(Era::Both, listener));
    let answer = post(&url, &request("tools/call", call("anything", json!({}))), &[]).await;
    assert_eq!(answer.message()["id"], "tools/call-1");
    assert!(answer.message()["result"]["content"].is_array());
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(post(&url, &notification, &[]).await.status, 202);
    assert_eq!(post(&url.replace("/mcp", "/other"), &notification, &[]).await.status, 404);
}
