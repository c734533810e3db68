//! What is kept of each call? One line with who, what, when and how it ended, chained so that nothing can be cut or changed.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::{Door, Plan, Puppet, Say, Seen, modern_message, request_message};

/// The members that every line of a call has (R1).
const ALWAYS: [&str; 14] = [
    "time",
    "event",
    "request_id",
    "server",
    "method",
    "status",
    "outcome",
    "duration_ms",
    "decision",
    "address",
    "bytes_in",
    "bytes_out",
    "seq",
    "hash",
];

fn is_whole(line: &Value) {
    for member in ALWAYS {
        assert!(line.get(member).is_some_and(|value| !value.is_null()), "{member} is missing in {line}");
    }
    assert!(line["duration_ms"].is_number() && line["bytes_in"].is_u64() && line["bytes_out"].is_u64(), "{line}");
    let time = line["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[19] == b'.', "RFC 3339 with milliseconds: {time}");
}

#[tokio::test]
async fn a_served_call_is_recorded_with_everything_that_matters() {
    let door = Plan::both().await.scopes(r#""test_echo" = "echo", "*" = true"#).open().await;
    let alice = door.caller_with("alice", "echo");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = alice.tool("test_echo", json!({"secret": "argument"})).header("traceparent", trace).send().await;
    let line = door.recorded("the call", |line| line["tool"] == "test_echo").await;
    is_whole(&line);
    let expected = json!({"server": "fixture", "method": "tools/call", "status": 200, "outcome": "ok", "decision": "allow", "rule": "test_echo",
        "subject": "alice", "client": "test-client", "issuer": door.issuer.url(), "address": "127.0.0.1", "version": "2026-07-28",
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "bytes_out": answer.body.len()});
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&line[member], value, "{member} in {line}");
    }
    assert!(line["token_fingerprint"].as_str().is_some_and(|fingerprint| fingerprint.len() == 16), "{line}");
    assert!(!line.to_string().contains("argument"));
}

