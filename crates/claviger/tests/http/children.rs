//! Programs behind the door: who shares one, what it is given, and what happens when it dies.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::support::{Plan, Signal, eventually, fixtures};

fn kill(process: u32) {
    let id = rustix::process::Pid::from_raw(process.try_into().unwrap()).unwrap();
    rustix::process::kill_process(id, Signal::KILL).unwrap();
}

#[tokio::test]
async fn modern_callers_share_one_child_and_calls_start_none() {
    let door = Plan::stdio("both").open().await;
    for number in 0..10 {
        assert_eq!(door.caller(&format!("caller-{}", number % 3)).hello().await.status, 200);
    }
    assert_eq!(fixtures(&door).len(), 1);
}

#[tokio::test]
async fn each_person_has_a_legacy_child_of_their_own() {
    let door = Plan::stdio("both").open().await;
    let (alice, bob) = (door.caller("alice"), door.caller("bob"));
    let sessions = [alice.session().await, alice.session().await, bob.session().await];
    for session in &sessions {
        assert_eq!(session.hello().await.status, 200);
    }
    assert_eq!(fixtures(&door).len(), 2, "one for alice, one for bob");
}

#[tokio::test]
async fn one_person_can_start_only_so_many() {
    let door = Plan::stdio("both").section("[limits]\nsessions_per_caller = 4\nchildren = 3").open().await;
    let mut refused = 0;
    for number in 0..20 {
        let answer = door.caller(&format!("caller-{}", number % 5)).initialize("2025-11-25").send().await;
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.message()["error"]["code"].is_i64());
            refused += 1;
        }
    }
    assert!(fixtures(&door).len() <= 3, "{:?}", fixtures(&door));
    assert!(refused > 0, "a limit that nobody meets is none");
    assert_eq!(door.get("/health").send().await.status, 200);
}

