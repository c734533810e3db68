//! Is a whole log proved whole, and everything that can be done to one found where it was done?

use proptest::prelude::*;

use super::*;
use crate::sink::{Auditor, Options};
use crate::testing::{DAY, NOON, Place, call, lines, set_lines, write};

#[test]
fn a_whole_log_is_proved_over_all_its_files() {
    let place = Place::of_three_files();
    let report = verify(&place.path).unwrap();
    assert_eq!(report.files, place.files().len());
    assert_eq!(report.lines, all_lines(&place));
    assert_eq!((report.first_seq, report.last_seq), (1, report.lines));
    assert!(report.notices.is_empty());
    assert!(lines(&place.path).last().unwrap().contains(&report.last_hash.to_string()));
}

#[test]
fn a_log_that_nothing_was_written_to_is_whole() {
    let place = Place::new();
    place.write(0..0);
    let report = verify(&place.path).unwrap();
    assert_eq!((report.files, report.lines, report.first_seq, report.last_seq), (1, 0, 0, 0));
}

#[test]
fn a_log_that_is_not_there_is_named() {
    let place = Place::new();
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Unreadable(_)));
    assert_eq!((broken.file, broken.line), (place.path, 0));
}

#[test]
fn a_changed_byte_is_found_in_its_line() {
    let (place, file) = with_ten_lines();
    let original = lines(&file);
    for (from, to) in [("alice", "mallo"), ("\"status\":200", "\"status\":403"), ("request-4", "request-5")] {
        let mut changed = original.clone();
        changed[4] = changed[4].replace(from, to);
        set_lines(&file, &changed);
        let broken = verify(&place.path).unwrap_err();
        assert!(matches!(broken.what, Damage::Altered));
        assert_eq!((&broken.file, broken.line, broken.seq), (&file, 5, Some(5)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_changed_bit_anywhere_is_found(place_in_file in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let (place, file) = with_ten_lines();
        let mut bytes = fs::read(&file).unwrap();
        let at = place_in_file.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(&file, &bytes).unwrap();
        // Only the last newline may be hit without a fault: the line then looks as if it was just being written,
        // and the head says that it had been.
        let broken = verify(&place.path).unwrap_err();
        let line = bytes[..at].split(|byte| *byte == b'\n').count() as u64;
        prop_assert!(broken.line == line || broken.line + 1 == line, "{broken} but line {line} was changed");
    }
}

#[test]
fn a_deleted_line_is_found_at_the_line_after_it() {
    let (place, file) = with_ten_lines();
    let mut changed = lines(&file);
    changed.remove(3);
    set_lines(&file, &changed);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Missing { from: 4, to: 4 }));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 4, Some(5)));
    assert_eq!(broken.to_string(), format!("`{}` line 4: number 4 is missing", file.display()));
}

#[test]
fn deleted_first_lines_are_found() {
    let (place, file) = with_ten_lines();
    let changed = lines(&file).split_off(2);
    set_lines(&file, &changed);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Missing { from: 1, to: 2 }));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 1, Some(3)));
}

#[test]
fn a_swapped_pair_is_found_at_the_first_of_the_two() {
    let (place, file) = with_ten_lines();
    let mut changed = lines(&file);
    changed.swap(5, 6);
    set_lines(&file, &changed);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Moved { expected: 6 }));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 6, Some(7)));
}

#[test]
fn an_inserted_line_is_found_whether_copied_made_up_or_forged() {
    let (place, file) = with_ten_lines();
    let original = lines(&file);

    let mut copied = original.clone();
    copied.insert(7, original[2].clone());
    set_lines(&file, &copied);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Inserted { expected: 8 }));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 8, Some(3)));

    let mut made_up = original.clone();
    made_up.insert(7, r#"{"time":"2026-11-05T12:00:00.000Z","event":"call"}"#.to_owned());
    set_lines(&file, &made_up);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Malformed));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 8, None));

    // With a right hash and number even, it has no room before its successor.
    let mut forged = original.clone();
    forged.insert(7, forge(&original[6], "forged"));
    set_lines(&file, &forged);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Inserted { expected: 9 }));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 9, Some(8)));
}

