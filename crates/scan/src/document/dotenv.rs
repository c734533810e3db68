//! How does a file of `NAME=value` lines become a table? The places stay those of the file, which `dotenvy` does not tell.

use super::{Entry, Node, Tree, Value, lines, text_node};

/// Reads what shells and the libraries of this format agree on: one assignment a line, `export`, quotes, a comment behind a blank.
pub(super) fn read(text: &str) -> Tree {
    let mut entries = Vec::new();
    let mut comments = Vec::new();
    for (start, line) in lines::numbered(text) {
        let content = line.trim_start();
        let start = start + line.len() - content.len();
        if content.starts_with('#') {
            comments.push(start..start + content.trim_end().len());
        } else if let Some(entry) = assignment(content, start) {
            entries.push(entry);
        }
    }
    Tree { root: Node { span: 0..text.len(), value: Value::Table(entries) }, comments }
}

/// One `NAME=value`, by the bytes it stands on.
pub(super) fn assignment(line: &str, start: usize) -> Option<Entry> {
    let (name, value) = line.split_once('=')?;
    let bare = name.trim();
    let bare = bare.strip_prefix("export ").map_or(bare, str::trim_start);
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.' | '-');
    if bare.is_empty() || !bare.chars().all(plain) {
        return None;
    }
    let from = start + name.len() + 1 + (value.len() - value.trim_start().len());
    let value = unquoted(value.trim());
    let node = text_node(value.0, from + value.1..from + value.1 + value.0.len());
    Some(Entry { name: bare.to_owned(), key: start..start + name.trim_end().len(), node })
}

/// The value without quotes and comment, and how many bytes in front of it were dropped.
fn unquoted(value: &str) -> (&str, usize) {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote)
            && let Some(end) = inner.rfind(quote)
        {
            return (inner.get(..end).unwrap_or(inner), 1);
        }
    }
    (value.split(" #").next().unwrap_or(value).trim_end(), 0)
}
