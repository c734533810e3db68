//! How does TOML become a tree?

use toml_edit::{Item, Key, TableLike};
use zeroize::Zeroizing;

use super::{Broken, Entry, Node, Span, Tree, Value, lines};

/// Reads a text that should be TOML. The depth is limited by the library.
pub(super) fn read(text: &str) -> Result<Tree, Broken> {
    let document = toml_edit::Document::parse(text).map_err(|error| {
        let what = error.message().lines().collect::<Vec<_>>().join("; ");
        Broken { format: "TOML", what, span: error.span().unwrap_or(0..0) }
    })?;
    let root = Node { span: 0..text.len(), value: table(document.as_table(), &(0..text.len())) };
    Ok(Tree { root, comments: lines::comments(text) })
}

fn table(table: &dyn TableLike, around: &Span) -> Value {
    let mut entries = Vec::new();
    for (name, item) in table.iter() {
        let key = table.key(name).and_then(Key::span).unwrap_or_else(|| around.clone());
        if let Some(node) = node(item, &key) {
            entries.push(Entry { name: name.to_owned(), key, node });
        }
    }
    Value::Table(entries)
}

fn node(item: &Item, around: &Span) -> Option<Node> {
    let span = item.span().unwrap_or_else(|| around.clone());
    let value = match item {
        Item::None => return None,
        Item::Value(value) => scalar(value, &span),
        Item::Table(inner) => table(inner, &span),
        Item::ArrayOfTables(tables) => Value::List(
            tables
                .iter()
                .map(|inner| {
                    let span = inner.span().unwrap_or_else(|| span.clone());
                    Node { value: table(inner, &span), span }
                })
                .collect(),
        ),
    };
    Some(Node { span, value })
}

fn scalar(value: &toml_edit::Value, around: &Span) -> Value {
    match value {
        toml_edit::Value::Array(list) => Value::List(
            list.iter()
                .map(|inner| {
                    let span = inner.span().unwrap_or_else(|| around.clone());
                    Node { value: scalar(inner, &span), span }
                })
                .collect(),
        ),
        toml_edit::Value::Boolean(boolean) => Value::Word(boolean.value().to_string()),
        toml_edit::Value::Datetime(datetime) => Value::Word(datetime.value().to_string()),
        // With an exponent where it has one: written out, five bytes would be three hundred.
        toml_edit::Value::Float(float) => Value::Word(format!("{:?}", float.value())),
        toml_edit::Value::InlineTable(inner) => table(inner, around),
        toml_edit::Value::Integer(integer) => Value::Word(integer.value().to_string()),
        toml_edit::Value::String(text) => Value::Text(Zeroizing::new(text.value().clone())),
    }
}
