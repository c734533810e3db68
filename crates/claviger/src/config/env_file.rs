//! Which variables does this file set? The dotenv format: `NAME=value`, quotes, comments, `export`. References in it are read by [`Template`], not by the reader of
//! the format, which would make an empty text of everything that it does not know.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use broker::reference::{InvalidReference, Template};
use zeroize::Zeroizing;

use crate::voice::{Exit, Report};

/// A variable of a file.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// Its value, in which `${NAME}` is another variable.
    pub(crate) value: Template,
    /// The line that it ends on, from 1.
    pub(crate) line: usize,
}

/// Reads a file of at most [`MAX_FILE_BYTES`]. `location` is as it was written, `absolute` where it is.
pub(crate) fn read(location: &Path, absolute: &Path) -> Result<Vec<Entry>, Report> {
    let report = || Report::new(Exit::Configuration, format!("cannot read the file of variables `{}`", location.display()));
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    std::fs::File::open(absolute).and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)).map_err(|error| {
        let report = report().caused_by(&error);
        let hint = "write a line `NAME=value` for each variable, or name another file with `--env-file`";
        if error.kind() == io::ErrorKind::NotFound { report.hint(hint) } else { report }
    })?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(report().hint(format!("a file of variables has at most {MAX_FILE_BYTES} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| report().caused_by(&error))?;
    parse(text).map_err(|fault| Report::new(Exit::Configuration, format!("`{}`, line {}: {}", location.display(), fault.line, fault.what)))
}

/// Whether [`read`] would take this text.
pub(crate) fn is_readable(text: &str) -> bool {
    text.len() <= MAX_FILE_BYTES && parse(text).is_ok()
}

/// What is wrong with a file, and where. Quotes nothing of it.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: usize,
    what: What,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum What {
    #[error("`{name}`: {invalid}")]
    Reference { name: String, invalid: InvalidReference },
    #[error("this is not `NAME=value`; a value with spaces stands in quotes, and a quote that begins somewhere above must end")]
    Shape,
    #[error("the file holds the character U+FDD0, which stands in no text")]
    Sentinel,
}

fn parse(text: &str) -> Result<Vec<Entry>, Fault> {
    // The mark of byte order is no part of the first name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find(DOLLAR) {
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        return Err(Fault { line, what: What::Sentinel });
    }
    let hidden = hide_dollars(text);
    let line = Rc::new(Cell::new(0));
    let lines = Lines { rest: hidden.as_bytes(), is_inside: false, begun: Rc::clone(&line) };
    dotenvy::from_read_iter(lines)
        .map(|entry| {
            // The error quotes the line, so it is dropped.
            let (name, value) = entry.map_err(|_| Fault { line: line.get(), what: What::Shape })?;
            let value = Template::parse(&show_dollars(&Zeroizing::new(value)));
            let value = value.map_err(|invalid| Fault { line: line.get(), what: What::Reference { name: name.clone(), invalid } })?;
            Ok(Entry { name, value, line: line.get() })
        })
        .collect()
}

/// Puts [`DOLLAR`] in place of every `$` but those behind a backslash, which mean themselves.
fn hide_dollars(text: &str) -> Zeroizing<String> {
    let mut hidden = Zeroizing::new(String::with_capacity(text.len() + text.matches('$').count() * DOLLAR.len_utf8()));
    let mut is_escaped = false;
    for character in text.chars() {
        hidden.push(if character == '$' && !is_escaped { DOLLAR } else { character });
        is_escaped = character == '\\' && !is_escaped;
    }
    hidden
}

/// As a template: the hidden ones are `$` again, and a `${` that was escaped is escaped.
fn show_dollars(value: &str) -> Zeroizing<String> {
    let escaped = Zeroizing::new(value.replace("${", "$${"));
    Zeroizing::new(escaped.replace(DOLLAR, "$"))
}

/// Gives no more than one line at a time, and counts those that it began.
struct Lines<'t> {
    rest: &'t [u8],
    is_inside: bool,
    begun: Rc<Cell<usize>>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        if !self.is_inside && !line.is_empty() {
            self.begun.set(self.begun.get() + 1);
        }
        let length = line.len().min(buffer.len());
        self.is_inside = length < line.len();
        let (piece, rest) = self.rest.split_at(length);
        buffer.iter_mut().zip(piece).for_each(|(place, byte)| *place = *byte);
        self.rest = rest;
        Ok(length)
    }
}

/// A noncharacter: Unicode keeps it for the inside of programs.
const DOLLAR: char = '\u{fdd0}';
const MAX_FILE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::{Fault, InvalidReference, What, parse};

    fn read(text: &str) -> Vec<(String, String, usize)> {
        parse(text).unwrap().into_iter().map(|entry| (entry.name, entry.value.to_string(), entry.line)).collect()
    }

    fn row(name: &str, value: &str, line: usize) -> (String, String, usize) {
        (name.to_owned(), value.to_owned(), line)
    }

    #[test]
    fn the_usual_forms_are_read() {
        let text = "\u{feff}A=1\n\n# comment\nexport B = 'two words'  # why\nC=\"three\\nlines\nof it\"\r\nD=\nE=x#y\n";
        let expected =
            [row("A", "1", 1), row("B", "two words", 4), row("C", "three\nlines\nof it", 6), row("D", "", 7), row("E", "x#y", 8)];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn references_reach_the_template_whole() {
        let text = "A=vault://kv/api#key\nB='Bearer ${vault://kv/api?ttl=60#key}'\nC=\"${A:-none} $HOME $\"\nD='$${A}'\nE=\\${A}\n";
        let expected = [
            row("A", "vault://kv/api#key", 1),
            row("B", "Bearer ${vault://kv/api?ttl=60#key}", 2),
            row("C", "${A:-none} $HOME $", 3),
            row("D", "$${A}", 4),
            row("E", "$${A}", 5),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn faults_name_the_line_and_quote_nothing() {
        let fault = |text: &str| parse(text).err().unwrap();
        assert_eq!(fault("A=1\nhunter2 hunter2\n"), Fault { line: 2, what: What::Shape });
        assert_eq!(fault("A=1\nB='open\nC=1\n"), Fault { line: 3, what: What::Shape });
        assert_eq!(fault("A=1\n\nB=\u{fdd0}"), Fault { line: 3, what: What::Sentinel });
        let invalid = InvalidReference::VaultPath;
        assert_eq!(fault("B=vault://hunter2\n"), Fault { line: 1, what: What::Reference { name: "B".to_owned(), invalid } });
        assert!(!fault("A b hunter2\n").what.to_string().contains("hunter2"));
    }

    #[test]
    fn a_line_longer_than_the_readers_buffer_is_read() {
        let value = "x".repeat(100_000);
        assert_eq!(read(&format!("A={value}\nB=1\n")), [row("A", &value, 1), row("B", "1", 2)]);
    }
}
