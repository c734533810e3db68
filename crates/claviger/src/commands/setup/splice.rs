//! How is a text changed without touching the rest of it? By a few edits of bytes.

use std::ops::Range;

use serde_json::{Map, Value};
use thiserror::Error;
use zeroize::Zeroizing;

use super::entry::Entry;
use super::{json, toml};
use crate::known_clients::Format;

/// What is to stand in a text.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) text: &'a str,
    /// The table with all servers.
    pub(super) section: &'a str,
    pub(super) name: &'a str,
    pub(super) entry: &'a Entry,
    /// Whether another entry of this name makes way.
    pub(super) replaces: bool,
}

/// What came of it.
pub(super) enum Outcome {
    /// The text says so already.
    Already,
    /// It would say so like this.
    Changed(Zeroizing<String>),
}

/// Why a text cannot be changed, and at which of its bytes.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub(super) struct Unfit {
    pub(super) at: usize,
    pub(super) why: Why,
}

/// What is in the way.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Why {
    /// A parser's own words.
    #[error("{0}")]
    Broken(String),
    #[error("there is another server of this name")]
    Different,
    /// No edit of ours leaves everything else as it is.
    #[error("this is written in a way that only a person can change")]
    Intricate,
    #[error("a table is expected here")]
    NoTable,
    #[error("`{0}` stands here twice")]
    Twice(String),
}

/// One change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// The bytes that go.
    pub(super) span: Range<usize>,
    /// What comes in their place.
    pub(super) after: String,
}

/// How a text is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) newline: &'static str,
    /// One step of indentation.
    pub(super) unit: String,
}

impl Why {
    /// At this byte.
    pub(super) fn at(self, at: usize) -> Unfit {
        Unfit { at, why: self }
    }
}

impl Edit {
    /// Something new at a place.
    pub(super) fn insertion(at: usize, after: String) -> Self {
        Self { span: at..at, after }
    }
}

impl Wish<'_> {
    /// What the text must say in the end, when it says this now: everything that it said, and the entry.
    pub(super) fn fulfilled(&self, mut said: Value) -> Option<Value> {
        let root = said.as_object_mut()?;
        let section = root.entry(self.section).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
        section.insert(self.name.to_owned(), self.entry.meaning());
        Some(said)
    }
}

/// The text of a file with the entry in it.
pub(super) fn with_entry(wish: &Wish<'_>, format: Format) -> Result<Outcome, Unfit> {
    // A byte order mark belongs to neither language, yet editors on Windows write it.
    let Some(rest) = wish.text.strip_prefix(MARK) else { return format.with_entry(wish) };
    let wish = Wish { text: rest, ..*wish };
    match format.with_entry(&wish).map_err(|Unfit { at, why }| why.at(at + MARK.len_utf8()))? {
        Outcome::Already => Ok(Outcome::Already),
        Outcome::Changed(text) => {
            let mut marked = Zeroizing::new(String::with_capacity(text.len() + MARK.len_utf8()));
            marked.push(MARK);
            marked.push_str(&text);
            Ok(Outcome::Changed(marked))
        }
    }
}

impl Format {
    fn with_entry(self, wish: &Wish<'_>) -> Result<Outcome, Unfit> {
        match self {
            Self::Json => json::with_entry(wish),
            Self::Toml => toml::with_entry(wish),
        }
    }
}

/// The text after the edits, which stand in their order; `None` when they do not fit it.
pub(super) fn spliced(text: &str, edits: &[Edit]) -> Option<Zeroizing<String>> {
    scan::fix::spliced(text, edits.iter().map(|edit| (&edit.span, edit.after.as_str())))
}

/// Where the line of a byte begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1)
}

/// The blanks that the line of a byte begins with.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = text.get(line_start(text, at)..).unwrap_or_default();
    line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default()
}

/// Whether nothing stands before a byte in its line.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    text.get(line_start(text, at)..at).is_some_and(|before| before.bytes().all(|byte| matches!(byte, b' ' | b'\t')))
}

const MARK: char = '\u{feff}';

#[cfg(test)]
mod tests;
