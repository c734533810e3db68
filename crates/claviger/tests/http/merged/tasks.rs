//! Tasks through the door: good for whoever was given them, at the server that works on them, by the endpoint's own way and by the merged one.

use serde_json::{Value, json};

use super::Scene;
use crate::support::{Answer, Caller, MODERN, eventually, modern_message, over_http_and_stdio};

const KNOWS_TASKS: &str = "io.modelcontextprotocol/clientCapabilities";

fn aware(method: &str, mut params: Value) -> Value {
    params["_meta"][KNOWS_TASKS] = json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
    modern_message(method, params)
}

async fn start(caller: &Caller, name: &str, arguments: Value) -> Value {
    let answer = caller.modern_post(&aware("tools/call", json!({"name": name, "arguments": arguments}))).send().await;
    let made = answer.result();
    assert_eq!(made["resultType"], "task", "{made}");
    made
}

async fn about(caller: &Caller, method: &str, id: &str, more: Value) -> Answer {
    let mut params = json!({"taskId": id});
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    let message = aware(method, params);
    let request = caller.post(message.to_string()).header("mcp-protocol-version", MODERN).header("mcp-method", method);
    request.header("mcp-name", id).send().await
}

async fn until(caller: &Caller, id: &str, status: &str) -> Value {
    for _ in 0..200 {
        let task = about(caller, "tasks/get", id, json!({})).await.result();
        assert_eq!(task["taskId"], id, "the id is always the same: {task}");
        if task["status"] == status {
            return task;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the task was never {status}");
}

async fn lives(alice: &Caller, stranger: &Caller, prefix: &str) {
    let made = start(alice, &format!("{prefix}confirm_delete"), json!({"filename": "x"})).await;
    let id = made["taskId"].as_str().unwrap();
    let asking = until(alice, id, "input_required").await;
    let (key, _) = asking["inputRequests"].as_object().unwrap().iter().next().unwrap();
    let responses = json!({key: {"action": "accept", "content": {"confirm": true}}});
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let more = if method == "tasks/update" { json!({"inputResponses": responses}) } else { json!({}) };
        let refused = about(stranger, method, id, more.clone()).await;
        let unknown = about(stranger, method, "no-such-task", more).await;
        assert_eq!(refused.verdict(), (200, Some(-32602)), "{method}: {refused:?}");
        assert_eq!(refused.text(), unknown.text(), "another's task is like none at all");
    }
    about(alice, "tasks/update", id, json!({"inputResponses": responses})).await.result();
    let done = until(alice, id, "completed").await;
    assert!(done["result"]["content"][0]["text"].as_str().unwrap().starts_with("x: "), "{done}");
    let slow = start(alice, &format!("{prefix}slow_compute"), json!({"seconds": 60})).await;
    let id = slow["taskId"].as_str().unwrap();
    about(alice, "tasks/cancel", id, json!({})).await.result();
    until(alice, id, "cancelled").await;
}

over_http_and_stdio! {
    async fn a_task_is_its_callers_and_nobody_elses(door: Door) {
        lives(&door.caller("alice"), &door.caller("bob"), "").await;
        let alice = door.caller("alice");
        let made = start(&alice, "slow_compute", json!({"seconds": 0})).await;
        assert!(made["taskId"].as_str().unwrap().len() > 64, "{made}");
        eventually("the record of a foreign task", || {
            door.recorded_calls().into_iter().find(|line| line["method"] == "tasks/get" && line["outcome"] == "denied")
        })
        .await;
    }
}

#[tokio::test]
async fn by_the_merged_way_a_task_finds_its_member() {
    let scene = Scene::open().await;
    lives(&scene.caller("alice"), &scene.caller("bob"), "fixture__").await;
    let is_it = |line: &Value| line["method"] == "tasks/cancel" && line["outcome"] == "ok" && line["server"] == "fixture";
    scene.door.recorded("the member in the record", is_it).await;
}

#[tokio::test]
async fn a_task_of_one_server_is_none_at_another() {
    let plan = crate::support::Plan::both().await;
    let second = format!("[servers.second]\n{}", plan.server);
    let door = plan.section(&second).open().await;
    let alice = door.caller("alice");
    let made = start(&alice, "slow_compute", json!({"seconds": 60})).await;
    let elsewhere = Caller { path: "/mcp/second".to_owned(), ..door.holder(&door.issuer.token(&door.resource_of("second"), "alice", "")) };
    let refused = about(&elsewhere, "tasks/cancel", made["taskId"].as_str().unwrap(), json!({})).await;
    assert_eq!(refused.verdict(), (200, Some(-32602)), "{refused:?}");
    assert_eq!(about(&alice, "tasks/get", made["taskId"].as_str().unwrap(), json!({})).await.result()["status"], "working");
}
