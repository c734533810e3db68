//! Does a start after a crash, or after a stranger's hand, find its way and say what it found?

use super::*;
use crate::event::HeadState;
use crate::testing::{set_lines, write};
use crate::verify::Notice;

#[test]
fn a_torn_last_line_is_kept_aside_and_recorded() {
    for torn in [&br#"{"seq":11,"previous":"00"#[..], &[0; 5000], b"x"] {
        let place = with_ten_lines();
        let whole = fs::read(&place.path).unwrap();
        fs::write(&place.path, [&whole, torn].concat()).unwrap();

        place.write(10..12);
        let repaired = only_repair(&place);
        assert_eq!((repaired["seq"].as_u64(), repaired["after_seq"].as_u64()), (Some(11), Some(10)));
        assert_eq!(repaired["torn_bytes"].as_u64(), Some(torn.len() as u64));
        assert_eq!((&repaired["kept_in"], &repaired["head"]), (&"mcp_calls.torn".into(), &"agrees".into()));
        assert_eq!(fs::read(place.file("mcp_calls.torn")).unwrap(), [torn, b"\n"].concat());

        let report = verify(&place.path).unwrap();
        assert_eq!(report.lines, 13);
        let notice =
            Notice::Repaired { file: place.path.clone(), line: 11, torn_bytes: torn.len() as u64, lost_lines: 0, head: HeadState::Agrees };
        assert_eq!(report.notices, [notice]);
    }
}

#[test]
fn a_damaged_last_line_is_kept_aside_and_counted_as_lost() {
    let place = with_ten_lines();
    let mut changed = lines(&place.path);
    changed[9] = changed[9].replace("alice", "mallo");
    set_lines(&place.path, &changed);
    place.write(10..11);
    let repaired = only_repair(&place);
    assert_eq!((repaired["after_seq"].as_u64(), repaired["lost_lines"].as_u64()), (Some(9), Some(1)));
    assert_eq!(lines(&place.file("mcp_calls.torn"))[0], changed[9]);
    assert_eq!(verify(&place.path).unwrap().notices.len(), 1);
}

