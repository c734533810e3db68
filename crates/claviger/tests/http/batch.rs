//! Batches: in revision 2025-03-26 alone, and as strong as their most forbidden member.

use serde_json::{Value, json};

use crate::support::{Door, Plan, Puppet, Request, Say, Seen, Session, request_message};

fn call(id: u64, tool: &str) -> Value {
    let mut message = request_message("tools/call", json!({"name": tool, "arguments": {"id": id}}));
    message["id"] = json!(id);
    message
}

fn batch(session: &Session, messages: &[Value]) -> Request {
    session.post(&json!(messages))
}

/// An upstream of 2025-03-26 that answers batches.
async fn old_server() -> Puppet {
    Puppet::start(|seen: &Seen| {
        let message = seen.message();
        let Value::Array(messages) = &message else {
            return match message["method"].as_str() {
                Some("initialize") => {
                    Say::result(seen, r#"{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{"name":"old","version":"1"}}"#)
                        .header("mcp-session-id", "old-1")
                }
                _ => Say::nothing(202),
            };
        };
        let requests = messages.iter().filter(|message| message.get("id").is_some());
        let answers: Vec<Value> =
            requests.map(|message| json!({"jsonrpc": "2.0", "id": message["id"], "result": {"content": []}})).collect();
        if answers.is_empty() { Say::nothing(202) } else { Say::json(json!(answers).to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_batch_of_the_first_revision_is_served() {
    let puppet = old_server().await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    let session = door.caller("alice").session_of("2025-03-26").await;
    let messages =
        [call(7, "one"), json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}), call(8, "two")];
    let text = format!(" [ {} ,\n{}, {} ] ", messages[0], messages[1], messages[2]);
    let answer = batch(&session, &messages).body(text.clone()).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let ids: Vec<Value> = answer.message().as_array().unwrap().iter().map(|message| message["id"].clone()).collect();
    assert_eq!(ids, [json!(7), json!(8)]);
    assert_eq!(String::from_utf8(puppet.last().body.to_vec()).unwrap(), text, "byte for byte");
    let silent = batch(&session, &messages[1..2]).without("mcp-protocol-version").send().await;
    assert_eq!((silent.status, silent.body.len()), (202, 0), "the header is younger than the revision: {silent:?}");
}

#[tokio::test]
async fn a_batch_is_served_by_a_child_too() {
    let door = Plan::stdio("both").open().await;
    let session = door.caller("alice").session_of("2025-03-26").await;
    let answer = batch(&session, &[call(7, "test_echo"), call(8, "test_echo")]).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut messages = answer.messages();
    if let [Value::Array(all)] = messages.as_slice() {
        messages = all.clone();
    }
    let mut ids: Vec<u64> = messages.iter().map(|message| message["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [7, 8]);
    assert!(messages.iter().all(|message| message["result"]["structuredContent"]["id"] == message["id"]), "{messages:?}");
}

#[tokio::test]
async fn one_forbidden_member_stops_the_whole_batch() {
    let puppet = old_server().await;
    let door = Plan::before(&puppet.url, "legacy").scopes(r#""open_*" = true, "closed" = "key", "never" = false"#).open().await;
    let session = door.caller("alice").session_of("2025-03-26").await;
    let before = puppet.seen().len();
    for position in 0..3 {
        let mut messages = vec![call(1, "open_a"), call(2, "open_b"), call(3, "open_c")];
        messages[position] = call(9, "closed");
        let answer = batch(&session, &messages).send().await;
        assert_eq!((answer.status, answer.challenge().param("scope")), (403, Some("key")), "{answer:?}");
    }
    let answer = batch(&session, &[call(1, "open_a"), call(2, "never")]).send().await;
    assert_eq!((answer.status, answer.asks_for_step_up()), (403, false));
    assert_eq!(puppet.seen().len(), before, "nothing of it reached the server");
    assert_eq!(batch(&session, &[call(1, "open_a"), call(2, "open_b")]).send().await.status, 200);
}

#[tokio::test]
async fn a_list_inside_a_batch_shows_nothing_that_is_hidden() {
    let puppet = Puppet::start(|seen: &Seen| match seen.message() {
        Value::Array(_) => Say::json(r#"[{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"hidden"},{"name":"shown"}]}}]"#),
        message if message["method"] == "initialize" => {
            Say::result(seen, r#"{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{"name":"old","version":"1"}}"#)
                .header("mcp-session-id", "old-1")
        }
        _ => Say::nothing(202),
    })
    .await;
    let door = Plan::before(&puppet.url, "legacy").scopes(r#""shown" = true"#).open().await;
    let session = door.caller("alice").session_of("2025-03-26").await;
    let answer = batch(&session, &[request_message("tools/list", json!({}))]).send().await;
    assert!(!answer.text().contains("hidden"), "{answer:?}");
}

#[tokio::test]
async fn batches_of_other_revisions_are_refused() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    for version in ["2025-06-18", "2025-11-25"] {
        let session = alice.session_of(version).await;
        let answer = batch(&session, &[call(1, "test_echo")]).send().await;
        assert_eq!(answer.verdict(), (400, Some(-32600)), "{version}: {answer:?}");
        let answer = batch(&session, &[call(1, "test_echo")]).without("mcp-protocol-version").send().await;
        assert_eq!(answer.verdict(), (400, Some(-32600)), "the session's revision counts: {answer:?}");
    }
    let modern = alice.post(json!([call(1, "test_echo")]).to_string()).header("mcp-protocol-version", "2026-07-28").send().await;
    assert_eq!(modern.verdict(), (400, Some(-32600)), "{modern:?}");
}

#[tokio::test]
async fn a_batch_cannot_be_smuggled_in_by_its_header() {
    let puppet = old_server().await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    let alice = door.caller("alice");
    let mut modern = crate::support::modern_message("tools/call", json!({"name": "any"}));
    modern["id"] = json!(5);
    let answer = alice.post(json!([modern]).to_string()).header("mcp-protocol-version", "2025-03-26").send().await;
    assert!((400..500).contains(&answer.status), "a modern message does not travel in a legacy batch: {answer:?}");
}

#[tokio::test]
async fn odd_batches_are_refused() {
    let puppet = old_server().await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    let session = door.caller("alice").session_of("2025-03-26").await;
    let before = puppet.seen().len();
    let initialize = request_message(
        "initialize",
        json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}),
    );
    let many: Vec<Value> = (0..200).map(|id| call(id, "any")).collect();
    let odd = [json!([]), json!([[]]), json!([1]), json!([initialize]), json!([call(1, "any"), initialize]), json!(many)];
    for body in odd {
        let answer = session.post(&body).send().await;
        assert_eq!(answer.verdict(), (400, Some(-32600)), "{}", answer.text());
    }
    let answer = session.post(&Value::Null).body("[").send().await;
    assert_eq!(answer.verdict(), (400, Some(-32700)), "{answer:?}");
    assert_eq!(puppet.seen().len(), before);
}

#[tokio::test]
async fn every_member_of_a_batch_counts_against_the_rate_and_stands_in_the_record() {
    let puppet = old_server().await;
    let door = Plan::before(&puppet.url, "legacy").section("[limits]\nper_subject = \"12/h\"").open().await;
    let session = door.caller("alice").session_of("2025-03-26").await;
    let messages: Vec<Value> = (0..8).map(|id| call(id, "counted")).collect();
    assert_eq!(batch(&session, &messages).send().await.status, 200);
    let refused = batch(&session, &messages).send().await;
    assert_eq!(refused.status, 429, "sixteen calls in two requests are sixteen calls: {refused:?}");
    let counted = || door.recorded_calls().iter().filter(|line| line["tool"] == "counted" && line["decision"] == "allow").count();
    let enough = async {
        while counted() < 8 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let recorded = tokio::time::timeout(std::time::Duration::from_secs(3), enough).await;
    assert!(recorded.is_ok(), "one line per call (R1), so eight, not {}", counted());
}
