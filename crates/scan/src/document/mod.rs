//! What does a file say, and where does it say it? One tree for every format; each value keeps the bytes it stands on.
//!
//! A file that its format refuses is read line by line: what a person pasted half is still a leak.

mod dotenv;
mod json;
mod lines;
mod toml;
mod yaml;

use std::ops::Range;

use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of a file.
pub type Span = Range<usize>;

/// A value and the bytes it stands on, quotes included. No `Debug`: it may hold secrets.
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a value is.
pub(crate) enum Value {
    List(Vec<Node>),
    Table(Vec<Entry>),
    Text(Zeroizing<String>),
    /// A number, a boolean, a date or nothing, as it is written.
    Word(String),
}

/// One name in a table, and what it names.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) key: Span,
    pub(crate) node: Node,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `NAME=value` lines.
    Dotenv,
    /// JSON, with the comments and trailing commas that editors allow.
    Json,
    /// Anything, line by line.
    Lines,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

/// A file as it was read.
pub(crate) struct Document {
    pub(crate) format: Format,
    pub(crate) root: Node,
    pub(crate) comments: Vec<Span>,
    /// Why the format of the file's name was not the format of its text.
    pub(crate) broken: Option<Broken>,
}

/// A text is not what its name promises.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("this is not {format}: {what}")]
pub struct Broken {
    format: &'static str,
    what: String,
    /// Where the reader gave up.
    pub span: Span,
}

impl Format {
    /// By the name of the file alone.
    pub fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let name = BACKUPS.iter().find_map(|backup| name.strip_suffix(backup)).unwrap_or(&name);
        if name.split('.').any(|part| part == "env") {
            return Self::Dotenv;
        }
        match name.rsplit('.').next() {
            Some("json" | "jsonc" | "json5") => Self::Json,
            Some("toml") => Self::Toml,
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Lines,
        }
    }
}

impl Document {
    /// Reads a text; never fails, for what does not parse is read by lines.
    pub(crate) fn read(text: &str, format: Format) -> Self {
        let parsed = match format {
            Format::Dotenv => Ok(dotenv::read(text)),
            Format::Json => json::read(text),
            Format::Lines => Ok(lines::read(text)),
            Format::Toml => toml::read(text),
            Format::Yaml => yaml::read(text),
        };
        let (format, tree, broken) = match parsed {
            Ok(tree) => (format, tree, None),
            Err(broken) => (Format::Lines, lines::read(text), Some(broken)),
        };
        Self { format, root: tree.root, comments: tree.comments, broken }
    }

    /// Every name, value and comment, with its place.
    pub(crate) fn values(self) -> Vec<(Span, Zeroizing<String>)> {
        let mut found: Vec<(Span, Zeroizing<String>)> = self.comments.into_iter().map(|span| (span, Zeroizing::default())).collect();
        self.root.values(&mut found);
        found
    }
}

impl Node {
    fn values(self, found: &mut Vec<(Span, Zeroizing<String>)>) {
        match self.value {
            Value::List(items) => items.into_iter().for_each(|item| item.values(found)),
            Value::Table(entries) => {
                for entry in entries {
                    found.push((entry.key, Zeroizing::new(entry.name)));
                    entry.node.values(found);
                }
            }
            Value::Text(text) => found.push((self.span, text)),
            Value::Word(word) => found.push((self.span, Zeroizing::new(word))),
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Word(word) => Some(word),
            Value::List(_) | Value::Table(_) => None,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        if let Value::Table(entries) = &self.value { entries } else { &[] }
    }

    pub(crate) fn items(&self) -> &[Node] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.name == name)
    }
}

/// What a reader gives back.
struct Tree {
    root: Node,
    comments: Vec<Span>,
}

fn text_node(text: &str, span: Span) -> Node {
    Node { span, value: Value::Text(Zeroizing::new(text.to_owned())) }
}

/// No configuration is deeper; what is, is an attack on the reader.
const DEEPEST: usize = 64;

const BACKUPS: &[&str] = &[".bak", ".backup", ".old", ".orig", "~"];

#[cfg(test)]
mod tests;
