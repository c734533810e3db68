//! What do the words of a command line mean? Options with their values, wherever an element ends.

use std::borrow::Cow;

use super::{Place, Setting};
use crate::document::{Node, Span};

/// One word of a command line.
#[derive(Clone)]
pub(crate) struct Word<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) span: Span,
}

/// Program and arguments of a server. What a shell is given as one string is its words, too.
pub(super) fn line(server: &Node) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for name in ["command", "cmd", "path"] {
        let Some(entry) = server.member(name) else { continue };
        match entry.node.text() {
            Some(command) => words.extend(command_words(command, &entry.node.span)),
            None => words.extend(entry.node.items().iter().flat_map(argument)),
        }
        break;
    }
    let arguments = ["args", "arguments"].iter().filter_map(|name| server.member(name));
    words.extend(arguments.flat_map(|entry| entry.node.items()).flat_map(argument));
    words
}

/// A path with blanks is one word; a command with arguments is several.
fn command_words<'a>(command: &'a str, span: &Span) -> Vec<Word<'a>> {
    let path = command.contains(['/', '\\']) && !command.contains(" -");
    if path { vec![Word { text: Cow::Borrowed(command), span: span.clone() }] } else { split(command, span) }
}

fn argument(node: &Node) -> Vec<Word<'_>> {
    let Some(text) = node.text() else { return Vec::new() };
    if RUNNERS.iter().any(|runner| text.contains(runner)) {
        return split(text, &node.span);
    }
    vec![Word { text: Cow::Borrowed(text), span: node.span.clone() }]
}

fn split<'a>(text: &'a str, span: &Span) -> Vec<Word<'a>> {
    match shell_words::split(text) {
        Ok(words) if words.len() > 1 => words.into_iter().map(|word| Word { text: Cow::Owned(word), span: span.clone() }).collect(),
        _ => vec![Word { text: Cow::Borrowed(text), span: span.clone() }],
    }
}

/// Options with what belongs to them; a word that belongs to no option has no name.
pub(crate) fn pairs(items: &[Node]) -> Vec<Setting<'_>> {
    let mut found = Vec::new();
    let mut option: Option<&str> = None;
    let has_user = items.iter().filter_map(Node::text).any(|word| USERS.contains(&word));
    for item in items {
        let Some(text) = item.text() else { continue };
        let mut push = |name: &str, text| {
            found.push(Setting {
                name: Cow::Owned(name.to_owned()),
                text: Cow::Borrowed(text),
                span: item.span.clone(),
                place: Place::Argument,
            });
        };
        match option.take() {
            Some(header) if is_header(header) => match text.split_once(':') {
                Some((name, value)) => push(name.trim(), value.trim()),
                None => option = Some(text),
            },
            Some(name @ ("-c" | "-lc")) if text.contains(' ') => {
                push(name, text);
                let inside = in_a_command(text, &item.span).into_iter();
                found.extend(inside.map(|inner| Setting { place: Place::Argument, ..inner }));
            }
            // Beside a user it is no port.
            Some("-p") if has_user && !text.starts_with('-') => push("--password", text),
            Some(name) if !text.starts_with('-') => push(name, text),
            _ => match text.split_once('=') {
                Some((name, value)) if is_header(name) => match value.split_once(':') {
                    Some((name, value)) => push(name.trim(), value.trim()),
                    None => push(name, value),
                },
                Some((name, value)) if name.starts_with('-') && !name.contains(' ') => push(name, value),
                _ if text.starts_with('-') && !text.contains(' ') => option = Some(text),
                _ => push("", text),
            },
        }
    }
    found
}

/// `NAME=value` in the text that a shell is given.
fn in_a_shell(name: &str, value: &str, span: &Span) -> Setting<'static> {
    Setting { name: Cow::Owned(name.to_owned()), text: Cow::Owned(value.to_owned()), span: span.clone(), place: Place::Argument }
}

/// What a command says that somebody wrote as one text: options with what belongs to them, variables, headers.
pub(super) fn in_a_command(text: &str, span: &Span) -> Vec<Setting<'static>> {
    let words = shell_words::split(text).unwrap_or_else(|_| text.split_whitespace().map(str::to_owned).collect());
    let mut found = Vec::new();
    let mut option: Option<String> = None;
    for word in words {
        let setting = |name: &str, value: &str| Setting { place: Place::Permission, ..in_a_shell(name, value, span) };
        let named = if option.as_deref().is_some_and(is_header) { word.split_once(':') } else { word.split_once('=') };
        match (option.take(), named) {
            (_, Some((name, value))) => found.push(setting(name.trim(), value.trim())),
            (None, None) if word.starts_with('-') => option = Some(word),
            (name, None) => found.push(setting(name.as_deref().unwrap_or_default(), &word)),
        }
    }
    found
}

fn is_header(option: &str) -> bool {
    matches!(option, "--header" | "-H" | "--headers" | "--http-header")
}

const USERS: &[&str] = &["-u", "-U", "--user", "--username"];
const RUNNERS: &[&str] = &["npx ", "uvx ", "bunx ", "pipx ", " dlx ", "docker run", "uv tool run", "npm exec"];
