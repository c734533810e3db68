//! Which servers does a file name, and with what? One model, whatever the client calls its keys.

mod arguments;

use std::borrow::Cow;

pub(crate) use self::arguments::{Word, pairs};
use crate::document::{Document, Entry, Format, Node, Span, Value};

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Argument,
    Comment,
    Environment,
    Field,
    Header,
    /// A command that was approved once, or that a hook runs.
    Permission,
    Url,
}

/// A name with its value.
pub(crate) struct Setting<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) text: Cow<'a, str>,
    pub(crate) span: Span,
    pub(crate) place: Place,
}

/// A server as a client would start or call it.
pub(crate) struct Server<'a> {
    pub(crate) name: &'a str,
    pub(crate) node: &'a Node,
    /// The program and its arguments, word by word.
    pub(crate) line: Vec<Word<'a>>,
    pub(crate) environment: Vec<&'a Entry>,
    pub(crate) headers: Vec<&'a Entry>,
    /// Tools that run without a question.
    pub(crate) approvals: Vec<&'a Node>,
}

/// A whole file.
pub(crate) struct Model<'a> {
    pub(crate) root: &'a Node,
    pub(crate) servers: Vec<Server<'a>>,
    pub(crate) settings: Vec<Setting<'a>>,
}

impl<'a> Model<'a> {
    pub(crate) fn of(text: &'a str, document: &'a Document) -> Self {
        let root = &document.root;
        let mut servers = Vec::new();
        find_servers(root, 0, &mut servers);
        let mut settings = Vec::new();
        let place = if document.format == Format::Dotenv { Place::Environment } else { Place::Field };
        walk(root, "", place, &mut settings);
        permissions(root, &mut settings);
        settings.extend(document.comments.iter().flat_map(|span| comment(text, span)));
        Self { root, servers, settings }
    }
}

/// Looks for tables of servers under every key that a client uses, a few levels deep: some clients keep one for each project.
fn find_servers<'a>(node: &'a Node, depth: usize, found: &mut Vec<Server<'a>>) {
    if depth > DEEPEST_SERVERS {
        return;
    }
    for entry in node.entries() {
        if SERVER_TABLES.contains(&entry.name.as_str()) {
            let before = found.len();
            found.extend(entry.node.entries().iter().filter_map(|server| Server::of(&server.name, &server.node)));
            found.extend(entry.node.items().iter().filter_map(|node| Server::of(name_of(node), node)));
            if found.len() > before {
                continue;
            }
        }
        find_servers(&entry.node, depth + 1, found);
    }
}

fn name_of(node: &Node) -> &str {
    node.member("name").and_then(|entry| entry.node.text()).unwrap_or_default()
}

impl<'a> Server<'a> {
    fn of(name: &'a str, node: &'a Node) -> Option<Self> {
        let first = |names: &[&str]| names.iter().find_map(|name| node.member(name));
        let command = first(&["command", "cmd"]);
        let url = first(URLS);
        if command.is_none() && url.is_none() && node.member("args").is_none() {
            return None;
        }
        // Zed and others keep program and arguments one level deeper.
        let inner = command.map(|entry| &entry.node).filter(|node| !node.entries().is_empty());
        let line = inner.map_or_else(|| arguments::line(node), arguments::line);
        let members = |names: &[&str]| first(names).map_or(&[][..], |entry| entry.node.entries()).iter().collect();
        let approvals = APPROVALS.iter().filter_map(|name| node.member(name)).flat_map(|entry| entry.node.items()).collect();
        Some(Self { name, node, line, environment: members(ENVIRONMENTS), headers: members(HEADERS), approvals })
    }
}

/// Every scalar with its name and its place.
fn walk<'a>(node: &'a Node, name: &'a str, place: Place, found: &mut Vec<Setting<'a>>) {
    match &node.value {
        Value::Table(entries) => {
            let named = named_value(node);
            found.extend(named.map(|(name, value)| setting(name, value, place)));
            for entry in entries {
                if named.is_some_and(|(_, value)| value.span == entry.node.span) {
                    continue;
                }
                let inner = place_of(&entry.name, place);
                walk(&entry.node, &entry.name, inner, found);
            }
        }
        Value::List(items) if place == Place::Argument => {
            found.extend(pairs(items));
            items.iter().filter(|item| item.text().is_none()).for_each(|item| walk(item, name, place, found));
        }
        Value::List(items) => items.iter().for_each(|item| walk(item, name, place, found)),
        Value::Text(text) => {
            found.push(setting(name, node, place));
            if place == Place::Argument && COMMANDS.contains(&name) && text.contains(' ') {
                found.extend(arguments::in_a_command(text, &node.span).into_iter().map(|inner| Setting { place, ..inner }));
            }
        }
        Value::Word(_) => found.push(setting(name, node, place)),
    }
}

