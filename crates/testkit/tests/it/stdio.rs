//! Does the fixture behave as a child process, in each era?

use claviger_testkit::fixture::Era;
use serde_json::json;

use crate::wire::{Pipe, call, initialize, modern, request, text_of};

#[tokio::test]
async fn a_legacy_client_initializes_and_calls() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    assert_eq!(pipe.initialize(json!({})).await["result"]["protocolVersion"], "2025-11-25");
    let answer = pipe.ask(request("tools/call", call("greet", json!({"name": "Ada"})))).await;
    assert_eq!(text_of(&answer), "Hello, Ada!");
    assert!(answer["result"].get("resultType").is_none(), "legacy results have no resultType");
}

#[tokio::test]
async fn a_modern_client_discovers_and_calls() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    let discovered = pipe.ask(modern("server/discover", json!({}), json!({}))).await;
    assert!(discovered["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")));
    let answer = pipe.ask(modern("tools/call", call("test_echo", json!({"a": [1, 2]})), json!({}))).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"a": [1, 2]}));
    assert_eq!(answer["result"]["resultType"], "complete");
}

#[tokio::test]
async fn a_legacy_fixture_does_not_know_discovery_but_can_be_initialized_after_it() {
    let mut pipe = Pipe::to_fixture(Era::Legacy);
    let refused = pipe.ask(modern("server/discover", json!({}), json!({}))).await;
    assert_eq!(refused["error"]["code"], -32601);
    let refused = pipe.ask(modern("tools/list", json!({}), json!({}))).await;
    assert_eq!(refused["error"]["code"], -32600);
    assert_eq!(pipe.initialize(json!({})).await["result"]["serverInfo"]["name"], "claviger-fixture");
    let answer = pipe.ask(modern("tools/call", call("greet", json!({"name": "Ada"})), json!({}))).await;
    assert!(answer["result"].get("resultType").is_none(), "its _meta does not make it modern");
    assert_eq!(pipe.ask(modern("server/discover", json!({}), json!({}))).await["error"]["code"], -32601);
}

#[tokio::test]
async fn a_modern_fixture_cannot_be_initialized_and_lives_on() {
    let mut pipe = Pipe::to_fixture(Era::Modern);
    let refused = pipe.ask(initialize("2025-11-25", json!({}))).await;
    assert_eq!(refused["error"]["code"], -32022);
    assert_eq!(refused["error"]["data"]["supported"], json!(["2026-07-28"]));
    pipe.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    assert_eq!(pipe.ask(request("tools/list", json!({}))).await["error"]["code"], -32602);
    let answer = pipe.ask(modern("tools/list", json!({}), json!({}))).await;
    assert_eq!(answer["result"]["resultType"], "complete");
    assert_eq!(pipe.ask(initialize("2025-11-25", json!({}))).await["error"]["code"], -32022);
}

#[tokio::test]
async fn a_legacy_client_is_asked_while_its_call_runs() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    pipe.initialize(json!({"sampling": {}})).await;
    pipe.send(request("tools/call", call("test_sampling", json!({"prompt": "Why?"})))).await;
    let question = pipe.receive().await;
    assert_eq!(question["method"], "sampling/createMessage");
    assert_eq!(question["params"]["messages"][0]["content"]["text"], "Why?");
    let reply = json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "Because."}});
    pipe.send(json!({"jsonrpc": "2.0", "id": question["id"], "result": reply})).await;
    assert_eq!(text_of(&pipe.receive().await), "LLM response: Because.");
}

#[tokio::test]
async fn a_modern_client_is_asked_by_the_result() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    let asked = pipe.ask(modern("tools/call", call("test_sampling", json!({"prompt": "Why?"})), json!({"sampling": {}}))).await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    assert_eq!(asked["result"]["inputRequests"]["sample"]["params"]["messages"][0]["content"]["text"], "Why?");
    let refused = pipe.ask(modern("tools/call", call("test_sampling", json!({"prompt": "Why?"})), json!({}))).await;
    assert_eq!(refused["error"]["code"], -32021);
}

#[tokio::test]
async fn a_client_that_cannot_be_asked_is_refused() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    pipe.initialize(json!({})).await;
    let refused = pipe.ask(request("tools/call", call("test_elicitation", json!({"message": "?"})))).await;
    assert_eq!(refused["error"]["code"], -32602);
}

#[tokio::test]
async fn a_cancelled_wait_is_counted() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    pipe.initialize(json!({})).await;
    pipe.send(request("tools/call", call("test_wait", json!({"milliseconds": 60_000})))).await;
    let cancel = json!({"requestId": "tools/call-1"});
    pipe.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel})).await;
    for _ in 0..100 {
        let mut count = request("tools/call", call("test_cancelled_count", json!({})));
        count["id"] = json!("count");
        if text_of(&pipe.ask(count).await) == "1" {
            return;
        }
    }
    panic!("the cancellation was not noticed");
}

#[tokio::test]
async fn a_legacy_subscriber_hears_of_its_resource_only() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    pipe.initialize(json!({})).await;
    pipe.ask(request("resources/subscribe", json!({"uri": "test://mine"}))).await;
    for uri in ["test://other", "test://mine"] {
        pipe.send(request("tools/call", call("test_trigger_resource_update", json!({"uri": uri})))).await;
    }
    loop {
        let message = pipe.receive().await;
        if message["method"] == "notifications/resources/updated" {
            assert_eq!(message["params"]["uri"], "test://mine");
            return;
        }
    }
}

#[tokio::test]
async fn log_messages_respect_the_level_that_the_client_set() {
    let mut pipe = Pipe::to_fixture(Era::Both);
    pipe.initialize(json!({})).await;
    pipe.ask(request("logging/setLevel", json!({"level": "error"}))).await;
    pipe.send(request("tools/call", call("test_tool_with_logging", json!({})))).await;
    assert!(pipe.receive().await.get("result").is_some(), "no message of level info may come first");
    pipe.ask(request("logging/setLevel", json!({"level": "info"}))).await;
    pipe.send(request("tools/call", call("test_tool_with_logging", json!({})))).await;
    assert_eq!(pipe.receive().await["params"]["data"], "Tool execution started");
}
