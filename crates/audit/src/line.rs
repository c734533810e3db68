//! How does a record become text? As the inside of a JSON object, safe to print on a terminal.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::fmt::StdIoWrite;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The members of one line, without the braces and without the chain: `"time":"…","event":…`.
///
/// `time` is Unix time in milliseconds. The members of `content` follow in their order.
pub(crate) fn body(time: u64, content: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Members::begin(time)?.end();
    // The opening brace of the object becomes the comma after the time.
    let brace = text.len();
    content.serialize(&mut Serializer::with_formatter(&mut text, Printable))?;
    if let Some(brace) = text.get_mut(brace) {
        *brace = b',';
    }
    text.pop();
    Ok(text)
}

/// The members of one line, written one by one by who knows their names. As [`body`], but several times as quick: names
/// are copied, and so is every text that needs no escape, which is nearly every one.
pub(crate) struct Members(Vec<u8>);

impl Members {
    /// Begins with the time (Unix time in milliseconds).
    pub(crate) fn begin(time: u64) -> Result<Self, serde_json::Error> {
        let mut text = Vec::with_capacity(TYPICAL_BYTES);
        text.extend_from_slice(br#""time":""#);
        write_time(time, &mut text)?;
        text.push(b'"');
        Ok(Self(text))
    }

    pub(crate) fn text(&mut self, name: &'static str, text: &str) -> Result<(), serde_json::Error> {
        if !is_plain(text) {
            return self.member(name, text);
        }
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
        Ok(())
    }

    pub(crate) fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), serde_json::Error> {
        self.name(name);
        value.serialize(&mut Serializer::with_formatter(&mut self.0, Printable))
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.0
    }

    /// Names are ours, and none needs an escape.
    fn name(&mut self, name: &'static str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

/// Whether a text is the same inside quotation marks as outside: printable ASCII without `"` and `\`.
fn is_plain(text: &str) -> bool {
    let is_escaped = |byte: &u8| !(b' '..0x7f).contains(byte) || *byte == b'"' || *byte == b'\\';
    // Counted to the end, though the first decides: that way many bytes are looked at in one step.
    text.bytes().filter(is_escaped).count() == 0
}

/// The Unix time in milliseconds that `text` (RFC 3339) stands for.
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok()
}

fn write_time(time: u64, text: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    // A time beyond the calendar (the year 9999) is written as its last moment.
    let time = i64::try_from(time).ok().and_then(|time| Timestamp::from_millisecond(time).ok()).unwrap_or(Timestamp::MAX);
    DateTimePrinter::new()
        .precision(Some(3))
        .print_timestamp(&time, StdIoWrite(text))
        .map_err(|error| serde_json::Error::io(io::Error::other(error)))
}

/// Compact JSON in which every character that a terminal would obey, or a reader not see, is escaped.
///
/// Callers choose tool names and subjects, and people read the log on terminals.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut units = [0; 2];
        for character in fragment.chars() {
            if !is_hidden(character) {
                write!(writer, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// Controls, and the format characters that reorder or hide text (UTS #39, UTR #36).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

const TYPICAL_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn time_comes_first_in_utc_with_milliseconds() {
        let body = body(1_793_880_000_007, &BTreeMap::from([("event", "call")])).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), r#""time":"2026-11-05T12:00:00.007Z","event":"call""#);
    }

    #[test]
    fn members_written_one_by_one_are_the_same_line() {
        for text in ["", "plain ~ text", "quote \" and \\", "\u{1f}", "\u{7f}", "\u{202e}", "grün \u{1f600}", "tab\there"] {
            let mut members = Members::begin(7).unwrap();
            members.text("first", text).unwrap();
            members.member("second", &1.5).unwrap();
            let serialised = BTreeMap::from([("first", serde_json::json!(text)), ("second", serde_json::json!(1.5))]);
            let same = body(7, &serialised).unwrap();
            assert_eq!(String::from_utf8(members.end()).unwrap(), String::from_utf8(same).unwrap());
        }
    }

    #[test]
    fn a_time_is_read_as_it_was_written() {
        for time in [0, 1, 999, 1_793_880_000_000, 253_402_207_200_999] {
            let mut text = Vec::new();
            write_time(time, &mut text).unwrap();
            assert_eq!(parse_time(std::str::from_utf8(&text).unwrap()), Some(time));
        }
        assert!(body(u64::MAX, &BTreeMap::from([("event", "call")])).is_ok());
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_reads_back_the_same() {
        let hostile = "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}evil\u{200b}\u{feff}\u{e0041}\n\"\\ \u{1f600} é";
        let body = body(0, &BTreeMap::from([("tool", hostile)])).unwrap();
        let text = String::from_utf8(body).unwrap();
        assert!(!text.chars().any(is_hidden));
        assert!(text.contains("\u{1f600} é"));
        let read: serde_json::Value = serde_json::from_str(&format!("{{{text}}}")).unwrap();
        assert_eq!(read["tool"], hostile);
    }
}
