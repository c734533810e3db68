//! What may a child's own words show? Its standard error goes to the log line by line: capped, escaped, and with every secret that it was
//! given masked.

use std::io;
use std::sync::Arc;

use broker::value::Value;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::AsyncRead;
use zeroize::Zeroizing;

use super::line::{Line, Lines};

/// Knows the secrets of one child and writes `****` where they stand.
#[derive(Default)]
pub(super) struct Masker {
    /// One on a line, longest first, so that a secret which holds another one is masked whole. They are kept as long as the child lives, so not in common memory.
    secrets: Option<Value>,
    /// Nothing is shown at all: which secrets it may hold is not known.
    hides_all: bool,
}

impl Masker {
    /// Takes the secrets that a child was given. A secret of several lines counts line by line, as a log shows it; fragments
    /// under [`SHORTEST_MASKED`] bytes are too common to be masked.
    pub(super) fn new<'s>(values: impl IntoIterator<Item = &'s SecretString>) -> io::Result<Self> {
        let lines = values.into_iter().flat_map(|value| value.expose_secret().lines()).map(str::trim);
        let mut secrets: Vec<&str> = lines.filter(|line| line.len() >= SHORTEST_MASKED).collect();
        if secrets.is_empty() {
            return Ok(Self::default());
        }
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let secrets = Zeroizing::new(secrets.join("\n"));
        Ok(Self { secrets: Some(Value::new(&secrets)?), hides_all: false })
    }

    /// Knows no secret, and shows nothing.
    pub(super) fn of_everything() -> Self {
        Self { secrets: None, hides_all: true }
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().flat_map(|secrets| secrets.expose().lines())
    }

    /// The line as the log may show it: masked, then escaped, then cut to [`SHOWN_BYTES`].
    pub(super) fn show(&self, line: &Line) -> String {
        if self.hides_all {
            return MASK.to_owned();
        }
        let (bytes, is_cut) = match line {
            Line::Whole(bytes) => (bytes, false),
            Line::Cut(bytes) => (bytes, true),
        };
        let mut text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
        for secret in self.secrets() {
            if text.contains(secret) {
                text = Zeroizing::new(text.replace(secret, MASK));
            }
        }
        // Where the reader cut the line, the start of a secret may stand unmasked at the end.
        if is_cut {
            let longest = self.secrets().next().map_or(0, str::len);
            let safe = text.len().saturating_sub(longest + char::REPLACEMENT_CHARACTER.len_utf8());
            truncate(&mut text, safe);
        }
        let mut shown = escape_controls(&text);
        if is_cut || shown.len() > SHOWN_BYTES {
            truncate(&mut shown, SHOWN_BYTES);
            shown.push('…');
        }
        shown
    }
}

/// Copies a child's standard error to the log until it ends.
pub(super) async fn log_stderr(server: Arc<str>, stderr: impl AsyncRead + Unpin, masker: Arc<Masker>) {
    let mut lines = Lines::new(stderr, LINE_BYTES);
    while let Ok(Some(line)) = lines.next().await {
        tracing::info!(target: "upstream", server = %server, "{}", masker.show(&line));
    }
}

/// Control and format characters could forge log lines or drive a terminal.
fn escape_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\t' || !is_unsafe(character) {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_unicode());
        }
    }
    escaped
}

fn is_unsafe(character: char) -> bool {
    let is_bidi_or_invisible =
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    character.is_control() || is_bidi_or_invisible
}

fn truncate(text: &mut String, bytes: usize) {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

const MASK: &str = "****";

/// Shorter secrets would mask half of every line, and are guessed rather than read.
const SHORTEST_MASKED: usize = 6;

/// How much of a line is read, in bytes.
const LINE_BYTES: usize = 16 * 1024;

/// How much of a line is shown, in bytes.
const SHOWN_BYTES: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn masker(secrets: &[&str]) -> Masker {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Masker::new(&secrets).unwrap()
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.to_owned().into_bytes().into())
    }

    #[test]
    fn every_occurrence_of_a_secret_is_masked() {
        let shown = masker(&["hunter2-hunter2"]).show(&whole("key=hunter2-hunter2 again hunter2-hunter2!"));
        assert_eq!(shown, "key=**** again ****!");
    }

    #[test]
    fn longer_secret_is_masked_before_the_one_inside_it() {
        assert_eq!(masker(&["secret", "secret-longer"]).show(&whole("a secret-longer b secret c")), "a **** b **** c");
    }

    #[test]
    fn secret_of_several_lines_is_masked_line_by_line() {
        let masker = masker(&["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"]);
        assert_eq!(masker.show(&whole("read MIIEvQIBADANBg from file")), "read **** from file");
    }

    #[test]
    fn short_fragment_is_left_alone() {
        assert_eq!(masker(&["on"]).show(&whole("turned on")), "turned on");
    }

    #[test]
    fn control_characters_cannot_forge_a_log_line() {
        let shown = masker(&[]).show(&whole("fine\u{1b}[2J\u{202e}\r\tend"));
        assert_eq!(shown, "fine\\u{1b}[2J\\u{202e}\\u{d}\tend");
    }

    #[test]
    fn long_line_is_cut() {
        let shown = masker(&[]).show(&whole(&"é".repeat(3000)));
        assert!(shown.len() <= SHOWN_BYTES + '…'.len_utf8());
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn start_of_a_secret_at_a_cut_is_not_shown() {
        let line = Line::Cut(bytes::Bytes::from_static(b"prefix then topsecretva"));
        assert!(!masker(&["topsecretvalue"]).show(&line).contains("topsec"));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_replacements() {
        assert_eq!(masker(&[]).show(&Line::Whole(bytes::Bytes::from_static(b"a\xffb"))), "a\u{fffd}b");
    }
}
