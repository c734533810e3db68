//! What goes the other way, or stops: requests of the server, input that it needs, cancellation, callers who hang up.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Caller, Door, PATIENCE, Plan, Puppet, Say, Seen, Session, modern_message, over_http_and_stdio};

over_http_and_stdio! {
    async fn a_legacy_server_asks_for_sampling_and_gets_its_answer(door: Door) {
        let session = door.caller("alice").session().await;
        let mut stream = session.tool("test_sampling", json!({"prompt": "How are you?"})).open().await;
        let question = stream.notification("sampling/createMessage").await;
        assert_eq!(question["params"]["messages"][0]["content"]["text"], "How are you?");
        let answer = json!({"role": "assistant", "model": "test", "content": {"type": "text", "text": "very well"}});
        let accepted = session.respond(&question["id"], answer).send().await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        assert_eq!(stream.response().await["result"]["content"][0]["text"], "LLM response: very well");
    }
}

over_http_and_stdio! {
    async fn a_legacy_server_asks_for_elicitation_and_gets_its_answer(door: Door) {
        let session = door.caller("alice").session().await;
        let mut stream = session.tool("test_elicitation", json!({"message": "Who are you?"})).open().await;
        let question = stream.notification("elicitation/create").await;
        let answer = json!({"action": "accept", "content": {"username": "alice", "email": "alice@example.com"}});
        assert_eq!(session.respond(&question["id"], answer).send().await.status, 202);
        let text = stream.response().await["result"]["content"][0]["text"].to_string();
        assert!(text.contains("accept") && text.contains("alice@example.com"), "{text}");
    }
}

over_http_and_stdio! {
    async fn a_stranger_cannot_answer_for_the_one_who_was_asked(door: Door) {
        let (alice, mallory) = (door.caller("alice").session().await, door.caller("mallory").session().await);
        let mut stream = alice.tool("test_sampling", json!({"prompt": "secret?"})).open().await;
        let question = stream.notification("sampling/createMessage").await;
        let forged = json!({"role": "assistant", "model": "evil", "content": {"type": "text", "text": "forged"}});
        mallory.respond(&question["id"], forged.clone()).send().await;
        let refused = alice.stolen_by(&door.caller("mallory")).respond(&question["id"], forged).send().await;
        assert_eq!(refused.status, 404, "{refused:?}");
        let answer = json!({"role": "assistant", "model": "test", "content": {"type": "text", "text": "mine"}});
        assert_eq!(alice.respond(&question["id"], answer).send().await.status, 202);
        assert_eq!(stream.response().await["result"]["content"][0]["text"], "LLM response: mine");
    }
}

over_http_and_stdio! {
    async fn a_modern_server_gets_its_input_by_a_second_request_with_its_state_untouched(door: Door) {
        let alice = door.caller("alice");
        let name = "test_input_required_result_request_state";
        let first = alice.call(name, json!({})).await.result();
        assert_eq!(first["resultType"], "input_required", "{first}");
        let (key, _) = first["inputRequests"].as_object().unwrap().iter().next().unwrap();
        let mut params = json!({"name": name, "arguments": {}});
        params["inputResponses"][key] = json!({"action": "accept", "content": {"ok": true}});
        params["requestState"] = first["requestState"].clone();
        let mut retry = modern_message("tools/call", params);
        retry["id"] = json!(2);
        let answer = alice.modern_post(&retry).send().await;
        assert_eq!(answer.result()["resultType"], "complete", "{answer:?}");
        let reused = alice.modern_post(&retry).send().await;
        assert!(reused.message().get("error").is_some(), "the state is good once: {reused:?}");
    }
}

async fn cancelled_count(caller: &Caller) -> u64 {
    caller.call("test_cancelled_count", json!({})).await.tool_text().parse().unwrap()
}

async fn becomes_cancelled(caller: &Caller, count: u64) -> bool {
    let counted = async {
        while cancelled_count(caller).await < count {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), counted).await.is_ok()
}

over_http_and_stdio! {
    async fn a_modern_caller_who_hangs_up_cancels_the_work(door: Door) {
        let alice = door.caller("alice");
        let waiting = tokio::spawn(alice.tool("test_wait", json!({"milliseconds": 15_000})).open());
        tokio::time::sleep(Duration::from_millis(400)).await;
        waiting.abort();
        assert!(becomes_cancelled(&alice, 1).await, "the upstream goes on for nobody");
        let line = door.recorded("the record of the cancelled call", |line| line["tool"] == "test_wait").await;
        assert_eq!(line["outcome"], "cancelled", "{line}");
    }
}

#[tokio::test]
async fn a_modern_caller_who_hangs_up_in_the_middle_of_a_stream_cancels_the_work() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let message = modern_message("tools/call", json!({"name": "slow_compute", "arguments": {"seconds": 1}, "_meta": {"progressToken": 1}}));
    alice.modern_post(&message).open().await.hang_up();
    let line = door.recorded("the record of the call", |line| line["tool"] == "slow_compute").await;
    assert!(["cancelled", "ok"].contains(&line["outcome"].as_str().unwrap()), "{line}");
}

over_http_and_stdio! {
    async fn a_legacy_caller_who_hangs_up_does_not_cancel_the_work(door: Door) {
        let session = door.caller("alice").session().await;
        let waiting = tokio::spawn(session.tool("test_wait", json!({"milliseconds": 700})).open());
        tokio::time::sleep(Duration::from_millis(200)).await;
        waiting.abort();
        tokio::time::sleep(Duration::from_millis(900)).await;
        let counted = session.tool("test_cancelled_count", json!({})).send().await;
        assert_eq!(counted.tool_text(), "0", "a disconnect is no cancellation in the legacy revisions");
    }
}