#[tokio::test]
async fn the_trace_may_stand_in_the_body_too() {
    let door = Door::open().await;
    let meta = json!({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
    let answer = door.caller("alice").modern_post(&modern_message("tools/list", json!({ "_meta": meta }))).send().await;
    assert_eq!(answer.status, 200);
    let line = door.recorded("the call", |line| line["method"] == "tools/list").await;
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn every_call_has_exactly_one_line_whatever_becomes_of_it() {
    let door = Plan::both().await.scopes(r#""test_echo" = "echo", "test_*" = true"#).open().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    alice.hello().await;
    alice.call("test_echo", json!({})).await;
    alice.call("other", json!({})).await;
    door.stranger().hello().await;
    door.holder("bad.token.here").hello().await;
    session.hello().await;
    session.request("resources/read", json!({"uri": "test://user:secret@host/path?token=secret#x"})).send().await;
    alice.post("{").send().await;
    let stream = session.listening().await;
    stream.hang_up();
    session.end().send().await;
    let what = |line: &Value| {
        format!(
            "{} {} {} {}",
            line["method"].as_str().unwrap(),
            line["tool"].as_str().unwrap_or("-"),
            line["status"],
            line["outcome"].as_str().unwrap()
        )
    };
    let expected = [
        "initialize - 200 ok",
        "notifications/initialized - 202 ok",
        "tools/call test_simple_text 200 ok",
        "tools/call test_echo 403 denied",
        "tools/call other 403 denied",
        "unknown - 401 denied",
        "unknown - 401 denied",
        "tools/call test_simple_text 200 ok",
        "resources/read test://host/path 403 denied",
        "unknown - 400 denied",
        "session/listen - 200 cancelled",
        "session/end - 202 ok",
    ];
    let all = async {
        while door.recorded_calls().len() < expected.len() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let enough = tokio::time::timeout(Duration::from_secs(5), all).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let lines = door.recorded_calls();
    lines.iter().for_each(is_whole);
    let (mut found, mut wanted): (Vec<String>, Vec<String>) = (lines.iter().map(what).collect(), expected.map(str::to_owned).into());
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    assert!(enough.is_ok());
    let ids: std::collections::BTreeSet<&str> = lines.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), lines.len(), "each call has its own name");
}

#[tokio::test]
async fn denials_say_why_in_a_fixed_word() {
    let door = Plan::both().await.scopes(r#""test_echo" = "echo", "test_wait" = false, "test_*" = true"#).open().await;
    let alice = door.caller("alice");
    let resource = door.resource();
    let expired = door.holder(&door.issuer.odd_token(&resource, &json!({}), &json!({"exp": crate::support::now() - 999})));
    let foreign = alice.session().await.stolen_by(&door.caller("mallory"));
    let knocks = [
        (alice.tool("test_echo", json!({})), "insufficient_scope"),
        (alice.tool("test_wait", json!({})), "not_permitted"),
        (door.stranger().tool("test_echo", json!({})), "no_token"),
        (expired.tool("test_simple_text", json!({})), "expired"),
        (foreign.tool("test_simple_text", json!({})), "session_unknown"),
        (alice.post("{"), "malformed_message"),
    ];
    for (request, reason) in knocks {
        request.send().await;
        let line = door.recorded(reason, |line| line["reason"] == reason).await;
        assert_eq!((&line["decision"], &line["outcome"]), (&json!("deny"), &json!("denied")), "{line}");
    }
}

#[tokio::test]
async fn errors_of_the_server_are_errors_in_the_record() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    let cases =
        [(alice.tool("unknown_tool_1", json!({})), "unknown_tool_1"), (session.tool("unknown_tool_2", json!({})), "unknown_tool_2")];
    for (request, tool) in cases {
        let answer = request.send().await;
        assert!(answer.message()["error"].is_object(), "{answer:?}");
        let line = door.recorded(tool, |line| line["tool"] == tool).await;
        assert_eq!((&line["decision"], &line["outcome"]), (&json!("allow"), &json!("error")), "{line}");
    }
}

#[tokio::test]
async fn an_answer_whose_event_is_cut_on_the_network_is_recorded_as_what_it_is() {
    let puppet = Puppet::start(|seen: &Seen| {
        let message = seen.message();
        let padding = "p".repeat(20_000);
        let (outcome, before) = match message["params"]["name"].as_str() {
            Some("fails") => (r#""error":{"code":-32603,"message":"broken"}"#, ""),
            Some("fails_late") => (r#""error":{"code":-32603,"message":"broken"}"#, &*padding),
            _ => (r#""result":{"resultType":"complete","content":[]}"#, &*padding),
        };
        let stream = format!(": {before}\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{},{outcome}}}\n\n", message["id"]);
        let (sender, pieces) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            // The last bytes one by one, each in a packet of its own.
            let (head, tail) = stream.as_bytes().split_at(stream.len() - 60);
            for piece in std::iter::once(head).chain(tail.chunks(1)) {
                if sender.send(Bytes::copy_from_slice(piece)).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Say::events(pieces)
    })
    .await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    for (tool, outcome) in [("fails", "error"), ("fails_late", "error"), ("works", "ok")] {
        let answer = door.caller("alice").tool(tool, json!({})).send().await;
        assert_eq!(answer.message()["error"].is_object(), outcome == "error", "{answer:?}");
        let line = door.recorded(tool, |line| line["tool"] == tool).await;
        assert_eq!((&line["outcome"], &line["status"]), (&json!(outcome), &json!(200)), "{line}");
    }
}

#[tokio::test]
async fn long_names_are_cut() {
    let door = Door::open().await;
    let name = "n".repeat(4_000);
    door.caller("alice").call(&name, json!({})).await;
    let line = door.recorded("the call", |line| line["tool"].as_str().is_some_and(|tool| tool.starts_with("nnnn"))).await;
    assert!(line["tool"].as_str().unwrap().chars().count() <= 256);
}

#[tokio::test]
async fn a_run_verifies_and_a_changed_line_does_not() {
    let door = Plan::both().await.scopes(r#""test_*" = true"#).open().await;
    let alice = door.caller("alice");
    for number in 0..30 {
        alice.call(if number % 3 == 0 { "denied" } else { "test_simple_text" }, json!({})).await;
    }
    crate::support::eventually("all calls in the record", || (door.recorded_calls().len() == 30).then_some(())).await;
    let running = door.verify_record().await;
    assert_eq!(running.code, Some(0), "while the door runs: {running:?}");
    let (folder, ..) = door.close().await;
    let verify = async || {
        let mut command = crate::support::claviger(folder.path());
        command.args(["audit", "verify", "--state", "state"]);
        crate::support::run(command).await
    };
    let closed = verify().await;
    assert_eq!(closed.code, Some(0), "{closed:?}");
    let file = folder.path().join("state/audit/mcp_calls.jsonl");
    let good = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let without =
        |gone: usize| lines.iter().enumerate().filter(|(index, _)| *index != gone).flat_map(|(_, line)| [*line, "\n"]).collect::<String>();
    let mut swapped: Vec<&str> = lines.clone();
    swapped.swap(4, 5);
    let damages = [
        good.replacen("\"outcome\":\"denied\"", "\"outcome\":\"ok\"", 1),
        without(3),
        without(lines.len() - 1),
        swapped.join("\n") + "\n",
        format!("{good}{}\n", lines[3]),
    ];
    for damaged in damages {
        assert_ne!(damaged, good);
        std::fs::write(&file, &damaged).unwrap();
        let found = verify().await;
        assert_eq!(found.code, Some(1), "{found:?}");
        assert!(found.stderr.contains("mcp_calls.jsonl"), "{found:?}");
    }
    std::fs::write(&file, &good).unwrap();
    assert_eq!(verify().await.code, Some(0));
}

#[tokio::test]
async fn the_record_can_be_asked() {
    let door = Plan::both().await.scopes(r#""test_*" = true"#).open().await;
    let (alice, bob) = (door.caller("alice"), door.caller("bob"));
    alice.hello().await;
    bob.hello().await;
    bob.call("denied", json!({})).await;
    door.recorded("the last call", |line| line["tool"] == "denied").await;
    let asked = door.claviger(&["audit", "query", "--state", "state", "--sub", "bob", "--json"]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert_eq!(asked.stdout.lines().count(), 2, "{asked:?}");
    assert!(asked.stdout.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["subject"] == "bob"));
    let tail = door.claviger(&["audit", "tail", "-n", "1", "--state", "state"]).await;
    assert!(tail.code == Some(0) && tail.stdout.contains("denied"), "{tail:?}");
}

#[tokio::test]
async fn a_door_that_must_record_refuses_what_it_cannot_record() {
    let door = Plan::both().await.section("[audit]\nfile = \"/dev/full\"\non_failure = \"refuse\"").try_open().await;
    match door {
        // It may refuse to open at all: nothing can be recorded there.
        Err(finished) => assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}"),
        Ok(door) => {
            let alice = door.caller("alice");
            let refused = async {
                while alice.legacy(&request_message("ping", json!({}))).send().await.status != 503 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(5), refused).await.expect("unrecorded calls are refused");
            assert_eq!(door.get("/ready").send().await.status, 503);
        }
    }
}
