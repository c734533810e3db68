//! Which value stands where, and whose is it? Every scalar of a document, by the byte that it begins at.

use std::collections::BTreeMap;

use crate::document::{Document, Node, Span, Value};
use crate::model::{Model, Server};

/// A scalar.
pub(super) struct Scalar<'a> {
    pub(super) span: Span,
    pub(super) text: &'a str,
    /// The number and the name of the server that it belongs to.
    pub(super) server: Option<usize>,
    pub(super) server_name: Option<&'a str>,
    /// Whether it is the program that the server is.
    pub(super) is_command: bool,
}

/// The scalars of a document.
pub(super) fn scalars<'a>(document: &'a Document, model: &Model<'a>) -> BTreeMap<usize, Scalar<'a>> {
    let mut found = BTreeMap::new();
    walk(&document.root, None, &model.servers, &mut found);
    found
}

/// The texts of a document in their order.
pub(super) fn texts(node: &Node) -> Vec<(&Node, &str)> {
    match &node.value {
        Value::List(items) => items.iter().flat_map(texts).collect(),
        Value::Table(entries) => entries.iter().flat_map(|entry| texts(&entry.node)).collect(),
        Value::Text(text) => vec![(node, text.as_str())],
        Value::Word(word) => vec![(node, word.as_str())],
    }
}

fn walk<'a>(node: &'a Node, around: Option<usize>, servers: &[Server<'a>], found: &mut BTreeMap<usize, Scalar<'a>>) {
    let server = servers.iter().position(|server| std::ptr::eq(server.node, node)).or(around);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| walk(item, server, servers, found)),
        Value::Table(entries) => entries.iter().for_each(|entry| walk(&entry.node, server, servers, found)),
        Value::Text(_) | Value::Word(_) => {
            let text = node.text().unwrap_or_default();
            let server_of = server.and_then(|number| servers.get(number));
            let is_command = server_of
                .is_some_and(|server| super::wrap::command_of(server.node).is_some_and(|entry| std::ptr::eq(&raw const entry.node, node)));
            let scalar = Scalar { span: node.span.clone(), text, server, server_name: server_of.map(|server| server.name), is_command };
            found.insert(node.span.start, scalar);
        }
    }
}
