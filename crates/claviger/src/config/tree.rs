//! What does a configuration text hold, and where does each piece of it stand? One tree for TOML and JSON, every value with its place.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Every text that was read, in the order of reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Vec<Source>);

/// One text and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The path as the person wrote it.
    pub(crate) name: String,
    /// The whole text.
    pub(crate) text: String,
}

/// Some bytes of one of the [`Sources`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Which source, by its number.
    pub(crate) source: usize,
    /// Where the bytes start.
    pub(crate) start: usize,
    /// Where they end.
    pub(crate) end: usize,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A number with a fraction.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// Values in their order.
    List(Vec<Node>),
    /// JSON's `null`.
    Nothing,
    /// Values by name.
    Table(Table),
    /// A string.
    Text(String),
}

/// Values by name.
pub(crate) type Table = BTreeMap<String, Entry>;

/// One member of a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Where its name stands.
    pub(crate) key: Place,
    /// Its value.
    pub(crate) node: Node,
}

/// The way from the root of a tree to one value, written `servers.search.env.KEY` or `accept[0].issuer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a list.
    Index(usize),
    /// Into a table.
    Key(String),
}

impl Sources {
    /// Keeps a text and gives its number.
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        self.0.push(Source { name: name.into(), text: text.into() });
        self.0.len() - 1
    }

    /// The text with that number.
    pub(crate) fn source(&self, number: usize) -> Option<&Source> {
        self.0.get(number)
    }
}

impl Place {
    /// A place in the source of that number.
    pub(crate) fn new(source: usize, range: Range<usize>) -> Self {
        Self { source, start: range.start, end: range.end }
    }
}

impl Path {
    /// One step further, into a table.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// One step further, into a list.
    pub(crate) fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// The steps from the root on.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
                    if bare { write!(formatter, "{dot}{key}")? } else { write!(formatter, "{dot}{key:?}")? }
                }
            }
        }
        Ok(())
    }
}

impl Node {
    /// What the value is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Boolean(_) => "a boolean",
            Value::Float(_) => "a fraction",
            Value::Integer(_) => "a whole number",
            Value::List(_) => "a list",
            Value::Nothing => "nothing",
            Value::Table(_) => "a table",
            Value::Text(_) => "text",
        }
    }

    /// The members, when this is a table.
    pub(crate) fn table(&self) -> Option<&Table> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    /// The text, when this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The member of that name, when this is a table that has it.
    pub(crate) fn member(&self, name: &str) -> Option<&Node> {
        self.table()?.get(name).map(|entry| &entry.node)
    }

    /// The place of the value at the path, or of the nearest thing above it that exists.
    pub(crate) fn place_of(&self, path: &Path) -> Place {
        let mut node = self;
        for step in path.steps() {
            let next = match (step, &node.value) {
                (Step::Key(key), Value::Table(table)) => table.get(key).map(|entry| &entry.node),
                (Step::Index(index), Value::List(list)) => list.get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        node.place.clone()
    }

    /// The place of the name at the path's end; for a list's element, of the element.
    pub(crate) fn place_of_key(&self, path: &Path) -> Place {
        let Some((Step::Key(last), above)) = path.steps().split_last() else { return self.place_of(path) };
        let mut node = self;
        for step in above {
            let next = match (step, &node.value) {
                (Step::Key(key), Value::Table(table)) => table.get(key).map(|entry| &entry.node),
                (Step::Index(index), Value::List(list)) => list.get(*index),
                _ => None,
            };
            let Some(next) = next else { return node.place.clone() };
            node = next;
        }
        node.table().and_then(|table| table.get(last)).map_or_else(|| node.place.clone(), |entry| entry.key.clone())
    }

    /// Lays another tree over this one: tables are joined, everything else is replaced.
    pub(crate) fn overlay(&mut self, above: Node) {
        match (&mut self.value, above) {
            (Value::Table(below), Node { value: Value::Table(above), .. }) => {
                for (name, entry) in above {
                    match below.get_mut(&name) {
                        Some(found) => found.node.overlay(entry.node),
                        None => drop(below.insert(name, entry)),
                    }
                }
            }
            (_, above) => *self = above,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::from_toml;
    use super::{Node, Path, Sources};

    fn toml(sources: &mut Sources, text: &str) -> Node {
        let number = sources.add("a.toml", text);
        from_toml(sources, number).unwrap()
    }

    fn at<'t>(text: &'t str, node: &Node, path: &Path) -> (&'t str, &'t str) {
        let (key, value) = (node.place_of_key(path), node.place_of(path));
        (&text[key.start..key.end], &text[value.start..value.end])
    }

    #[test]
    fn every_toml_value_knows_its_place() {
        let text = "[servers.search]\nenv = { KEY = \"env://K\" }\nlist = [1, 22]\n[[accept]]\nissuer = \"https://a\"\n[[accept]]\nissuer = \"https://b\"\na.b.c = true\n";
        let node = toml(&mut Sources::default(), text);
        let root = Path::default();
        let search = root.key("servers").key("search");
        assert_eq!(at(text, &node, &search.key("env").key("KEY")), ("KEY", "\"env://K\""));
        assert_eq!(at(text, &node, &search.key("list").index(1)), ("22", "22"));
        assert_eq!(at(text, &node, &search).1, "[servers.search]");
        let second = root.key("accept").index(1);
        assert_eq!(at(text, &node, &second).1, "[[accept]]");
        assert_eq!(at(text, &node, &second.key("issuer")), ("issuer", "\"https://b\""));
        assert_eq!(at(text, &node, &second.key("a").key("b").key("c")), ("c", "true"));
        assert_eq!(second.key("a").key("b c").to_string(), "accept[1].a.\"b c\"");
    }

    #[test]
    fn what_is_missing_is_placed_at_what_would_hold_it() {
        let text = "[listen]\naddress = \"x\"\n";
        let node = toml(&mut Sources::default(), text);
        assert_eq!(at(text, &node, &Path::default().key("listen").key("tls").key("key")).1, "[listen]");
    }

    #[test]
    fn an_overlay_joins_tables_and_replaces_the_rest() {
        let mut sources = Sources::default();
        let mut below = toml(&mut sources, "a = 1\n[t]\nx = [1, 2]\ny = 1\n");
        below.overlay(toml(&mut sources, "[t]\nx = [3]\n"));
        let table = below.member("t").unwrap();
        assert_eq!(table.member("x").unwrap().place.source, 1);
        assert_eq!(table.member("y").unwrap().place.source, 0);
        assert!(below.member("a").is_some());
    }
}
