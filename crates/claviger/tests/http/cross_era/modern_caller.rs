//! A modern caller before a legacy server that the test holds in its hands: what the server is told, and what the caller is not.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{calls, event};
use crate::support::{Caller, Door, Plan, Puppet, Request, Say, Seen, eventually, modern_message};

const SESSION: &str = "upstream-session";

/// A legacy server with this much to say about `tools/call`; everything else is as usual.
async fn legacy_server(call: impl Fn(&Seen) -> Say + Send + Sync + 'static) -> (Puppet, Door) {
    let puppet = Puppet::start(move |seen| match seen.message()["method"].as_str() {
        Some("initialize") => Say::result(
            seen,
            r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"logging":{},"resources":{"subscribe":true}},"serverInfo":{"name":"old","version":"7"},"instructions":"Be kind."}"#,
        )
        .header("mcp-session-id", SESSION),
        Some("tools/call") => call(seen),
        Some("tools/list") => Say::result(seen, r#"{"tools":[]}"#),
        Some(method) if !method.starts_with("notifications/") => Say::result(seen, "{}"),
        _ if seen.method == http::Method::GET => Say::nothing(405),
        _ => Say::nothing(202),
    })
    .await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    (puppet, door)
}

fn text_result(seen: &Seen) -> Say {
    Say::result(seen, r#"{"content":[{"type":"text","text":"done"}],"x-new":1.10}"#)
}

#[tokio::test]
async fn the_server_is_greeted_once_and_hears_nothing_of_the_modern_era() {
    let (puppet, door) = legacy_server(text_result).await;
    let alice = door.caller("alice");
    for _ in 0..3 {
        let answer = alice.call("any", json!({"a": 1.50})).await;
        let result = answer.result();
        assert_eq!((&result["resultType"], &result["x-new"]), (&json!("complete"), &json!(1.10)));
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "old");
    }
    assert_eq!(calls(&puppet, "initialize").len(), 1);
    assert_eq!(calls(&puppet, "notifications/initialized").len(), 1);
    for seen in calls(&puppet, "tools/call") {
        assert_eq!(seen.header("mcp-session-id"), Some(SESSION));
        assert_eq!(seen.header("mcp-protocol-version"), Some("2025-06-18"), "what the server agreed to");
        assert!(seen.header("mcp-method").is_none() && seen.header("mcp-name").is_none());
        let text = String::from_utf8(seen.body.to_vec()).unwrap();
        assert!(!text.contains("io.modelcontextprotocol"), "{text}");
        assert!(text.contains(r#""arguments":{"a":1.5"#), "{text}");
    }
}

#[tokio::test]
async fn each_person_and_each_set_of_capabilities_has_a_conversation_of_its_own() {
    let (puppet, door) = legacy_server(text_result).await;
    let (alice, bob) = (door.caller("alice"), door.caller("bob"));
    let with = |caller: &Caller, capabilities: Value| {
        let mut message = modern_message("tools/call", json!({"name": "any"}));
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        caller.modern_post(&message)
    };
    for caller in [&alice, &bob, &alice] {
        assert_eq!(with(caller, json!({})).send().await.status, 200);
        assert_eq!(with(caller, json!({"roots": {}})).send().await.status, 200);
    }
    let opened = calls(&puppet, "initialize");
    assert_eq!(opened.len(), 4);
    assert_eq!(opened.iter().filter(|seen| seen.message()["params"]["capabilities"] == json!({"roots": {}})).count(), 2);
}

#[tokio::test]
async fn a_conversation_that_the_server_has_forgotten_is_begun_anew_once() {
    let forgets = std::sync::atomic::AtomicU32::new(1);
    let (puppet, door) = legacy_server(move |seen| {
        let left = forgets.load(std::sync::atomic::Ordering::SeqCst);
        if left > 0 {
            forgets.store(left - 1, std::sync::atomic::Ordering::SeqCst);
            return Say::nothing(404);
        }
        text_result(seen)
    })
    .await;
    assert_eq!(door.caller("alice").call("any", json!({})).await.tool_text(), "done");
    assert_eq!((calls(&puppet, "initialize").len(), calls(&puppet, "tools/call").len()), (2, 2));
}

#[tokio::test]
async fn a_server_that_forgets_all_the_time_is_not_asked_for_ever() {
    let (puppet, door) = legacy_server(|_| Say::nothing(404)).await;
    assert!(door.caller("alice").call("any", json!({})).await.error_code().is_some());
    assert_eq!(calls(&puppet, "tools/call").len(), 2);
}

#[tokio::test]
async fn whoever_hangs_up_cancels_at_the_server_in_its_own_words() {
    let (puppet, door) = legacy_server(|seen| {
        let (sender, pieces) = mpsc::channel(4);
        let token = &seen.message()["params"]["_meta"]["progressToken"];
        let progress =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1}}}}"#);
        tokio::spawn(async move {
            let _ = sender.send(event(&progress)).await;
            sender.closed().await;
        });
        Say::events(pieces)
    })
    .await;
    let mut message = modern_message("tools/call", json!({"name": "slow"}));
    message["params"]["_meta"]["progressToken"] = json!("my own");
    let mut stream = door.caller("alice").modern_post(&message).open().await;
    assert_eq!(stream.notification("notifications/progress").await["params"]["progressToken"], "my own");
    assert!(calls(&puppet, "notifications/cancelled").is_empty());
    stream.hang_up();
    let cancelled = eventually("the server hears of it", || calls(&puppet, "notifications/cancelled").pop()).await.message();
    assert_eq!(cancelled["params"]["requestId"], calls(&puppet, "tools/call").remove(0).message()["id"]);
}

