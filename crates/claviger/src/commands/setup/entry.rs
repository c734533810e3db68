//! What is written for a server? Its fields in their order, as JSON and as TOML have them.

use serde_json::{Map, Value};

use super::splice::Style;
use crate::known_clients::Shape;

/// What a client is to know about one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry(Vec<(&'static str, Field)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    List(Vec<String>),
    Text(String),
}

impl Entry {
    /// A program on a pipe.
    pub(super) fn of_program(shape: Shape, command: String, arguments: Vec<String>) -> Self {
        let kind = shape.program_kind.map(|kind| ("type", Field::Text(kind.to_owned())));
        Self(kind.into_iter().chain([("command", Field::Text(command)), ("args", Field::List(arguments))]).collect())
    }

    /// An address that the client itself speaks to; `None`: it cannot be told one.
    pub(super) fn of_address(shape: Shape, url: String) -> Option<Self> {
        let address = shape.address?;
        let kind = address.kind.map(|kind| ("type", Field::Text(kind.to_owned())));
        Some(Self(kind.into_iter().chain([(address.key, Field::Text(url))]).collect()))
    }

    /// What a reader makes of it.
    pub(super) fn meaning(&self) -> Value {
        let member = |(key, field): &(&'static str, Field)| {
            let value = match field {
                Field::List(items) => items.iter().map(String::as_str).collect(),
                Field::Text(text) => Value::from(text.as_str()),
            };
            ((*key).to_owned(), value)
        };
        Value::Object(self.0.iter().map(member).collect::<Map<String, Value>>())
    }

    /// A table of JSON: a line for each field, or all on one line.
    pub(super) fn json(&self, style: &Style, indent: Option<&str>) -> String {
        let members: Vec<String> = self.0.iter().map(|(key, field)| format!("{}: {}", json(key), field.json())).collect();
        table(&members, style, indent)
    }

    /// The lines of a table of TOML.
    pub(super) fn toml_lines(&self, newline: &str) -> String {
        let lines: Vec<String> = self.0.iter().map(|(key, field)| format!("{key} = {}{newline}", field.toml())).collect();
        lines.concat()
    }

    /// An inline table of TOML.
    pub(super) fn toml_inline(&self) -> String {
        let members: Vec<String> = self.0.iter().map(|(key, field)| format!("{key} = {}", field.toml())).collect();
        format!("{{ {} }}", members.join(", "))
    }
}

impl Field {
    fn json(&self) -> String {
        match self {
            Self::List(items) => format!("[{}]", items.iter().map(|item| json(item)).collect::<Vec<_>>().join(", ")),
            Self::Text(text) => json(text),
        }
    }

    fn toml(&self) -> String {
        match self {
            Self::List(items) => format!("[{}]", items.iter().map(|item| toml(item)).collect::<Vec<_>>().join(", ")),
            Self::Text(text) => toml(text),
        }
    }
}

/// A table of JSON with these members. `indent` is that of the line with its braces; `None` puts everything on one.
pub(super) fn table(members: &[String], style: &Style, indent: Option<&str>) -> String {
    let Some(indent) = indent else { return format!("{{{}}}", members.join(", ")) };
    let (newline, unit) = (style.newline, style.unit.as_str());
    let separator = format!(",{newline}{indent}{unit}");
    format!("{{{newline}{indent}{unit}{}{newline}{indent}}}", members.join(&separator))
}

/// A string of JSON.
pub(super) fn json(text: &str) -> String {
    Value::from(text).to_string()
}

/// A string of TOML.
fn toml(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}
