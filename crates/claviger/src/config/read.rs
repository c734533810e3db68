//! How does a text become a tree? Readers of TOML and of JSON as editors write it; both keep the place of every value.

use std::ops::Range;

use super::fault::Fault;
use super::tree::{Entry, Node, Place, Sources, Table, Value};

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
    // A byte order mark is no JSON, yet editors on Windows write it.
    let (text, shift) = text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, '\u{feff}'.len_utf8()));
    let parsed = jsonc_parser::parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &AS_EDITORS_WRITE_IT)
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

/// JSON with comments and trailing commas, and nothing else that JSON has not.
pub(crate) const AS_EDITORS_WRITE_IT: jsonc_parser::ParseOptions = jsonc_parser::ParseOptions {
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

#[cfg(test)]
mod tests {
    use super::super::tree::{Path, Sources};
    use super::from_json;

    #[test]
    fn json_as_editors_write_it_is_read_with_places() {
        let text = "\u{feff}{ // comment\n \"a\": [true, 1.5, null,], }";
        let mut sources = Sources::default();
        let number = sources.add("m.json", text);
        let node = from_json(&sources, number).unwrap();
        let path = Path::default().key("a");
        let (key, value) = (node.place_of_key(&path), node.place_of(&path));
        assert_eq!((&text[key.start..key.end], &text[value.start..value.end]), ("\"a\"", "[true, 1.5, null,]"));
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