fn setting<'a>(name: &'a str, node: &'a Node, place: Place) -> Setting<'a> {
    Setting { name: Cow::Borrowed(name), text: Cow::Borrowed(node.text().unwrap_or_default()), span: node.span.clone(), place }
}

/// `{"name": "API_KEY", "value": "…"}`, as lists of variables and headers have it.
fn named_value(table: &Node) -> Option<(&str, &Node)> {
    let name = ["name", "key"].iter().find_map(|name| table.member(name)?.node.text())?;
    let value = &table.member("value")?.node;
    value.text().map(|_| (name, value))
}

fn place_of(name: &str, around: Place) -> Place {
    if ENVIRONMENTS.contains(&name) {
        Place::Environment
    } else if HEADERS.contains(&name) {
        Place::Header
    } else if (["args", "arguments"].contains(&name) || COMMANDS.contains(&name)) && around == Place::Field {
        Place::Argument
    } else if URLS.contains(&name) && around == Place::Field {
        Place::Url
    } else {
        around
    }
}

/// The commands of approvals and hooks, word by word: `Bash(curl -H 'Authorization: Bearer …')`.
fn permissions<'a>(root: &'a Node, found: &mut Vec<Setting<'a>>) {
    let approved = root.member("permissions").into_iter().flat_map(|entry| entry.node.entries()).flat_map(|entry| entry.node.items());
    let mut commands: Vec<&Node> = approved.collect();
    if let Some(hooks) = root.member("hooks") {
        hooked(&hooks.node, &mut commands);
    }
    for node in commands {
        let Some(text) = node.text() else { continue };
        let inside = text.split_once('(').map_or(text, |(_, rest)| rest.trim_end_matches(')'));
        found.extend(arguments::in_a_command(inside, &node.span));
    }
}

fn hooked<'a>(node: &'a Node, found: &mut Vec<&'a Node>) {
    found.extend(node.member("command").map(|entry| &entry.node));
    node.items().iter().chain(node.entries().iter().map(|entry| &entry.node)).for_each(|inner| hooked(inner, found));
}

/// What a comment would say if it were none: people switch a line off and leave its key there.
fn comment<'a>(text: &'a str, span: &Span) -> Vec<Setting<'a>> {
    let whole = text.get(span.clone()).unwrap_or_default();
    let mut settings = Vec::new();
    let mut start = span.start;
    for line in whole.split_inclusive('\n') {
        let bare = line.trim_start_matches(['#', '/', '*', ' ', '\t', ';']);
        let begin = start + line.len() - bare.len();
        start += line.len();
        let inner = Document::read(bare.trim_end(), Format::Lines);
        let mut push = |name: &str, value: &str, at: usize| {
            let span = begin + at..begin + at + value.len();
            settings.push(Setting { name: Cow::Owned(name.to_owned()), text: Cow::Owned(value.to_owned()), span, place: Place::Comment });
        };
        for entry in inner.root.entries() {
            let Some(value) = entry.node.text() else { continue };
            push(&entry.name, value, entry.node.span.start);
        }
        if inner.root.entries().is_empty()
            && let Some((name, value, at)) = pair(bare.trim_end())
        {
            push(name, value, at);
        }
    }
    settings
}

/// `name: value` as YAML has it, and where the value begins; only where it is one word, for people write sentences in comments.
fn pair(line: &str) -> Option<(&str, &str, usize)> {
    let (name, rest) = line.split_once(": ")?;
    let value = rest.trim();
    let is_plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
    let is_pair = !name.is_empty() && name.chars().all(is_plain) && !value.is_empty() && !value.contains(char::is_whitespace);
    (is_pair && !value.ends_with([',', ';'])).then(|| (name, value, line.len() - rest.trim_start().len()))
}

const DEEPEST_SERVERS: usize = 5;
const SERVER_TABLES: &[&str] =
    &["mcpServers", "servers", "mcp", "mcp_servers", "context_servers", "mcp-servers", "extensions", "inlineMcpServers"];
pub(crate) const URLS: &[&str] = &["url", "httpUrl", "serverUrl", "uri", "endpoint", "sseUrl", "baseUrl", "server_url"];
const COMMANDS: &[&str] = &["command", "cmd"];
const ENVIRONMENTS: &[&str] = &["env", "environment", "envs", "env_vars", "environmentVariables"];
pub(crate) const HEADERS: &[&str] = &["headers", "http_headers", "httpHeaders", "requestHeaders", "extraHeaders"];
const APPROVALS: &[&str] = &["alwaysAllow", "autoApprove", "autoapprove", "always_allow", "auto_approve", "autoApproved"];

#[cfg(test)]
mod tests;