#[test]
fn a_replaced_line_with_a_right_hash_is_found_at_its_successor() {
    let (place, file) = with_ten_lines();
    let mut changed = lines(&file);
    changed[4] = forge(&changed[3], "replaced");
    set_lines(&file, &changed);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Unlinked));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 6, Some(6)));
}

#[test]
fn a_truncated_tail_is_found_whether_cut_between_lines_or_within_one() {
    let (place, file) = with_ten_lines();
    let original = fs::read(&file).unwrap();

    let mut shorter = lines(&file);
    shorter.truncate(8);
    set_lines(&file, &shorter);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Missing { from: 9, to: 10 }));
    assert_eq!((&broken.file, broken.line, broken.seq), (&file, 8, Some(8)));

    fs::write(&file, &original[..original.len() - 100]).unwrap();
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Missing { from: 10, to: 10 }));

    fs::write(&file, "").unwrap();
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Missing { from: 1, to: 10 }));
    assert_eq!((&broken.file, broken.line), (&file, 0));
}

#[test]
fn a_rewritten_tail_is_found_by_the_head() {
    let (place, file) = with_ten_lines();
    let mut changed = lines(&file);
    changed[9] = forge(&changed[8], "rewritten");
    set_lines(&file, &changed);
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Head(HeadState::Differs)));
    assert_eq!((&broken.file, broken.line), (&file, 10));
}

#[test]
fn a_deleted_file_is_found_at_the_first_line_of_the_next() {
    for deleted in 0..2 {
        let place = Place::of_three_files();
        let files = place.files();
        let (first, next) = (Sealed::parse(lines(&files[deleted])[0].as_bytes()).unwrap().seq, first_seq(&files[deleted + 1]));
        fs::remove_file(&files[deleted]).unwrap();
        let broken = verify(&place.path).unwrap_err();
        assert!(matches!(broken.what, Damage::Missing { from, to } if from == first && to == next - 1));
        assert_eq!((&broken.file, broken.line, broken.seq), (&files[deleted + 1], 1, Some(next)));
    }
}

#[test]
fn a_deleted_live_file_is_found() {
    let place = Place::of_three_files();
    fs::remove_file(&place.path).unwrap();
    let broken = verify(&place.path).unwrap_err();
    assert_eq!(broken.file, place.path);
    assert!(matches!(broken.what, Damage::Unreadable(_)));
    fs::write(&place.path, "").unwrap();
    let broken = verify(&place.path).unwrap_err();
    assert!(matches!(broken.what, Damage::Missing { .. }));
    assert_eq!(broken.file, place.path);
}

#[test]
fn files_renamed_into_each_other_are_found() {
    let place = Place::of_three_files();
    let files = place.files();
    let other = place.file("other");
    fs::rename(&files[0], &other).unwrap();
    fs::rename(&files[1], &files[0]).unwrap();
    fs::rename(&other, &files[1]).unwrap();
    let broken = verify(&place.path).unwrap_err();
    assert_eq!((&broken.file, broken.line), (&files[1], 1));
}

#[test]
fn a_missing_or_foreign_head_is_found() {
    let (place, _) = with_ten_lines();
    fs::write(place.file("mcp_calls.head"), "nonsense").unwrap();
    assert!(matches!(verify(&place.path).unwrap_err().what, Damage::Head(HeadState::Missing)));
    fs::remove_file(place.file("mcp_calls.head")).unwrap();
    assert!(matches!(verify(&place.path).unwrap_err().what, Damage::Head(HeadState::Missing)));
}