/// A call that waits for an answer: its stream and its id.
type Waiting = (mpsc::Sender<Bytes>, Value);

/// A server that asks for a name in the middle of a call, and says what it was told.
async fn asking_server() -> (Puppet, Door) {
    let waiting: Arc<Mutex<Option<Waiting>>> = Arc::default();
    let heard = Arc::clone(&waiting);
    let puppet = Puppet::start(move |seen| {
        let message = seen.message();
        match message["method"].as_str() {
            Some("initialize") => Say::result(seen, r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"7"}}"#)
                .header("mcp-session-id", SESSION),
            Some("tools/call") => {
                let (sender, pieces) = mpsc::channel(4);
                let question = r#"{"jsonrpc":"2.0","id":"their own id","method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object","properties":{}}}}"#;
                let _ = sender.try_send(event(question));
                *waiting.lock().unwrap() = Some((sender, message["id"].clone()));
                Say::events(pieces)
            }
            None if message.get("result").is_some() => {
                assert_eq!(message["id"], "their own id");
                let (sender, id) = heard.lock().unwrap().take().unwrap();
                let answer = json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": message["result"].to_string()}]}});
                let _ = sender.try_send(event(&answer.to_string()));
                Say::nothing(202)
            }
            Some("tools/list") => Say::result(seen, r#"{"tools":[]}"#),
            _ if seen.method == http::Method::GET => Say::nothing(405),
            _ => Say::nothing(202),
        }
    })
    .await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    (puppet, door)
}

fn asking(caller: &Caller, more: &Value) -> Request {
    let mut message = modern_message("tools/call", json!({"name": "ask", "arguments": {"n": 1}}));
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    for (name, value) in more.as_object().unwrap() {
        message["params"][name] = value.clone();
    }
    caller.modern_post(&message)
}

