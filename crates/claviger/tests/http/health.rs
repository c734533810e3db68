//! `/health`, `/ready`, `/mcp/<name>/health` and `/metrics`: what anybody, or the operator, may know of the door's state.

use http::Method;
use serde_json::json;

use crate::support::{Door, Plan, Puppet, Request, Say, Seen};

#[tokio::test]
async fn a_door_that_serves_is_alive_and_ready_for_everybody() {
    let door = Door::open().await;
    for path in ["/health", "/ready", "/mcp/fixture/health"] {
        let answer = door.get(path).send().await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}");
        let head = Request::new(Method::HEAD, door.address, path).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(Request::new(Method::POST, door.address, path).send().await.status, 405, "{path}");
    }
    assert_eq!(door.get("/mcp/nobody/health").send().await.status, 404);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_without_its_address() {
    let puppet =
        Puppet::start(|seen: &Seen| Say::result(seen, r#"{"resultType":"complete","content":[]}"#).header("connection", "close")).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let alice = door.caller("alice");
    assert_eq!(alice.hello().await.status, 200);
    assert_eq!(door.get("/ready").send().await.status, 200);
    drop(puppet);
    // The call that finds out is refused; the next one knows.
    for _ in 0..2 {
        let answer = alice.hello().await;
        assert_eq!(answer.status, 502, "{answer:?}");
        assert!(answer.message()["error"]["code"].is_i64() && !answer.text().contains("127.0.0.1"), "{answer:?}");
    }
    let ready = door.get("/ready").send().await;
    assert_eq!(ready.status, 503, "{ready:?}");
    assert!(ready.text().contains("fixture"), "{ready:?}");
    assert!(!ready.text().contains("127.0.0.1"), "addresses are for the operator: {ready:?}");
    assert_eq!(door.get("/mcp/fixture/health").send().await.status, 503);
    assert_eq!(door.get("/health").send().await.status, 200, "the door itself is alive");
    let detail = door.admin_get("/ready").send().await;
    assert!(detail.status == 503 && detail.text().contains("fixture"), "{detail:?}");
}

#[tokio::test]
async fn a_door_whose_upstream_was_never_asked_is_ready() {
    let door = Plan::before("http://127.0.0.1:9/mcp", "modern").open().await;
    assert_eq!(door.get("/ready").send().await.status, 200, "an unreachable server does not keep the door from starting");
    let answer = door.caller("alice").hello().await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(answer.message()["error"]["code"].is_i64());
}

#[tokio::test]
async fn metrics_are_for_the_operator_alone() {
    let door = Door::open().await;
    door.caller("alice").hello().await;
    door.stranger().hello().await;
    let metrics = door.metrics().await;
    assert_eq!(metrics.sum("claviger_calls_total", &["server=\"fixture\"", "method=\"tools/call\"", "outcome=\"ok\""]), 1);
    assert_eq!(metrics.sum("claviger_refusals_total", &["reason=\"no_token\""]), 1);
    assert_eq!(metrics.sum("claviger_call_duration_seconds_count", &["server=\"fixture\""]), 2);
    assert_eq!(door.get("/metrics").send().await.status, 404);
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let refused = door.admin_get("/metrics").method(method.clone()).send().await;
        assert_eq!(refused.status, 405, "nothing on the admin listener takes orders: {method}");
    }
    assert_eq!(door.admin_get("/quitquitquit").send().await.status, 404);
}

#[tokio::test]
async fn the_start_says_where_the_door_is_and_what_it_protects() {
    let door = Plan::both().await.scopes(r#""*" = "base""#).open().await;
    let said = door.said();
    assert!(said.contains(&format!("door      {}", door.resource())), "{said}");
    assert!(said.contains("metrics   http://127.0.0.1:"), "{said}");
    assert!(said.contains("protected"), "{said}");
    assert_eq!(door.printed(), "", "stdout is for data");
}

#[tokio::test]
async fn a_rebound_browser_cannot_read_the_operators_page() {
    let door = Door::open().await;
    let answer = door.admin_get("/metrics").header("host", "evil.example").send().await;
    assert_eq!(answer.status, 403, "the admin listener is on loopback too, and DNS can be rebound to it");
    assert_eq!(door.admin_get("/ready").send().await.status, 200);
    assert_eq!(door.caller("alice").call("test_echo", json!({})).await.status, 200);
}
