//! Are lines found by what is asked, from the end, and as they come?

use std::fs;

use super::*;
use crate::record::{Decision, Outcome};
use crate::sink::{Auditor, Options};
use crate::testing::{NOON, Place, call};

#[test]
fn every_member_of_a_record_is_read_back() {
    let place = Place::new();
    place.write(3..4);
    let entry = read(&place.path, Filter::default()).unwrap().next().unwrap().unwrap();
    assert_eq!((entry.seq, entry.event.as_str(), entry.time_ms), (1, "call", NOON + 3000));
    assert_eq!((entry.previous.as_str(), entry.hash.len()), ("0".repeat(64).as_str(), 64));
    assert_eq!((entry.status, entry.outcome), (Some(200), Some(Outcome::Ok)));
    assert_eq!((entry.duration_ms, entry.bytes_in, entry.bytes_out), (Some(12.345), Some(150), Some(400)));
    for (found, expected) in [
        (entry.request_id, "request-3"),
        (entry.server, "payments"),
        (entry.method, "tools/call"),
        (entry.tool, "create_refund"),
        (entry.decision, "allow"),
        (entry.rule, "payments:write"),
        (entry.issuer, "https://issuer.example/"),
        (entry.subject, "alice"),
        (entry.client, "desk"),
        (entry.token_fingerprint, "ab3e8ae360dfefdf"),
        (entry.address, "192.0.2.7"),
        (entry.version, "2025-11-25"),
        (entry.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736"),
    ] {
        assert_eq!(found.as_deref(), Some(expected));
    }
    assert_eq!(entry.reason, None);
    assert_eq!(format!("{}\n", entry.line), fs::read_to_string(&place.path).unwrap());
}

#[test]
fn each_condition_of_a_filter_selects_and_all_together_must_hold() {
    let place = mixed();
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (Filter::default(), vec![0, 1, 2, 3, 4, 5]),
        (Filter { since: Some(NOON + 3000), ..Filter::default() }, vec![3, 4, 5]),
        (Filter { until: Some(NOON + 3000), ..Filter::default() }, vec![0, 1, 2]),
        (Filter { server: text("search"), ..Filter::default() }, vec![0, 2, 4]),
        (Filter { tool: text("list_refunds"), ..Filter::default() }, vec![1]),
        (Filter { subject: text("bob"), ..Filter::default() }, vec![2]),
        (Filter { outcome: Some(Outcome::Denied), ..Filter::default() }, vec![3]),
        (Filter { request_id: text("request-5"), ..Filter::default() }, vec![5]),
        (Filter { server: text("search"), subject: text("alice"), since: Some(NOON + 1), ..Filter::default() }, vec![4]),
        (Filter { server: text("nowhere"), ..Filter::default() }, vec![]),
    ] {
        let found = read(&place.path, filter.clone()).unwrap().map(Result::unwrap);
        let calls: Vec<u64> = found.filter(|entry| entry.event == "call").map(|entry| (entry.time_ms - NOON) / 1000).collect();
        assert_eq!(calls, expected, "{filter:?}");
    }
}

#[test]
fn lines_are_read_over_all_files_oldest_first() {
    let place = Place::of_three_files();
    let numbers: Vec<_> = read(&place.path, Filter::default()).unwrap().map(|entry| entry.unwrap().seq).collect();
    assert!(numbers.len() >= 12);
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
}

