//! Which wire does a message speak, and does it keep that wire's rules? The order of the checks is the specification's (2026-07-28).

use serde_json::{Value, json};

use crate::support::{Answer, Caller, Door, MODERN, Plan, Puppet, Request, modern_message, over_http_and_stdio, request_message};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A door before a server that must not be reached.
async fn closed() -> (Puppet, Door) {
    let puppet = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    (puppet, door)
}

async fn refused(what: &str, request: Request, status: u16, code: i64) -> Answer {
    let answer = request.send().await;
    assert_eq!(answer.verdict(), (status, Some(code)), "{what}: {}", answer.text());
    assert_eq!(answer.message()["id"], 1, "{what}: the id comes back");
    answer
}

fn call(caller: &Caller, change: impl FnOnce(&mut Value)) -> Request {
    let good = modern_message("tools/call", json!({"name": "any"}));
    let mut message = good.clone();
    change(&mut message);
    caller.modern_post(&good).body(message.to_string())
}

#[tokio::test]
async fn a_modern_header_makes_the_modern_meta_binding() {
    let (puppet, door) = closed().await;
    let alice = door.caller("alice");
    let meta = |message: &mut Value, meta: Value| message["params"]["_meta"] = meta;
    refused("no _meta", call(&alice, |message| drop(message["params"].as_object_mut().unwrap().remove("_meta"))), 400, -32602).await;
    refused("no params", call(&alice, |message| drop(message.as_object_mut().unwrap().remove("params"))), 400, -32602).await;
    refused("an empty _meta", call(&alice, |message| meta(message, json!({}))), 400, -32602).await;
    refused("no version", call(&alice, |message| meta(message, json!({ CAPABILITIES: {} }))), 400, -32602).await;
    refused(
        "a version that is no text",
        call(&alice, |message| meta(message, json!({ VERSION: 20_260_728, CAPABILITIES: {} }))),
        400,
        -32602,
    )
    .await;
    refused("no capabilities", call(&alice, |message| meta(message, json!({ VERSION: MODERN }))), 400, -32602).await;
    refused(
        "capabilities that are no object",
        call(&alice, |message| meta(message, json!({ VERSION: MODERN, CAPABILITIES: [] }))),
        400,
        -32602,
    )
    .await;
    for version in ["2026-07-29", "9999-01-01", "draft", "2026-7-28"] {
        let bare = alice.legacy(&request_message("tools/list", json!({}))).header("mcp-protocol-version", version);
        refused(&format!("{version} without _meta"), bare, 400, -32602).await;
    }
    assert!(puppet.seen().is_empty());
    assert_eq!(
        call(&alice, |message| meta(message, json!({ VERSION: MODERN, CAPABILITIES: {} }))).send().await.status,
        200,
        "clientInfo is not needed"
    );
}

#[tokio::test]
async fn a_modern_meta_makes_the_modern_headers_binding() {
    let (puppet, door) = closed().await;
    let alice = door.caller("alice");
    let good = || call(&alice, |_| {});
    refused("no version header", good().without("mcp-protocol-version"), 400, -32020).await;
    refused("a legacy version header", good().header("mcp-protocol-version", "2025-11-25"), 400, -32020).await;
    refused("another version header", good().header("mcp-protocol-version", "2026-07-29"), 400, -32020).await;
    refused("two version headers", good().also("mcp-protocol-version", MODERN), 400, -32020).await;
    refused("no method header", good().without("mcp-method"), 400, -32020).await;
    refused("another method", good().header("mcp-method", "tools/list"), 400, -32020).await;
    refused("the method in capitals", good().header("mcp-method", "Tools/Call"), 400, -32020).await;
    refused("two method headers", good().also("mcp-method", "tools/call"), 400, -32020).await;
    refused("no name header", good().without("mcp-name"), 400, -32020).await;
    refused("another name", good().header("mcp-name", "other"), 400, -32020).await;
    refused("the name in capitals", good().header("mcp-name", "ANY"), 400, -32020).await;
    refused("two name headers", good().also("mcp-name", "any"), 400, -32020).await;
    refused("another name in base64", good().header("mcp-name", "=?base64?b3RoZXI=?="), 400, -32020).await;
    refused("broken base64", good().header("mcp-name", "=?base64?!!!?="), 400, -32020).await;
    refused("base64 that is no UTF-8", good().header("mcp-name", "=?base64?/w==?="), 400, -32020).await;
    refused("base64 of base64", good().header("mcp-name", "=?base64?PT9iYXNlNjQ/WVc1NT89?="), 400, -32020).await;
    refused("a header's raw bytes", good().header("mcp-name", b"\xffany"), 400, -32020).await;
    assert!(puppet.seen().is_empty(), "{:?}", puppet.seen());
    for name in ["any", " any ", "\tany", "=?base64?YW55?="] {
        assert_eq!(good().header("mcp-name", name).send().await.status, 200, "{name:?}");
    }
    assert_eq!(good().header("mcp-protocol-version", " 2026-07-28 ").send().await.status, 200, "white space around a value is none of it");
}

