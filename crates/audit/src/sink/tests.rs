//! Does every record reach the log, in order and once, and is it said when one does not?

mod failing;
mod mending;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::query;
use crate::testing::{DAY, NOON, Place, call, lines};
use crate::verify::verify;

#[test]
fn records_and_events_stand_in_the_log_in_their_order() {
    let place = Place::new();
    let auditor = place.start();
    let started = Event::DoorStarted { version: "0.1.0".into(), listen: "127.0.0.1:8080".into(), servers: vec!["payments".into()] };
    auditor.event(NOON, &started).unwrap();
    auditor.record(&call(1)).unwrap();
    auditor.record(&call(2)).unwrap();
    auditor.event(NOON + 3000, &Event::DoorStopped { reason: "SIGTERM".into() }).unwrap();
    auditor.flush().unwrap();

    let seen: Vec<_> = entries(&place.path).into_iter().map(|entry| (entry.seq, entry.event, entry.request_id)).collect();
    let expected = [
        (1, "door.started".to_owned(), None),
        (2, "call".to_owned(), Some("request-1".to_owned())),
        (3, "call".to_owned(), Some("request-2".to_owned())),
        (4, "door.stopped".to_owned(), None),
    ];
    assert_eq!(seen, expected);
    assert!(lines(&place.path)[0].contains(r#""event":"door.started","version":"0.1.0","listen":"127.0.0.1:8080","servers":["payments"]"#));
    assert!(auditor.health().is_ok());
    auditor.close().unwrap();
    assert_eq!(verify(&place.path).unwrap().lines, 4);
}

#[test]
fn files_and_a_folder_made_for_them_are_for_the_owner_only() {
    let place = Place::new();
    let path = place.file("audit/mcp_calls.jsonl");
    let auditor = Auditor::start(Options { rotate_bytes: 1, ..Options::at(&path) }, NOON).unwrap();
    auditor.record(&call(1)).unwrap();
    auditor.close().unwrap();
    let folder = path.parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    let modes: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| mode(&entry.unwrap().path())).collect();
    assert!(modes.len() >= 3 && modes.iter().all(|mode| *mode == 0o600));
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let place = Place::new();
    let first = place.start();
    let refused = Auditor::start(place.options(), NOON).err().unwrap();
    assert!(matches!(&refused, AuditError::InUse { path } if *path == place.path));
    first.record(&call(1)).unwrap();
    first.close().unwrap();
    place.start().close().unwrap();
    assert_eq!(verify(&place.path).unwrap().lines, 1);
}

#[test]
fn a_closed_log_takes_nothing_and_says_so() {
    let place = Place::new();
    let auditor = place.start();
    auditor.record(&call(1)).unwrap();
    auditor.close().unwrap();
    assert_eq!(auditor.record(&call(2)), Err(NotRecorded::Stopped));
    assert!(matches!(auditor.health(), Err(Reason::Stopped)));
    assert!(matches!(auditor.flush(), Err(Reason::Stopped)));
    assert_eq!(auditor.lost(), 1);
    auditor.close().unwrap();
    assert_eq!(lines(&place.path).len(), 1);
}

#[test]
fn what_was_recorded_is_written_even_if_nobody_closes() {
    let place = Place::new();
    let auditor = place.start();
    for number in 0..100 {
        auditor.record(&call(number)).unwrap();
    }
    drop(auditor);
    eventually(|| lines(&place.path).len() == 100);
    // The lock goes with the thread, a moment after the last line.
    eventually(|| Auditor::start(place.options(), NOON).is_ok());
}

#[test]
fn many_recorders_at_once_lose_nothing() {
    let place = Place::new();
    let auditor = Auditor::start(Options { rotate_bytes: 100_000, queue: 64, ..place.options() }, NOON).unwrap();
    let recorders: Vec<_> = (0..8)
        .map(|_| {
            let auditor = auditor.clone();
            std::thread::spawn(move || (0..500).for_each(|number| auditor.record(&call(number)).unwrap()))
        })
        .collect();
    for recorder in recorders {
        recorder.join().unwrap();
    }
    auditor.close().unwrap();
    verify(&place.path).unwrap();
    assert_eq!(entries(&place.path).iter().filter(|entry| entry.event == "call").count(), 4000);
}

#[test]
fn every_durability_brings_lines_to_the_file_unasked() {
    for durability in [Durability::Batch, Durability::Interval(Duration::from_millis(5)), Durability::None] {
        let place = Place::new();
        let auditor = Auditor::start(Options { durability, ..place.options() }, NOON).unwrap();
        for number in 0..3 {
            auditor.record(&call(number)).unwrap();
            eventually(|| lines(&place.path).len() as u64 == number + 1);
        }
        // Long enough for a due moment to come and go.
        std::thread::sleep(Duration::from_millis(20));
        auditor.close().unwrap();
        assert_eq!(verify(&place.path).unwrap().lines, 3);
    }
}

#[test]
fn a_full_file_is_set_aside_and_the_next_says_what_it_continues() {
    let place = Place::new();
    let auditor = Auditor::start(Options { rotate_bytes: 1500, ..place.options() }, NOON).unwrap();
    for number in 0..9 {
        auditor.record(&call(number)).unwrap();
        auditor.flush().unwrap();
    }
    auditor.close().unwrap();
    let files = place.files();
    assert!(files.len() >= 3);
    assert_eq!(files[0], place.file("mcp_calls.000000000001.jsonl"));
    for pair in files.windows(2) {
        let first: serde_json::Value = serde_json::from_str(&lines(&pair[1])[0]).unwrap();
        assert_eq!(first["event"], "chain.carried");
        assert_eq!(first["from"], pair[0].file_name().unwrap().to_str().unwrap());
        let last: serde_json::Value = serde_json::from_str(lines(&pair[0]).last().unwrap()).unwrap();
        assert_eq!(first["previous"], last["hash"]);
        assert_eq!(first["seq"].as_u64(), last["seq"].as_u64().map(|seq| seq + 1));
    }
    verify(&place.path).unwrap();
}

#[test]
fn complete_files_are_deleted_when_all_their_lines_are_too_old() {
    let place = Place::new();
    let options = || Options { retention_days: NonZeroU32::new(30), rotate_bytes: 1, ..place.options() };
    let auditor = Auditor::start(options(), NOON).unwrap();
    fs::write(place.file("mcp_calls.notes.jsonl"), "not ours").unwrap();
    for day in 0..40 {
        let mut record = call(0);
        record.time = NOON + day * DAY;
        auditor.record(&record).unwrap();
        auditor.flush().unwrap();
        verify(&place.path).unwrap();
    }
    auditor.close().unwrap();

    let kept: Vec<_> = entries(&place.path).into_iter().filter(|entry| entry.event == "call").map(|entry| entry.time_ms).collect();
    let last = NOON + 39 * DAY;
    assert!(kept.iter().all(|time| *time + 32 * DAY > last), "lines older than 30 days and a file are gone");
    assert!((last - 30 * DAY..=last).step_by(usize::try_from(DAY).unwrap()).all(|time| kept.contains(&time)), "no younger ones are");
    assert!(place.file("mcp_calls.notes.jsonl").exists());
    assert!(verify(&place.path).unwrap().first_seq > 1);
}

#[test]
fn without_a_retention_nothing_is_deleted() {
    let place = Place::of_three_files();
    let before = place.files();
    Auditor::start(Options { retention_days: None, ..place.options() }, NOON + 4000 * DAY).unwrap().close().unwrap();
    assert_eq!(place.files(), before);
}

#[test]
fn no_error_or_option_prints_a_key() {
    let reasons = [Reason::Stopped.to_string(), format!("{:?}", Reason::Stopped), format!("{:?}", NotRecorded::Full)];
    assert!(reasons.iter().all(|text| !text.contains("key")));
    // `Options`, `HeadKey`, `Fingerprinter` and `Expectation` have no `Debug` to print with; a record has no token to print.
    let record = format!("{:?}", call(1));
    assert!(!record.contains("the-token-itself") && record.contains("Fingerprint"));
}

fn entries(path: &Path) -> Vec<query::Entry> {
    query::read(path, query::Filter::default()).unwrap().map(Result::unwrap).collect()
}

/// Waits, at most ten seconds, until something is so.
#[expect(clippy::disallowed_methods, reason = "a test waits for a thread that runs on real time")]
fn eventually(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "it did not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