#[test]
fn the_tail_is_the_last_lines_admitted() {
    let place = mixed();
    let filter = Filter { server: Some("search".to_owned()), ..Filter::default() };
    let last: Vec<_> = tail(&place.path, 2, filter).unwrap().into_iter().map(|entry| entry.request_id.unwrap()).collect();
    assert_eq!(last, ["request-2", "request-4"]);
    assert_eq!(tail(&place.path, 0, Filter::default()).unwrap().len(), 0);
    assert!(tail(&place.path, 100, Filter::default()).unwrap().len() >= 6);
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_passed_over() {
    let place = Place::new();
    place.write(0..3);
    let text = fs::read_to_string(&place.path).unwrap().replacen("\"time\":\"2026-11-05T12:00:01", "\"time\":\"soon", 1);
    fs::write(&place.path, format!("{text}half a li")).unwrap();
    let found: Vec<_> = read(&place.path, Filter::default()).unwrap().collect();
    assert_eq!(found.len(), 3);
    assert!(matches!(&found[1], Err(ReadFailure::NotALine { file, line: 2 }) if *file == place.path));
    assert_eq!(found[2].as_ref().unwrap().seq, 3);
    assert_eq!(tail(&place.path, 9, Filter::default()).unwrap().len(), 2);
}

#[test]
fn a_log_that_is_not_there_is_named() {
    let place = Place::new();
    assert!(matches!(read(&place.path, Filter::default()), Err(ReadFailure::Unreadable { file, .. }) if file == place.path));
    assert!(Follower::new(&place.path, Filter::default()).is_err());
}

#[test]
fn a_follower_sees_each_new_line_once_across_rotations() {
    let place = Place::new();
    place.write(0..3);
    let filter = Filter { server: Some("payments".to_owned()), ..Filter::default() };
    let mut follower = Follower::new(&place.path, filter).unwrap();
    assert!(follower.added().unwrap().is_empty());

    let auditor = Auditor::start(Options { rotate_bytes: 2000, ..place.options() }, NOON).unwrap();
    let mut seen = Vec::new();
    for number in 3..40 {
        auditor.record(&call(number)).unwrap();
        auditor.flush().unwrap();
        seen.extend(follower.added().unwrap().into_iter().map(|entry| (entry.time_ms - NOON) / 1000));
    }
    auditor.close().unwrap();
    assert!(place.files().len() > 3);
    assert!(seen.iter().copied().eq(3..40));
}

#[test]
fn a_follower_that_was_away_for_several_rotations_misses_nothing() {
    let place = Place::new();
    place.write(0..1);
    let mut follower = Follower::new(&place.path, Filter::default()).unwrap();
    let auditor = Auditor::start(Options { rotate_bytes: 1, ..place.options() }, NOON).unwrap();
    for number in 1..10 {
        auditor.record(&call(number)).unwrap();
        auditor.flush().unwrap();
    }
    auditor.close().unwrap();
    assert!(place.files().len() > 5);
    let seen = follower.added().unwrap().into_iter().map(|entry| entry.seq);
    let last = crate::verify::verify(&place.path).unwrap().last_seq;
    assert!(seen.eq(2..=last));
}

#[test]
fn a_follower_waits_for_the_end_of_a_line() {
    let place = Place::new();
    place.write(0..2);
    let whole = fs::read(&place.path).unwrap();
    let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&place.path, &whole[..second]).unwrap();
    let mut follower = Follower::new(&place.path, Filter::default()).unwrap();
    for end in [second + 10, whole.len() - 1] {
        fs::write(&place.path, &whole[..end]).unwrap();
        assert!(follower.added().unwrap().is_empty());
    }
    fs::write(&place.path, &whole).unwrap();
    assert_eq!(follower.added().unwrap()[0].seq, 2);
    assert!(follower.added().unwrap().is_empty());
}

/// Six calls: even ones to another server, one to another tool, one by another caller, one refused.
fn mixed() -> Place {
    let place = Place::new();
    let auditor = Auditor::start(Options { rotate_bytes: 1200, ..place.options() }, NOON).unwrap();
    for number in 0..6 {
        let mut record = call(number);
        if number % 2 == 0 {
            record.server = "search".into();
        }
        match number {
            1 => record.tool = Some("list_refunds".into()),
            2 => record.subject = Some("bob".into()),
            3 => {
                record.outcome = Outcome::Denied;
                record.decision = Decision::Deny { reason: "missing_scope".into() };
            }
            _ => {}
        }
        auditor.record(&record).unwrap();
        auditor.flush().unwrap();
    }
    auditor.close().unwrap();
    place
}