#[tokio::test]
async fn a_question_is_answered_by_whom_it_was_put_to_and_by_nobody_else() {
    let (puppet, door) = asking_server().await;
    let (alice, bob) = (door.caller("alice"), door.caller("bob"));
    let asked = asking(&alice, &json!({})).send().await.result();
    assert_eq!(asked["resultType"], "input_required");
    let (key, question) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!((&question["method"], &question["params"]["message"]), (&json!("elicitation/create"), &json!("Who?")));
    let answers = json!({ key: {"action": "accept", "content": {"name": "Alice"}} });
    let retry = json!({"inputResponses": answers, "requestState": asked["requestState"]});

    let stolen = asking(&bob, &retry).send().await;
    assert_eq!(stolen.error_code(), Some(-32602), "{}", stolen.text());
    let mut changed = retry.clone();
    changed["arguments"] = json!({"n": 1000});
    assert_eq!(asking(&alice, &changed).send().await.error_code(), Some(-32602), "it was asked for other arguments");
    let mut forged = retry.clone();
    forged["requestState"] = json!("AAAA");
    assert_eq!(asking(&alice, &forged).send().await.error_code(), Some(-32602));

    let empty = asking(&alice, &json!({"inputResponses": {}, "requestState": asked["requestState"]})).send().await.result();
    assert_eq!(empty["resultType"], "input_required", "whoever asks again without an answer is asked again: {empty}");
    let retry = json!({"inputResponses": answers, "requestState": empty["requestState"]});
    let done = asking(&alice, &retry).send().await;
    assert_eq!(done.tool_text(), r#"{"action":"accept","content":{"name":"Alice"}}"#);
    assert_eq!(asking(&alice, &retry).send().await.error_code(), Some(-32602), "an answer is good once");
    assert_eq!(calls(&puppet, "tools/call").len(), 1, "the server was asked once");
}

#[tokio::test]
async fn a_question_that_the_client_cannot_take_is_called_off() {
    let (puppet, door) = asking_server().await;
    let mut message = modern_message("tools/call", json!({"name": "ask"}));
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"sampling": {}});
    let answer = door.caller("alice").modern_post(&message).send().await;
    assert_eq!(answer.tool_text(), r#"{"action":"cancel"}"#);
    assert_eq!(calls(&puppet, "tools/call").len(), 1);
}

#[tokio::test]
async fn a_url_to_open_is_handed_on_and_the_call_made_again() {
    let opened = std::sync::atomic::AtomicBool::new(false);
    let (puppet, door) = legacy_server(move |seen| {
        if opened.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return text_result(seen);
        }
        let data = r#"{"elicitations":[{"mode":"url","elicitationId":"e1","url":"https://example.com/connect","message":"Connect."}]}"#;
        let id = &seen.message()["id"];
        Say::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32042,"message":"connect first","data":{data}}}}}"#))
    })
    .await;
    let call = |more: Value| {
        let mut message = modern_message("tools/call", json!({"name": "any"}));
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {"url": {}}});
        for (name, value) in more.as_object().unwrap() {
            message["params"][name] = value.clone();
        }
        door.caller("alice").modern_post(&message)
    };
    let asked = call(json!({})).send().await.result();
    let (key, question) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(question["params"]["url"], "https://example.com/connect");
    assert!(question["params"].get("elicitationId").is_none(), "{question}");
    let again = call(json!({"inputResponses": {key: {"action": "accept"}}, "requestState": asked["requestState"]})).send().await;
    assert_eq!(again.tool_text(), "done");
    assert_eq!(calls(&puppet, "tools/call").len(), 2);
    let second = calls(&puppet, "tools/call").remove(1).message();
    assert!(second["params"].get("requestState").is_none() && second["params"].get("inputResponses").is_none(), "{second}");
}

#[tokio::test]
async fn methods_that_the_server_cannot_have_are_not_brought_to_it() {
    let (puppet, door) = legacy_server(text_result).await;
    let alice = door.caller("alice");
    let answer = alice.modern("tasks/get", json!({"taskId": "t"})).header("mcp-name", "t").send().await;
    assert_eq!(answer.verdict(), (400, Some(-32021)), "the client has not declared that it knows tasks");
    let discovered = alice.modern("server/discover", json!({})).send().await.result();
    assert_eq!(discovered["instructions"], "Be kind.");
    assert!(discovered["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{discovered}");
    assert!(calls(&puppet, "tasks/get").is_empty() && calls(&puppet, "server/discover").is_empty());
}

#[tokio::test]
async fn a_log_level_is_set_where_it_changes() {
    let (puppet, door) = legacy_server(text_result).await;
    let alice = door.caller("alice");
    for level in ["debug", "debug", "error"] {
        let mut message = modern_message("tools/call", json!({"name": "any"}));
        message["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!(level);
        assert_eq!(alice.modern_post(&message).send().await.status, 200);
    }
    let levels: Vec<Value> = calls(&puppet, "logging/setLevel").iter().map(|seen| seen.message()["params"]["level"].clone()).collect();
    assert_eq!(levels, ["debug", "error"]);
}
