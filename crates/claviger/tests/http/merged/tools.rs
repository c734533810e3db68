//! Calls find their member by name, whichever era caller and member speak, and what is said in the middle of one is heard.

use serde_json::json;

use super::Scene;
use crate::support::{Plan, Puppet};

#[tokio::test]
async fn callers_of_both_eras_use_members_of_both_eras() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    let session = alice.session().await;
    for member in ["fixture", "old"] {
        let tool = format!("{member}__test_simple_text");
        let expected = "This is a simple text response for testing.";
        assert_eq!(alice.call(&tool, json!({})).await.tool_text(), expected, "{tool}");
        assert_eq!(session.tool(&tool, json!({})).send().await.tool_text(), expected, "{tool}");
        let prompt = json!({"name": format!("{member}__test_simple_prompt")});
        assert!(alice.modern("prompts/get", prompt.clone()).send().await.result()["messages"].is_array());
        assert!(session.request("prompts/get", prompt).send().await.result()["messages"].is_array());
    }
    let listed = alice.call("files__list_directory", json!({"path": "."})).await;
    assert!(listed.text().contains("claviger.toml"), "{listed:?}");
}

#[tokio::test]
async fn a_stream_stays_a_stream() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    for member in ["fixture", "old"] {
        let params = json!({"name": format!("{member}__test_tool_with_progress"), "arguments": {}, "_meta": {"progressToken": "p-1"}});
        let mut stream = alice.modern("tools/call", params).open().await;
        let progress = stream.notification("notifications/progress").await;
        assert_eq!(progress["params"]["progressToken"], "p-1", "{member}");
        assert!(stream.response().await["result"]["content"].is_array(), "{member}");
    }
}

#[tokio::test]
async fn a_question_in_the_middle_of_a_call_is_put_and_its_answer_finds_back() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    for name in ["fixture__test_input_required_result_elicitation", "old__test_elicitation"] {
        let first = alice.call(name, json!({"message": "Who?"})).await.result();
        assert_eq!(first["resultType"], "input_required", "{name}: {first}");
        let (key, _) = first["inputRequests"].as_object().unwrap().iter().next().unwrap();
        let mut params = json!({"name": name, "arguments": {"message": "Who?"}});
        params["inputResponses"][key] = json!({"action": "accept", "content": {"username": "alice", "name": "alice", "email": "a@b.c"}});
        if let Some(state) = first.get("requestState") {
            params["requestState"] = state.clone();
        }
        let second = alice.modern("tools/call", params).send().await.result();
        assert_eq!(second["resultType"], "complete", "{name}: {second}");
        assert!(second["content"][0]["text"].as_str().unwrap().contains("alice"), "{name}: {second}");
    }
    let session = alice.session().await;
    let mut stream = session.tool("old__test_elicitation", json!({"message": "Who?"})).open().await;
    let question = stream.notification("elicitation/create").await;
    let answer = json!({"action": "accept", "content": {"username": "alice", "email": "alice@example.com"}});
    assert_eq!(session.respond(&question["id"], answer).send().await.status, 202);
    assert!(stream.response().await["result"]["content"][0]["text"].as_str().unwrap().contains("alice@example.com"));
}

#[tokio::test]
async fn headers_that_mirror_arguments_reach_the_member_and_are_judged_there() {
    let scene = Scene::open().await;
    let call = scene.caller("alice").tool("fixture__test_x_mcp_header", json!({"region": "eu"}));
    assert_eq!(call.clone().header("mcp-param-region", "eu").send().await.status, 200);
    let refused = call.header("mcp-param-region", "us").send().await;
    assert_eq!(refused.verdict(), (400, Some(-32020)), "{refused:?}");
}

#[tokio::test]
async fn the_member_reads_its_own_name_in_body_and_header_and_every_other_byte_as_it_came() {
    let puppet = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let door = Plan::before(&puppet.url, "modern").section("[merge]\n").open().await;
    let token = door.issuer.token(&format!("{}/mcp", door.public_url), "alice", "");
    let alice = crate::support::Caller { path: "/mcp".to_owned(), ..door.holder(&token) };
    let odd = alice.tool("fixture__any", json!({}));
    let message = r#"{"jsonrpc":"2.0", "id":1,"method":"tools/call","params":{"arguments":{"float":1.10,"name":"fixture__any"},"name" : "fixture__any","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    assert_eq!(odd.body(message).send().await.status, 200);
    let seen = puppet.last();
    assert_eq!(seen.header("mcp-name"), Some("any"));
    assert_eq!(std::str::from_utf8(&seen.body).unwrap(), message.replace(r#""name" : "fixture__any""#, r#""name" : "any""#));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn a_name_that_is_nobodys_is_unknown() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    for name in ["test_simple_text", "nobody__test_simple_text", "__test_simple_text", "fixture__", "modern_test_simple_text"] {
        let answer = alice.call(name, json!({})).await;
        assert_eq!(answer.verdict(), (200, Some(-32602)), "{name}: {answer:?}");
    }
    let member_says = alice.call("fixture__no_such_tool", json!({})).await;
    assert_eq!((member_says.status, &member_says.message()["error"]["code"]), (200, &json!(-32602)), "{member_says:?}");
    let unknown = alice.modern("no/such/method", json!({})).send().await;
    assert_eq!(unknown.verdict(), (404, Some(-32601)), "{unknown:?}");
}
