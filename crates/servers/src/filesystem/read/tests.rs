//! Are the right lines given, and long ones cut where they should be?

use std::io::{Seek, SeekFrom, Write};

use super::*;

fn file_of(bytes: &[u8]) -> (File, u64) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    (file, bytes.len() as u64)
}

fn read(bytes: &[u8], selection: Selection) -> Result<Text, Refusal> {
    let (file, size) = file_of(bytes);
    read_text(file, size, selection, &Stop::default())
}

fn lines(first: u64, last: Option<u64>) -> Selection {
    let number = |number| NonZeroU64::new(number).unwrap();
    Selection::Lines { first: number(first), last: last.map(number) }
}

fn tail(lines: u64) -> Selection {
    Selection::Tail(NonZeroU64::new(lines).unwrap())
}

fn whole(text: &str) -> Text {
    Text { text: text.to_owned(), cut: Cut::Whole }
}

#[test]
fn lines_are_chosen_from_the_start() {
    let text = "one\ntwo\r\nthree\n\nfive".as_bytes();
    assert_eq!(read(text, lines(1, None)), Ok(whole("one\ntwo\r\nthree\n\nfive")));
    assert_eq!(read(text, lines(1, Some(2))), Ok(whole("one\ntwo\r\n")));
    assert_eq!(read(text, lines(2, Some(2))), Ok(whole("two\r\n")));
    assert_eq!(read(text, lines(4, None)), Ok(whole("\nfive")));
    assert_eq!(read(text, lines(5, Some(9))), Ok(whole("five")));
    assert_eq!(read(text, lines(6, None)), Ok(whole("")));
    assert_eq!(read(b"", lines(1, None)), Ok(whole("")));
}

#[test]
fn lines_are_chosen_from_the_end() {
    let text = b"one\ntwo\nthree\n";
    assert_eq!(read(text, tail(1)), Ok(whole("three\n")));
    assert_eq!(read(text, tail(2)), Ok(whole("two\nthree\n")));
    assert_eq!(read(text, tail(3)), Ok(whole("one\ntwo\nthree\n")));
    assert_eq!(read(text, tail(u64::MAX)), Ok(whole("one\ntwo\nthree\n")));
    assert_eq!(read(b"one\ntwo", tail(1)), Ok(whole("two")));
    assert_eq!(read(b"one\n\n", tail(1)), Ok(whole("\n")));
    assert_eq!(read(b"", tail(1)), Ok(whole("")));
}

#[test]
fn what_is_not_text_is_refused_where_it_is_given_out() {
    for bytes in [&b"\x7fELF\x02\x01\x01\0"[..], b"a\xffb", b"\xff\xfea\0", b"cut \xc3"] {
        assert_eq!(read(bytes, lines(1, None)), Err(Refusal::NotText));
        assert_eq!(read(bytes, tail(1)), Err(Refusal::NotText));
    }
    assert_eq!(read(b"text\n\xff\xff\n", lines(1, Some(1))), Ok(whole("text\n")));
    assert_eq!(read(b"\xff\xff\ntext\n", lines(2, None)), Ok(whole("text\n")));
}

#[test]
fn a_long_text_is_cut_at_a_line_and_can_be_gone_on_with() {
    let line = "0123456789abcde\n";
    let count = MOST_TEXT / line.len() + 10;
    let text = line.repeat(count);
    let first = read(text.as_bytes(), lines(1, None)).unwrap();
    assert_eq!(first.text.len(), MOST_TEXT);
    let Cut::Before { next_line } = first.cut else { panic!("{:?}", first.cut) };
    let rest = read(text.as_bytes(), lines(next_line, None)).unwrap();
    assert_eq!(rest, Text { text: line.repeat(10), cut: Cut::Whole });
}

#[test]
fn lines_that_do_not_end_at_the_limit_are_cut_before_it() {
    let text = "é234567890\n".repeat(MOST_TEXT / 10);
    let first = read(text.as_bytes(), lines(3, None)).unwrap();
    assert!(first.text.len() <= MOST_TEXT && first.text.ends_with('\n'));
    let given = first.text.lines().count() as u64;
    assert_eq!(first.cut, Cut::Before { next_line: 3 + given });
    let end = read(text.as_bytes(), tail(u64::MAX)).unwrap();
    assert!(end.text.len() <= MOST_TEXT && end.text.starts_with('é'));
    assert_eq!(end.cut, Cut::Beginning);
}

#[test]
fn one_line_longer_than_the_limit_is_cut_between_characters() {
    let text = format!("a{}", "é".repeat(MOST_TEXT));
    let start = read(text.as_bytes(), lines(1, None)).unwrap();
    assert_eq!((start.text.len(), start.cut), (MOST_TEXT - 1, Cut::InsideLine));
    let end = read(format!("{text}b").as_bytes(), tail(1)).unwrap();
    assert_eq!((end.text.len(), end.cut), (MOST_TEXT - 1, Cut::Beginning));
    assert!(end.text.ends_with("éb"));
}

#[test]
fn both_ends_of_a_huge_file_are_read_without_the_middle() {
    let mut file = tempfile::tempfile().unwrap();
    let size = 1 << 40;
    file.write_all(b"first\nsecond\n").unwrap();
    file.seek(SeekFrom::Start(size - 6)).unwrap();
    file.write_all(b"\nlast\n").unwrap();
    let again = || {
        let mut file = file.try_clone().unwrap();
        file.rewind().unwrap();
        file
    };
    let stop = Stop::default();
    assert_eq!(read_text(again(), size, lines(1, Some(2)), &stop), Ok(whole("first\nsecond\n")));
    assert_eq!(read_text(again(), size, tail(1), &stop), Ok(whole("last\n")));
    assert_eq!(read_text(again(), size, lines(4, None), &stop), Err(Refusal::LineTooFar));
    let last_only = Text { text: "last\n".to_owned(), cut: Cut::Beginning };
    assert_eq!(read_text(again(), size, tail(2), &stop), Ok(last_only));
    assert_eq!(read_text(again(), size - 6, lines(3, None), &stop), Err(Refusal::NotText));
}

#[test]
fn a_file_that_grows_or_shrinks_meanwhile_is_no_fault() {
    let (file, _) = file_of(b"one\ntwo\n");
    let stop = Stop::default();
    assert_eq!(read_text(file.try_clone().unwrap(), 3, tail(1), &stop), Ok(whole("two\n")));
    assert_eq!(read_text(file, u64::MAX, tail(1), &stop), Err(Refusal::Io(rustix::io::Errno::INVAL)));
    let (file, _) = file_of(b"one\ntwo\n");
    assert_eq!(read_text(file, 1 << 30, tail(1), &stop), Ok(Text { text: String::new(), cut: Cut::Beginning }));
}