#[tokio::test]
async fn a_child_that_dies_during_a_call_is_an_error_and_the_session_lives_on() {
    let door = Plan::stdio("both").open().await;
    let session = door.caller("alice").session().await;
    assert_eq!(session.hello().await.status, 200);
    let waiting = tokio::spawn(session.tool("test_wait", json!({"milliseconds": 15_000})).send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    for child in fixtures(&door) {
        kill(child);
    }
    let answer = waiting.await.unwrap();
    let message = answer.message();
    assert!(message["error"]["code"].is_i64() && message["id"] == 1, "{answer:?}");
    let served = async {
        while session.hello().await.message().get("result").is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("the session goes on with a new child");
    let line = door.recorded("the call", |line| line["tool"] == "test_wait").await;
    assert_eq!((&line["decision"], &line["outcome"]), (&json!("allow"), &json!("error")), "{line}");
}

#[tokio::test]
async fn a_shared_child_that_dies_is_started_again() {
    let door = Plan::stdio("both").open().await;
    let alice = door.caller("alice");
    assert_eq!(alice.hello().await.status, 200);
    let first = fixtures(&door);
    for child in &first {
        kill(*child);
    }
    let served = async {
        while alice.hello().await.message().get("result").is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("a new child");
    assert_ne!(fixtures(&door), first);
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_an_error_that_names_no_path() {
    let door = Plan::of_server("command = [\"/no/such/program-of-ours\"]").open().await;
    let alice = door.caller("alice");
    for answer in [alice.hello().await, alice.initialize("2025-11-25").send().await] {
        assert!(answer.message()["error"]["code"].is_i64(), "{answer:?}");
        assert!(!answer.text().contains("program-of-ours"), "{answer:?}");
    }
    assert_eq!(door.get("/health").send().await.status, 200);
    assert_eq!(door.get("/mcp/fixture/health").send().await.status, 503);
}

#[tokio::test]
async fn a_child_gets_what_is_declared_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("environment");
    let script = format!("tr '\\0' '\\n' < /proc/self/environ > {}; exec sleep 30", seen.display());
    let plan = Plan::of_server(&format!(
        "command = [\"/bin/sh\", \"-c\", {script:?}]\nprotocol = \"modern\"\nenv = {{ DECLARED = \"yes\", KEY_OF_SERVER = \"env://KEY_OF_SERVER\" }}"
    ));
    let plan = plan
        .variable("KEY_OF_SERVER", "value-of-the-key")
        .variable("AWS_SECRET_ACCESS_KEY", "not-for-children")
        .variable("CLAVIGER_TOKEN", "nor-this");
    let door = plan.variable("LC_ALL", "C").section("[timeouts]\ndrain = \"500ms\"\ncall = \"500ms\"\nprobe = \"500ms\"").open().await;
    door.caller("alice").hello().await;
    let environment =
        eventually("the child's environment", || std::fs::read_to_string(&seen).ok().filter(|text| text.contains("DECLARED"))).await;
    let names: Vec<&str> = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for name in ["DECLARED", "KEY_OF_SERVER", "PATH", "HOME", "LC_ALL"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    // `sh` itself adds these.
    let expected = ["DECLARED", "KEY_OF_SERVER", "PATH", "HOME", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(names.iter().all(|name| expected.contains(name)), "{names:?}");
    assert!(environment.contains("KEY_OF_SERVER=value-of-the-key"));
}

#[tokio::test]
async fn the_builtin_server_stands_behind_the_same_door() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("note.txt"), "hello from a file").unwrap();
    let plan = Plan::of_server(&format!("builtin = \"filesystem\"\nroot = {:?}", folder.path().to_str().unwrap()));
    let door = plan.scopes(r#""*" = "filesystem:read""#).open().await;
    assert_eq!(door.caller("alice").call("read_text_file", json!({"path": "note.txt"})).await.status, 403);
    let alice = door.caller_with("alice", "filesystem:read");
    let read = alice.call("read_text_file", json!({"path": "note.txt"})).await;
    assert!(read.tool_text().contains("hello from a file"), "{read:?}");
    let session = alice.session().await;
    let read = session.tool("read_text_file", json!({"path": "note.txt"})).send().await;
    assert!(read.tool_text().contains("hello from a file"), "{read:?}");
    let outside = session.tool("read_text_file", json!({"path": "../../etc/passwd"})).send().await;
    assert!(!outside.text().contains("root:"), "{outside:?}");
}

/// A child that notes each line that it reads, and gives every request the same odd result.
fn odd_child(folder: &Path) -> String {
    let script = format!(
        r#"while IFS= read -r line; do
    printf '%s\n' "$line" >> {}
    id=$(printf '%s' "$line" | sed -n 's/.*"id" *: *\([0-9][0-9]*\).*/\1/p')
    [ -n "$id" ] && printf '{{"jsonrpc":"2.0", "result":%s,"id":%s}}\n' '{ODD_RESULT}' "$id"
done"#,
        folder.join("seen").display()
    );
    format!("command = [\"/bin/sh\", \"-c\", {script:?}]\nprotocol = \"modern\"")
}

const ODD_RESULT: &str = r#"{ "unknown" :1.10,"big":98765432109876543210,"content":[ ],"resultType":"something_new"}"#;
const ODD_ARGUMENTS: &str = r#"{"big":123456789012345678901234567890, "tiny":1e-400,"z":[ 1.0,2e+2 ],"a":"\u00e9 é \n"}"#;

/// A line is a message on a pipe, so line breaks between the parts of a message must go; nothing else may.
#[tokio::test]
async fn a_message_of_several_lines_reaches_a_child_on_one_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let door = Plan::of_server(&odd_child(folder.path())).open().await;
    let alice = door.caller("alice");
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"x":{"y":1.50}}"#;
    let body = format!(
        "{{\r\n  \"jsonrpc\": \"2.0\",\n  \"id\": \"my own\",\n  \"method\": \"tools/call\",\n  \"params\": {{\n    \"name\": \"odd\",\n    \"arguments\": {ODD_ARGUMENTS},\n    \"_meta\": {meta}\n  }}\n}}\n"
    );
    let answer = alice.tool("odd", json!({})).body(body).send().await;
    assert!(answer.text().contains(ODD_RESULT), "{answer:?}");
    assert_eq!(answer.message()["id"], "my own");
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    let calls: Vec<&str> = seen.lines().filter(|line| line.contains("tools/call")).collect();
    assert_eq!(calls.len(), 1, "{seen}");
    assert!(calls[0].contains(ODD_ARGUMENTS) && calls[0].contains(meta), "{seen}");
    assert!(seen.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "every line is a whole message: {seen}");
}
