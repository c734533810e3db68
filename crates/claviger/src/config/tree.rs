//! What does a configuration text hold, and where does each piece of it stand? One tree for TOML and JSON, every value with its place.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::fault::Fault;

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

/// Reads TOML. A text that is not TOML is one fault: what follows a syntax error cannot be judged.
pub(crate) fn from_toml(sources: &Sources, number: usize) -> Result<Node, Fault> {
    let text = sources.source(number).map_or("", |source| source.text.as_str());
    let document = toml_edit::Document::parse(text).map_err(|error| {
        let range = error.span().unwrap_or(0..0);
        Fault::new(Place::new(number, range), format!("this is not TOML: {}", first_line(error.message())))
    })?;
    let whole = Place::new(number, 0..0);
    Ok(Node { place: whole.clone(), value: table_from_toml(document.as_table(), number, &whole) })
}

/// Reads JSON with comments and trailing commas, as editors write it.
pub(crate) fn from_json(sources: &Sources, number: usize) -> Result<Node, Fault> {
    let text = sources.source(number).map_or("", |source| source.text.as_str());
    let not_json = |range: Range<usize>, what: &str| Fault::new(Place::new(number, range), format!("this is not JSON: {what}"));
    let options = jsonc_parser::ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    // A byte order mark is no JSON, yet editors on Windows write it.
    let (text, shift) = text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, '\u{feff}'.len_utf8()));
    let parsed = jsonc_parser::parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &options)
        .map_err(|error| not_json(error.range().start + shift..error.range().end + shift, &lowercase_first(&error.kind().to_string())))?;
    let value = parsed.value.ok_or_else(|| not_json(0..0, "the text is empty"))?;
    node_from_json(&value, number, shift)
}

fn node_from_toml(item: &toml_edit::Item, number: usize, around: &Place) -> Option<Node> {
    let place = item.span().map_or_else(|| around.clone(), |range| Place::new(number, range));
    let value = match item {
        toml_edit::Item::None => return None,
        toml_edit::Item::Value(value) => value_from_toml(value, number, &place),
        toml_edit::Item::Table(table) => table_from_toml(table, number, &place),
        toml_edit::Item::ArrayOfTables(tables) => Value::List(
            tables
                .iter()
                .map(|table| {
                    let place = table.span().map_or_else(|| place.clone(), |range| Place::new(number, range));
                    Node { value: table_from_toml(table, number, &place), place }
                })
                .collect(),
        ),
    };
    Some(Node { place, value })
}

fn table_from_toml(table: &dyn toml_edit::TableLike, number: usize, around: &Place) -> Value {
    let mut members = Table::new();
    for (name, item) in table.iter() {
        let key = table.key(name).and_then(toml_edit::Key::span).map_or_else(|| around.clone(), |range| Place::new(number, range));
        if let Some(node) = node_from_toml(item, number, &key) {
            members.insert(name.to_owned(), Entry { key, node });
        }
    }
    Value::Table(members)
}

fn value_from_toml(value: &toml_edit::Value, number: usize, place: &Place) -> Value {
    match value {
        toml_edit::Value::Array(list) => Value::List(
            list.iter()
                .map(|value| {
                    let place = value.span().map_or_else(|| place.clone(), |range| Place::new(number, range));
                    Node { value: value_from_toml(value, number, &place), place }
                })
                .collect(),
        ),
        toml_edit::Value::Boolean(boolean) => Value::Boolean(*boolean.value()),
        // No setting is a date; as text it meets the same checks as any text.
        toml_edit::Value::Datetime(datetime) => Value::Text(datetime.value().to_string()),
        toml_edit::Value::Float(float) => Value::Float(*float.value()),
        toml_edit::Value::InlineTable(table) => table_from_toml(table, number, place),
        toml_edit::Value::Integer(integer) => Value::Integer(*integer.value()),
        toml_edit::Value::String(text) => Value::Text(text.value().clone()),
    }
}

fn node_from_json(value: &jsonc_parser::ast::Value<'_>, number: usize, shift: usize) -> Result<Node, Fault> {
    use jsonc_parser::ast::Value as Json;
    use jsonc_parser::common::Ranged as _;
    let place_of = |range: jsonc_parser::common::Range| Place::new(number, range.start + shift..range.end + shift);
    let place = place_of(value.range());
    let value = match value {
        Json::Array(array) => {
            Value::List(array.elements.iter().map(|element| node_from_json(element, number, shift)).collect::<Result<_, _>>()?)
        }
        Json::BooleanLit(boolean) => Value::Boolean(boolean.value),
        Json::NullKeyword(_) => Value::Nothing,
        Json::NumberLit(literal) => match (literal.value.parse(), literal.value.parse()) {
            (Ok(integer), _) => Value::Integer(integer),
            (_, Ok(float)) => Value::Float(float),
            _ => return Err(Fault::new(place, "this is no number".to_owned())),
        },
        Json::Object(object) => {
            let mut members = Table::new();
            for property in &object.properties {
                let key = place_of(property.name.range());
                let name = property.name.as_str().to_owned();
                if members.contains_key(&name) {
                    return Err(Fault::new(key, format!("`{name}` stands here twice")).hint("remove one of the two"));
                }
                members.insert(name, Entry { key, node: node_from_json(&property.value, number, shift)? });
            }
            Value::Table(members)
        }
        Json::StringLit(text) => Value::Text(text.value.clone().into_owned()),
    };
    Ok(Node { place, value })
}

fn first_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("; ")
}

fn lowercase_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::{Node, Path, Sources, from_json, from_toml};

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

    #[test]
    fn json_as_editors_write_it_is_read_with_places() {
        let text = "\u{feff}{ // comment\n \"a\": [true, 1.5, null,], }";
        let mut sources = Sources::default();
        let number = sources.add("m.json", text);
        let node = from_json(&sources, number).unwrap();
        assert_eq!(at(text, &node, &Path::default().key("a")), ("\"a\"", "[true, 1.5, null,]"));
    }

    #[test]
    fn broken_json_is_refused_at_its_place() {
        for (text, wanted) in [("{\"a\": 1 \"b\": 2}", " \"b\""), ("{\"a\": 1, \"a\": 2}", "\"a\""), ("{'a': 1}", "'a'"), ("{a: 1}", "a")] {
            let mut sources = Sources::default();
            let number = sources.add("m.json", text);
            let fault = from_json(&sources, number).unwrap_err();
            let place = fault.place();
            assert!(text[place.start..].starts_with(wanted), "{text}: {place:?}");
        }
    }
}