#[tokio::test]
async fn resources_are_mirrored_by_their_uri_and_tasks_by_their_id() {
    let (puppet, door) = closed().await;
    let alice = door.caller("alice");
    for (method, params) in [
        ("resources/read", json!({"uri": "file:///ä b"})),
        ("prompts/get", json!({"name": "p"})),
        ("tasks/get", json!({"taskId": "t-1"})),
        ("tasks/cancel", json!({"taskId": "t-1"})),
    ] {
        let message = modern_message(method, params);
        let request = alice.post(message.to_string()).header("mcp-protocol-version", MODERN).header("mcp-method", method);
        refused(&format!("{method} without the header"), request.clone(), 400, -32020).await;
        refused(&format!("{method} with another"), request.header("mcp-name", "other"), 400, -32020).await;
    }
    assert!(puppet.seen().is_empty());
    let read = modern_message("resources/read", json!({"uri": "file:///ä b"}));
    let read = alice.post(read.to_string()).header("mcp-protocol-version", MODERN).header("mcp-method", "resources/read");
    assert_eq!(read.header("mcp-name", "=?base64?ZmlsZTovLy/DpCBi?=").send().await.status, 200);
}

#[tokio::test]
async fn an_unknown_version_names_the_ones_that_are_served() {
    let (_puppet, door) = closed().await;
    let alice = door.caller("alice");
    for version in ["2027-01-01", "2026-07-29", "draft", "3.0"] {
        let request = call(&alice, |message| message["params"]["_meta"][VERSION] = json!(version)).header("mcp-protocol-version", version);
        let answer = refused(version, request, 400, -32022).await;
        let data = &answer.message()["error"]["data"];
        assert_eq!((&data["requested"], &data["supported"]), (&json!(version), &json!([MODERN])));
    }
    let mismatch = call(&alice, |message| message["params"]["_meta"][VERSION] = json!("2027-01-01"));
    refused("a difference is found before the version is judged", mismatch, 400, -32020).await;
    let legacy_in_meta =
        call(&alice, |message| message["params"]["_meta"][VERSION] = json!("2025-11-25")).header("mcp-protocol-version", "2025-11-25");
    refused("a legacy version in a modern envelope", legacy_in_meta, 400, -32022).await;
}

over_http_and_stdio! {
    async fn what_the_modern_era_took_away_is_not_found_in_it(door: Door) {
        let alice = door.caller("alice");
        let initialize = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
        for (method, params) in [
            ("initialize", initialize),
            ("ping", json!({})),
            ("logging/setLevel", json!({"level": "info"})),
            ("resources/subscribe", json!({"uri": "test://static-text"})),
            ("resources/unsubscribe", json!({"uri": "test://static-text"})),
            ("no/such/method", json!({})),
        ] {
            let mut message = modern_message(method, params);
            message["id"] = json!(1);
            let request = alice.modern_post(&message).without("mcp-name");
            let answer = refused(method, request, 404, -32601).await;
            assert_eq!(answer.header("mcp-session-id"), None);
        }
    }
}

over_http_and_stdio! {
    async fn the_same_methods_live_on_in_the_legacy_era(door: Door) {
        let session = door.caller("alice").session().await;
        assert_eq!(session.request("ping", json!({})).send().await.result(), json!({}));
        assert_eq!(session.request("logging/setLevel", json!({"level": "info"})).send().await.result(), json!({}));
        assert_eq!(session.request("resources/subscribe", json!({"uri": "test://static-text"})).send().await.result(), json!({}));
    }
}

#[tokio::test]
async fn a_legacy_version_that_is_not_served_is_refused() {
    let door = Door::open().await;
    let session = door.caller("alice").session().await;
    for version in ["2024-11-05", "1999-01-01", "2025-06-19"] {
        let answer = session.request("tools/list", json!({})).header("mcp-protocol-version", version).send().await;
        assert_eq!(answer.status, 400, "{version}: {answer:?}");
        assert!(answer.message()["error"]["code"].is_i64(), "{version}");
    }
    let get = session.listen().header("mcp-protocol-version", "1999-01-01").send().await;
    assert_eq!(get.status, 400, "{get:?}");
}

#[tokio::test]
async fn a_modern_client_sends_requests_and_notifications_only() {
    let (puppet, door) = closed().await;
    let alice = door.caller("alice");
    let bodies = [
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}]"#,
    ];
    for body in bodies {
        let answer = alice.post(body).header("mcp-protocol-version", MODERN).header("mcp-method", "tools/list").send().await;
        assert_eq!(answer.verdict(), (400, Some(-32600)), "{body}: {answer:?}");
    }
    assert!(puppet.seen().is_empty());
}

#[tokio::test]
async fn parameter_headers_are_for_the_server_to_judge_and_reach_it_untouched() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let call = alice.tool("test_x_mcp_header", json!({"region": "eu"}));
    assert_eq!(call.clone().header("mcp-param-region", "eu").send().await.status, 200);
    for answer in [call.clone().header("mcp-param-region", "us").send().await, call.send().await] {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.message()["error"]["code"], -32020);
    }
}

#[tokio::test]
async fn unknown_things_in_the_modern_era_are_said_as_the_revision_says_them() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let tool = alice.call("no_such_tool", json!({})).await;
    assert_eq!((tool.status, &tool.message()["error"]["code"]), (200, &json!(-32602)), "{tool:?}");
    let resource = alice.modern("resources/read", json!({"uri": "test://nothing"})).send().await;
    assert_eq!((resource.status, &resource.message()["error"]["code"]), (200, &json!(-32602)), "{resource:?}");
    let mut message = modern_message("tools/call", json!({"name": "test_missing_capability"}));
    message["params"]["_meta"][CAPABILITIES] = json!({});
    let capability = alice.modern_post(&message).send().await;
    assert_eq!((capability.status, &capability.message()["error"]["code"]), (400, &json!(-32021)), "{capability:?}");
    assert_eq!(capability.message()["error"]["data"]["requiredCapabilities"], json!({"sampling": {}}));
}
