//! What does a text say that no format explains? Whatever stands in it as `name = value` or `"name": "value"`, line by line.

use super::{Entry, Node, Span, Tree, Value, dotenv, text_node};

/// Reads pairs and lone quoted words. A line longer than any that a person writes is data.
pub(super) fn read(text: &str) -> Tree {
    let mut entries = Vec::new();
    for (start, line) in numbered(text).filter(|(_, line)| line.len() <= LONGEST) {
        let bare = line.trim_start();
        if let Some(entry) = dotenv::assignment(bare, start + line.len() - bare.len()) {
            entries.push(entry);
        } else {
            entries.extend(quoted(line, start));
            entries.extend(variables(line, start));
        }
    }
    Tree { root: Node { span: 0..text.len(), value: Value::Table(entries) }, comments: Vec::new() }
}

/// Each line without its end, and the byte it begins at.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let begin = start;
        start += line.len();
        (begin, line.trim_end_matches(['\n', '\r']))
    })
}

/// The lines that are nothing but a comment behind `#`.
pub(super) fn comments(text: &str) -> Vec<Span> {
    numbered(text)
        .filter(|(_, line)| line.trim_start().starts_with('#'))
        .map(|(start, line)| start + line.len() - line.trim_start().len()..start + line.trim_end().len())
        .collect()
}

/// The pairs of one line of something like JSON: each quoted word behind a colon belongs to the one before it.
pub(super) fn quoted(line: &str, start: usize) -> Vec<Entry> {
    let words = words(line);
    let mut entries = Vec::new();
    let mut before: Option<&Span> = None;
    for word in &words {
        let text = line.get(word.clone()).unwrap_or_default();
        let behind = line.get(word.end + 1..).unwrap_or_default().trim_start();
        if behind.starts_with(':') {
            before = Some(word);
            continue;
        }
        let named = before.take();
        let name = named.and_then(|name| line.get(name.clone())).unwrap_or_default();
        let key = named.unwrap_or(word);
        entries.push(Entry {
            name: name.to_owned(),
            key: start + key.start..start + key.end,
            node: text_node(text, start + word.start..start + word.end),
        });
    }
    entries
}

/// Variables that are set among the words of a command: `docker run -e API_KEY=value image`.
fn variables(line: &str, start: usize) -> Vec<Entry> {
    if !line.contains('=') {
        return Vec::new();
    }
    let is_variable = |entry: &Entry| {
        entry.name.len() > 2 && entry.name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let mut at = 0;
    let word = |word: &str| {
        let begin = start + at;
        at += word.len() + 1;
        dotenv::assignment(word, begin).filter(is_variable)
    };
    // Blanks of one byte only, so that the count of bytes is right.
    line.split([' ', '\t']).filter_map(word).collect()
}

/// What stands between double quotes, as bytes of the line.
fn words(line: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut open = None;
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        match (character, open) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            ('"', None) => open = Some(at + 1),
            ('"', Some(from)) => {
                found.push(from..at);
                open = None;
            }
            _ => {}
        }
    }
    found
}

const LONGEST: usize = 16 * 1024;