#[test]
fn who_lacks_the_key_cannot_shorten_log_and_head_together() {
    let key = HeadKey::new(&[3; 32]);
    let place = Place::new();
    write(Options { head_key: Some(key.clone()), ..place.options() }, 0..10);
    let expected = Expectation { head_key: Some(key), ..Expectation::default() };
    assert_eq!(verify_against(&place.path, &expected).unwrap().lines, 10);

    let mut shorter = lines(&place.path);
    shorter.truncate(8);
    set_lines(&place.path, &shorter);
    let last = Sealed::parse(shorter[7].as_bytes()).unwrap();
    fs::write(place.file("mcp_calls.head"), format!(r#"{{"seq":8,"hash":"{}"}}"#, last.hash)).unwrap();
    assert!(verify(&place.path).is_ok());
    let broken = verify_against(&place.path, &expected).unwrap_err();
    assert!(matches!(broken.what, Damage::Head(HeadState::Unauthentic)));
}

#[test]
fn an_anchor_kept_elsewhere_must_be_in_the_log() {
    let (place, _) = with_ten_lines();
    let report = verify(&place.path).unwrap();
    place.write(10..20);
    let expect = |seq, hash| Expectation { anchor: Some((seq, hash)), ..Expectation::default() };
    assert!(verify_against(&place.path, &expect(report.last_seq, report.last_hash)).is_ok());
    for (seq, hash) in [(report.last_seq, Hash::NONE), (99, report.last_hash)] {
        let broken = verify_against(&place.path, &expect(seq, hash)).unwrap_err();
        assert!(matches!(broken.what, Damage::Anchor { seq: named } if named == seq));
    }
}

#[test]
fn files_deleted_for_their_age_leave_the_rest_proved() {
    let place = Place::of_three_files();
    let before = place.files().len();
    let auditor = Auditor::start(place.options(), NOON + 91 * DAY).unwrap();
    auditor.close().unwrap();
    let report = verify(&place.path).unwrap();
    assert!(report.files < before);
    assert!(report.first_seq > 1);

    // Without the line that says so, the deletion is a theft.
    let mut changed = lines(&place.path);
    changed.retain(|line| !line.contains("chain.pruned"));
    set_lines(&place.path, &changed);
    assert!(verify(&place.path).is_err());
}

#[test]
fn an_unfinished_line_beyond_the_head_is_a_notice() {
    let (place, file) = with_ten_lines();
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend_from_slice(br#"{"seq":11,"prev"#);
    fs::write(&file, &bytes).unwrap();
    let report = verify(&place.path).unwrap();
    assert_eq!(report.notices, [Notice::Unfinished { file, line: 11, bytes: 15 }]);
}

#[test]
fn a_log_is_proved_while_it_is_written_and_rotated() {
    let place = Place::new();
    let options = Options { rotate_bytes: 4096, ..place.options() };
    let auditor = Auditor::start(options, NOON).unwrap();
    let recorder = auditor.clone();
    let writing = std::thread::spawn(move || {
        for number in 0..5_000 {
            recorder.record(&call(number)).unwrap();
            if number % 50 == 0 {
                recorder.flush().unwrap();
            }
        }
    });
    while !writing.is_finished() {
        verify(&place.path).unwrap();
    }
    writing.join().unwrap();
    auditor.close().unwrap();
    let report = verify(&place.path).unwrap();
    assert!(report.lines >= 5_000 && report.files > 10);
}

/// A log of ten calls in one file.
fn with_ten_lines() -> (Place, PathBuf) {
    let place = Place::new();
    place.write(0..10);
    let file = place.path.clone();
    (place, file)
}

/// A line of its own content with a right hash, number and predecessor.
fn forge(after: &str, subject: &str) -> String {
    let mut end = Sealed::parse(after.as_bytes()).unwrap().end();
    let mut line = Vec::new();
    let body = format!(r#""time":"2026-11-05T12:00:00.000Z","event":"call","subject":"{subject}""#);
    end.append(body.as_bytes(), &mut line);
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

fn first_seq(file: &Path) -> u64 {
    Sealed::parse(lines(file)[0].as_bytes()).unwrap().seq
}

fn all_lines(place: &Place) -> u64 {
    place.files().iter().map(|file| lines(file).len() as u64).sum()
}