#[test]
fn a_first_line_that_was_torn_is_no_hindrance() {
    let place = Place::new();
    place.write(0..0);
    fs::write(&place.path, r#"{"seq":1,"prev"#).unwrap();
    place.write(0..1);
    let report = verify(&place.path).unwrap();
    assert_eq!((report.lines, report.notices.len()), (2, 1));
}

#[test]
fn lines_cut_off_before_a_start_are_counted_and_reported() {
    let place = with_ten_lines();
    let mut shorter = lines(&place.path);
    shorter.truncate(7);
    set_lines(&place.path, &shorter);
    place.write(10..11);
    assert_eq!(only_repair(&place)["lost_lines"].as_u64(), Some(3));
    let notices = verify(&place.path).unwrap().notices;
    assert!(matches!(notices[..], [Notice::Repaired { lost_lines: 3, line: 8, .. }]));
    assert!(notices[0].to_string().ends_with("line 8: mended at a start: 0 bytes torn, 3 lines lost, head agrees"));
}

#[test]
fn a_head_that_is_missing_differs_or_is_foreign_is_recorded() {
    let key = || Some(HeadKey::new(&[1; 32]));
    let head = |seq: u64| format!(r#"{{"seq":{seq},"hash":"{}"}}"#, "a".repeat(64));
    for (content, head_key, expected) in [
        ("{}".to_owned(), None, "missing"),
        (head(10), None, "differs"),
        (head(10), key(), "unauthentic"),
        (head(12), key(), "unauthentic"),
    ] {
        let place = with_ten_lines();
        fs::write(place.file("mcp_calls.head"), content).unwrap();
        write(Options { head_key, ..place.options() }, 10..11);
        assert_eq!(only_repair(&place)["head"], expected);
        assert_eq!(verify(&place.path).unwrap().notices.len(), 1);
    }
}

#[test]
fn a_start_after_an_orderly_end_records_no_repair() {
    let place = with_ten_lines();
    place.write(10..20);
    assert_eq!(verify(&place.path).unwrap().lines, 20);
    assert!(!fs::read_to_string(&place.path).unwrap().contains("chain."));
}

#[test]
fn a_head_left_behind_by_a_crash_is_in_order() {
    let place = with_ten_lines();
    let head = fs::read(place.file("mcp_calls.head")).unwrap();
    place.write(10..12);
    fs::write(place.file("mcp_calls.head"), head).unwrap();
    place.write(12..13);
    let report = verify(&place.path).unwrap();
    assert_eq!((report.lines, report.notices.len()), (13, 0));
}

#[test]
fn a_crash_in_the_middle_of_a_rotation_is_no_hindrance() {
    // Between its two steps: the file has both names, and the next one is made.
    let place = with_ten_lines();
    let aside = place.file("mcp_calls.000000000001.jsonl");
    fs::hard_link(&place.path, &aside).unwrap();
    fs::write(place.file("mcp_calls.next"), "").unwrap();
    assert_eq!(verify(&place.path).unwrap().lines, 10);

    let auditor = Auditor::start(Options { rotate_bytes: 1, ..place.options() }, NOON).unwrap();
    auditor.record(&call(10)).unwrap();
    auditor.close().unwrap();
    let report = verify(&place.path).unwrap();
    assert!(report.notices.is_empty());
    assert!(entries(&place.path).iter().any(|entry| entry.line.contains(r#""from":"mcp_calls.000000000001.jsonl""#)));
}

#[test]
fn a_log_without_its_newest_file_continues_the_one_before() {
    let place = with_ten_lines();
    fs::rename(&place.path, place.file("mcp_calls.000000000001.jsonl")).unwrap();
    write(Options { rotate_bytes: 1, ..place.options() }, 10..12);
    let report = verify(&place.path).unwrap();
    assert!(report.notices.is_empty());
    assert!(entries(&place.path)[10].line.contains(r#""event":"chain.carried","from":"mcp_calls.000000000001.jsonl""#));
}

#[test]
fn a_lost_live_file_is_counted_and_the_chain_goes_on() {
    let place = Place::of_three_files();
    place.write(10..20);
    let last = verify(&place.path).unwrap().last_seq;
    fs::remove_file(&place.path).unwrap();
    place.write(20..21);
    let report = verify(&place.path).unwrap();
    assert!(matches!(report.notices[..], [Notice::Repaired { lost_lines, .. }] if lost_lines > 10 && lost_lines < last));
}

#[test]
fn what_is_not_an_audit_log_is_refused_and_left_alone() {
    let place = Place::new();
    for content in ["{\"some\":\"other\"}\n{\"json\":\"lines\"}\n".to_owned(), "\n".to_owned(), "x".repeat(2 * 1024 * 1024)] {
        fs::write(&place.path, &content).unwrap();
        assert!(matches!(Auditor::start(place.options(), NOON), Err(AuditError::NotALog { .. })));
        assert_eq!(fs::read_to_string(&place.path).unwrap(), content);
    }
    for path in [place.folder.path(), Path::new("/dev/full")] {
        assert!(matches!(opening::open(Options::at(path), NOON), Err(AuditError::NotAFile { .. })));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = Place::new();
    fs::write(place.file("in the way"), "").unwrap();
    let refused = Auditor::start(Options::at(place.file("in the way/mcp_calls.jsonl")), NOON).err().unwrap();
    assert!(matches!(&refused, AuditError::Open { .. }));
    assert!(refused.to_string().contains("in the way"));
}

fn with_ten_lines() -> Place {
    let place = Place::new();
    place.write(0..10);
    place
}

fn only_repair(place: &Place) -> serde_json::Value {
    let repairs: Vec<_> = entries(&place.path).into_iter().filter(|entry| entry.event == "chain.repaired").collect();
    assert_eq!(repairs.len(), 1);
    serde_json::from_str(&repairs[0].line).unwrap()
}
