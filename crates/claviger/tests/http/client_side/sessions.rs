//! One bridge and its session: what the server streams arrives, a lost session is opened anew, and a host that goes takes the bridge along.

use serde_json::json;

use super::host::Host;
use super::{Machine, allows, open, plan};
use crate::support::Plan;

#[tokio::test]
async fn what_a_tool_streams_arrives_before_its_answer() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let mut host = Host::start(&machine, &[&door.resource()]);
    let (opened, _) = tokio::join!(host.initialize(), async { allows(&door, &machine.sent_to(1).await).await });
    assert!(opened["result"]["capabilities"]["tools"].is_object(), "{opened}");
    let answer =
        host.request("tools/call", json!({"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": 7}})).await;
    assert!(answer["result"]["isError"].as_bool() != Some(true) && answer["result"]["content"].is_array(), "{answer}");
    let (code, said) = host.close().await;
    assert_eq!(code, Some(0), "{said}");
    // Nothing on stderr but where to log in, and where tokens are.
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("tokens are kept in a file sealed") && lines[1].contains("log in to"), "{said}");
    assert!(lines[2].starts_with("  http"), "{said}");
}

#[tokio::test]
async fn hidden_tools_are_neither_shown_nor_called() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let mut host = Host::start(&machine, &[&door.resource(), "--ignore-tool", "test_simple_*"]);
    let _both = tokio::join!(host.initialize(), async { allows(&door, &machine.sent_to(1).await).await });
    let list = host.request("tools/list", json!({})).await;
    let names: Vec<&str> = list["result"]["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(names.contains(&"test_error_handling") && !names.contains(&"test_simple_text"), "{names:?}");
    assert_eq!(host.call("test_simple_text").await["error"]["code"], -32602);
    host.kill().await;
}

#[tokio::test]
async fn a_bridge_that_may_ask_nobody_says_what_to_do() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let mut host = Host::start(&machine, &[&door.resource(), "--no-login"]);
    let refused = host.initialize().await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("claviger login {}", door.resource())), "{message}");
    assert!(machine.opened().is_empty());
    host.kill().await;
}

#[tokio::test]
async fn a_server_that_is_down_is_the_answer_to_each_request_and_the_bridge_lives_on() {
    let machine = Machine::new();
    let plan = Plan::both().await;
    let url = plan.fixture.as_ref().unwrap().url.clone();
    drop(plan);
    let mut host = Host::start(&machine, &[&url]);
    for _ in 0..2 {
        let answer = host.initialize().await;
        assert!(answer["error"]["message"].as_str().unwrap().contains("cannot be reached"), "{answer}");
    }
    assert_eq!(host.close().await.0, Some(0));
}

#[tokio::test]
async fn a_server_that_wants_no_token_is_bridged_without_a_log_in() {
    let machine = Machine::new();
    let plan = Plan::both().await;
    let mut host = Host::start(&machine, &[&plan.fixture.as_ref().unwrap().url]);
    assert_eq!(host.initialize().await["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(host.call("test_simple_text").await["result"]["content"][0]["type"], "text");
    assert!(machine.opened().is_empty() && machine.kept("account.", "json").is_empty());
    host.kill().await;
}