async fn cancel(session: &Session) {
    let answer = session.notify("notifications/cancelled", json!({"requestId": 1, "reason": "enough"})).send().await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

over_http_and_stdio! {
    async fn a_legacy_cancellation_stops_ones_own_request_and_nobody_elses(door: Door) {
        let (alice, bob) = (door.caller("alice").session().await, door.caller("bob").session().await);
        let waiting = tokio::spawn(alice.tool("test_wait", json!({"milliseconds": 1_500})).send());
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel(&bob).await;
        let answer = waiting.await.unwrap();
        assert_eq!(answer.tool_text(), "Waited 1500 ms.", "bob cancelled his own request 1, of which there is none");

        let before: u64 = alice.tool("test_cancelled_count", json!({})).send().await.tool_text().parse().unwrap();
        let waiting = tokio::spawn(alice.tool("test_wait", json!({"milliseconds": 15_000})).open());
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel(&alice).await;
        let stopped = async {
            loop {
                let answer = alice.tool("test_cancelled_count", json!({})).send().await;
                if answer.tool_text().parse::<u64>().unwrap() > before {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        };
        tokio::time::timeout(PATIENCE, stopped).await.expect("alice cancelled her request");
        waiting.abort();
    }
}

over_http_and_stdio! {
    async fn logging_reaches_only_callers_who_want_it(door: Door) {
        let alice = door.caller("alice");
        let logs = |messages: Vec<Value>| messages.iter().filter(|message| message["method"] == "notifications/message").count();
        let wanted = modern_message("tools/call", json!({"name": "test_logging_tool", "_meta": {"io.modelcontextprotocol/logLevel": "info"}}));
        assert_eq!(logs(alice.modern_post(&wanted).send().await.messages()), 3);
        assert_eq!(logs(alice.call("test_logging_tool", json!({})).await.messages()), 0);
    }
}

over_http_and_stdio! {
    async fn what_a_legacy_caller_took_back_and_nobody_answered_is_recorded_as_cancelled(door: Door) {
        let session = door.caller("alice").session().await;
        let waiting = tokio::spawn(session.tool("test_wait", json!({"milliseconds": 15_000})).send());
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel(&session).await;
        tokio::time::timeout(PATIENCE, waiting).await.expect("the call ends").unwrap();
        let line = door.recorded("the cancelled call", |line| line["tool"] == "test_wait").await;
        assert_eq!(line["outcome"], "cancelled", "{line}");
    }
}

#[tokio::test]
async fn what_a_legacy_caller_took_back_is_recorded_as_cancelled_although_the_server_answers_with_an_error() {
    let cancelled = Arc::new(Notify::new());
    let puppet = Puppet::start(move |seen: &Seen| match seen.message()["method"].as_str() {
        Some("initialize") => Say::result(seen, OPENED).header("mcp-session-id", "one"),
        Some("notifications/cancelled") => {
            cancelled.notify_waiters();
            Say::nothing(202)
        }
        Some("tools/call") if seen.message()["params"]["name"] == "wait" => {
            let (sender, pieces) = tokio::sync::mpsc::channel(1);
            let (id, cancelled) = (seen.message()["id"].clone(), Arc::clone(&cancelled));
            tokio::spawn(async move {
                cancelled.notified().await;
                let error = json!({"jsonrpc": "2.0", "id": id, "error": {"code": 0, "message": "Request cancelled"}});
                sender.send(format!("data: {error}\n\n").into()).await.unwrap();
            });
            Say::events(pieces)
        }
        Some("notifications/initialized") => Say::nothing(202),
        _ => Say::json(format!(r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":1,"message":"broken"}}}}"#, seen.message()["id"])),
    })
    .await;
    an_answer_to_what_was_cancelled(Plan::before(&puppet.url, "legacy").open().await).await;
}

#[tokio::test]
async fn what_a_legacy_caller_took_back_is_recorded_as_cancelled_although_the_program_answers_with_an_error() {
    let script = r#"say() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "${1%%[!0-9]*}" "$2"; }
        while read -r line; do case $line in
            *'"initialize"'*) say "${line#*\"id\":}" '"result":OPENED' ;;
            *notifications/cancelled*) say "${line#*\"requestId\":}" '"error":{"code":0,"message":"Request cancelled"}' ;;
            *'"broken"'*) say "${line#*\"id\":}" '"error":{"code":1,"message":"broken"}' ;;
        esac; done"#;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("server.sh");
    std::fs::write(&program, script.replace("OPENED", OPENED)).unwrap();
    let plan = Plan::of_server(&format!("command = [\"sh\", {program:?}]\nprotocol = \"legacy\""));
    an_answer_to_what_was_cancelled(plan.open().await).await;
}

async fn an_answer_to_what_was_cancelled(door: Door) {
    let (alice, bob) = (door.caller("alice").session().await, door.caller("bob").session().await);
    let waiting = tokio::spawn(alice.tool("wait", json!({})).send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    cancel(&alice).await;
    let answer = tokio::time::timeout(PATIENCE, waiting).await.expect("the server answers").unwrap();
    assert_eq!(answer.message()["error"]["message"], "Request cancelled", "{answer:?}");
    let line = door.recorded("the cancelled call", |line| line["tool"] == "wait").await;
    assert_eq!((&line["outcome"], &line["status"]), (&json!("cancelled"), &json!(200)), "{line}");

    // A cancellation of what is not under way, or by somebody else, changes no record.
    cancel(&alice).await;
    cancel(&bob).await;
    let failed = alice.tool("broken", json!({})).send().await;
    assert_eq!(failed.message()["error"]["message"], "broken", "{failed:?}");
    let line = door.recorded("the failed call", |line| line["tool"] == "broken").await;
    assert_eq!(line["outcome"], "error", "{line}");
}

const OPENED: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"server","version":"1"}}"#;
