//! Are the headers that repeat arguments checked, against what the server says of its tools today?

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Answering, Child, World, json_of, notification};
use crate::config::Protocol;

fn tool_call(arguments: &Value) -> Value {
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "deploy", "arguments": arguments, "_meta": meta } })
}

fn headers(value: Option<&str>) -> HeaderMap {
    value.map(|value| ("mcp-param-region".parse().unwrap(), value.parse().unwrap())).into_iter().collect()
}

async fn list_tools(child: &mut Child, annotation: &str) {
    let asked = child.hear_method("tools/list").await;
    let properties = json!({ "region": { "type": "string", "x-mcp-header": annotation } });
    let tools = json!([{ "name": "deploy", "inputSchema": { "type": "object", "properties": properties } }]);
    child.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "tools": tools, "ttlMs": 0 } })).await;
}

async fn refused(answering: Answering) {
    match answering.await.unwrap().unwrap() {
        Answer::Json { status, body } => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((status, &body["id"], &body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(1), &json!(-32020)));
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn call_whose_header_and_argument_differ_never_reaches_the_server() {
    let mut world = World::new(Protocol::Modern);
    let good = world.send_modern_with("ann", &tool_call(&json!({ "region": "eu" })), headers(Some("eu")));
    let mut child = world.child().await;
    list_tools(&mut child, "Region").await;
    let asked = child.hear_method("tools/call").await;
    child.answer(&asked, "done").await;
    assert_eq!(json_of(good).await["result"]["for"], "done");
    for (argument, header) in
        [(json!("eu"), Some("us")), (json!("eu"), None), (Value::Null, Some("eu")), (json!("eu"), Some("=?base64?ZXU?="))]
    {
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        let bad = world.send_modern_with("ann", &tool_call(&json!({ "region": argument })), headers(header));
        list_tools(&mut child, "Region").await;
        refused(bad).await;
        assert!(child.hears_nothing().await);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_callers_do_not_make_the_server_list_its_tools_each_time() {
    let mut world = World::new(Protocol::Modern);
    let first = world.send_modern_with("ann", &tool_call(&json!({ "region": "eu" })), headers(None));
    let mut child = world.child().await;
    list_tools(&mut child, "Region").await;
    refused(first).await;
    for _ in 0..20 {
        refused(world.send_modern_with("ann", &tool_call(&json!({ "region": "eu" })), headers(None))).await;
    }
    assert!(child.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn changed_tools_are_listed_again() {
    let mut world = World::new(Protocol::Modern);
    let first = world.send_modern_with("ann", &tool_call(&json!({ "region": "eu" })), headers(Some("eu")));
    let mut child = world.child().await;
    list_tools(&mut child, "Region").await;
    let asked = child.hear_method("tools/call").await;
    child.say(&notification("notifications/tools/list_changed", &json!({}))).await;
    child.answer(&asked, "").await;
    json_of(first).await;
    let second = world.send_modern_with("ann", &tool_call(&json!({ "region": "eu" })), headers(None));
    list_tools(&mut child, "Zone").await;
    refused(second).await;
}

#[tokio::test(start_paused = true)]
async fn server_that_does_not_list_its_tools_is_called_unchecked() {
    let mut world = World::new(Protocol::Modern);
    let answering = world.send_modern_with("ann", &tool_call(&json!({ "region": "eu" })), headers(None));
    let mut child = world.child().await;
    let asked = child.hear_method("tools/list").await;
    child.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "error": { "code": -32601, "message": "no tools" } })).await;
    let asked = child.hear_method("tools/call").await;
    child.answer(&asked, "done").await;
    assert_eq!(json_of(answering).await["result"]["for"], "done");
}
