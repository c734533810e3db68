//! Is a record written as it is documented, and does it keep secrets out?

use serde_json::{Value, json};

use super::*;
use crate::chain::{End, Sealed};
use crate::testing::{NOON, call};

#[test]
fn a_full_record_has_every_member_in_its_order() {
    let expected = concat!(
        r#""time":"2026-11-05T12:00:03.000Z","event":"call","request_id":"request-3","server":"payments","#,
        r#""method":"tools/call","tool":"create_refund","status":200,"outcome":"ok","duration_ms":12.345,"#,
        r#""decision":"allow","rule":"payments:write","issuer":"https://issuer.example/","subject":"alice","#,
        r#""client":"desk","token_fingerprint":"ab3e8ae360dfefdf","address":"192.0.2.7","version":"2025-11-25","#,
        r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","bytes_in":150,"bytes_out":400"#,
    );
    assert_eq!(text(&call(3)), expected);
}

#[test]
fn what_there_was_none_of_is_left_out_and_an_unfilled_record_says_the_worst() {
    let record = CallRecord::new(NOON, "request-1", "");
    let expected = json!({
        "time": "2026-11-05T12:00:00.000Z", "event": "call", "request_id": "request-1", "server": "",
        "status": 500, "outcome": "error", "duration_ms": 0.0, "decision": "deny", "reason": "undecided",
        "bytes_in": 0, "bytes_out": 0,
    });
    assert_eq!(value(&record), expected);
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let mut record = CallRecord::new(NOON, "r".repeat(256), "s".repeat(257));
    record.tool = Some("ü".repeat(10_000).into());
    record.subject = Some("ü".repeat(256).into());
    let value = value(&record);
    assert_eq!(value["request_id"], "r".repeat(256));
    assert_eq!(value["server"], format!("{}…", "s".repeat(255)));
    assert_eq!(value["tool"], format!("{}…", "ü".repeat(255)));
    assert_eq!(value["subject"], "ü".repeat(256));
}

#[test]
fn credentials_in_a_resource_are_left_out() {
    for (target, shown) in [
        ("https://user:password@host/path?key=secret#secret", "https://host/path"),
        ("https://host?key=secret", "https://host"),
        ("https://user:pass@word@host/a@b", "https://host/a@b"),
        ("https://host/path#secret", "https://host/path"),
        ("file:///home/alice/notes.txt", "file:///home/alice/notes.txt"),
        ("create_refund", "create_refund"),
        ("what?", "what?"),
        ("a@b", "a@b"),
    ] {
        assert_eq!(without_secrets(target), shown);
    }
}

#[test]
fn a_duration_has_microseconds_and_no_more() {
    for (nanoseconds, shown) in [(0, 0.0), (1_499, 0.001), (1_234_567, 1.235), (90_000_000_000, 90_000.0)] {
        assert!((milliseconds(Duration::from_nanos(nanoseconds)) - shown).abs() < 1e-9);
    }
}

#[test]
fn no_output_of_a_record_holds_the_token() {
    let record = call(1);
    for output in [text(&record), format!("{record:?}")] {
        assert!(!output.contains("the-token-itself"));
    }
}

#[test]
fn a_refusal_gives_its_reason_and_no_rule() {
    let mut record = call(1);
    record.decision = Decision::Deny { reason: "expired".into() };
    record.outcome = Outcome::Denied;
    let value = value(&record);
    assert_eq!((&value["decision"], &value["reason"], &value["outcome"]), (&json!("deny"), &json!("expired"), &json!("denied")));
    assert_eq!(value.get("rule"), None);
}

fn text(record: &CallRecord<'_>) -> String {
    String::from_utf8(record.body().unwrap()).unwrap()
}

fn value(record: &CallRecord<'_>) -> Value {
    serde_json::from_str(&format!("{{{}}}", text(record))).unwrap()
}

#[test]
fn the_reference_shows_whole_lines_and_names_every_member_there_is() {
    let example = REFERENCE.split("```jsonl\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut end = End::GENESIS;
    for shown in example.lines() {
        let sealed = Sealed::parse(shown.as_bytes()).ok().unwrap();
        assert_eq!((sealed.seq, sealed.previous), (end.seq + 1, end.hash));
        end = sealed.end();
    }
    assert!(example.contains(&text(&call(3))), "the example of a call is what is written for it");

    let table = REFERENCE.split("## Members of a call").nth(1).and_then(|rest| rest.split("## Events").next()).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let written = value(&call(3));
    let shared = ["time", "event"];
    let mut members: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).filter(|name| !shared.contains(name)).collect();
    members.push("reason");
    members.sort_unstable();
    let mut documented: Vec<_> = rows.collect();
    documented.sort_unstable();
    assert_eq!(documented, members);
}

const REFERENCE: &str = include_str!("../../../../docs/reference/audit.md");
