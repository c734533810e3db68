//! How does YAML become a tree? Aliases become nothing: a tree that doubles at each alias would be a bomb.

use saphyr_parser::{Event, Parser, ScalarStyle};
use zeroize::Zeroizing;

use super::{Broken, DEEPEST, Entry, Node, Span, Tree, Value, lines};

/// Reads the first document of a text that should be YAML.
pub(super) fn read(text: &str) -> Result<Tree, Broken> {
    let places = Places::of(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = places.byte(error.marker().index());
            broken(error.info().to_owned(), at..at)
        })?;
        let span = places.byte(span.start.index())..places.byte(span.end.index());
        let closed = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() >= DEEPEST {
                    return Err(broken("it is nested too deeply".to_owned(), span));
                }
                open.push(Open::new(&event, span.start));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| open.close(span.end)),
            Event::Scalar(value, style, ..) => Some(Node { span, value: scalar(&value, style) }),
            Event::Alias(_) => Some(Node { span, value: Value::Word("null".to_owned()) }),
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => None,
        };
        let Some(node) = closed else { continue };
        match open.last_mut() {
            Some(parent) => parent.take(node),
            None => root = Some(node),
        }
    }
    let root = root.ok_or_else(|| broken("it is empty".to_owned(), 0..0))?;
    Ok(Tree { root, comments: lines::comments(text) })
}

/// A list or a table whose end has not come yet.
struct Open {
    start: usize,
    key: Option<Node>,
    value: Value,
}

impl Open {
    fn new(event: &Event<'_>, start: usize) -> Self {
        let value = if matches!(event, Event::SequenceStart(..)) { Value::List(Vec::new()) } else { Value::Table(Vec::new()) };
        Self { start, key: None, value }
    }

    fn take(&mut self, node: Node) {
        match &mut self.value {
            Value::List(items) => items.push(node),
            Value::Table(entries) => match self.key.take() {
                None => self.key = Some(node),
                Some(key) => entries.push(Entry { name: key.text().unwrap_or_default().to_owned(), key: key.span, node }),
            },
            Value::Text(_) | Value::Word(_) => {}
        }
    }

    fn close(self, end: usize) -> Node {
        Node { span: self.start..end, value: self.value }
    }
}

/// The library counts characters, we count bytes.
enum Places {
    Ascii,
    Wide(Vec<usize>),
}

impl Places {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii;
        }
        Self::Wide(text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect())
    }

    fn byte(&self, character: usize) -> usize {
        match self {
            Self::Ascii => character,
            Self::Wide(bytes) => bytes.get(character).or(bytes.last()).copied().unwrap_or_default(),
        }
    }
}

fn scalar(value: &str, style: ScalarStyle) -> Value {
    let bare = matches!(style, ScalarStyle::Plain);
    if bare && (matches!(value, "true" | "false" | "null" | "~" | "") || value.parse::<f64>().is_ok()) {
        return Value::Word(value.to_owned());
    }
    Value::Text(Zeroizing::new(value.to_owned()))
}

fn broken(what: String, span: Span) -> Broken {
    Broken { format: "YAML", what, span }
}
