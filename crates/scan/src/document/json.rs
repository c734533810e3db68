//! How does JSON become a tree? As editors write it: comments and trailing commas allowed, JSON5's single quotes and bare names too.

use jsonc_parser::ast;
use jsonc_parser::common::{Range, Ranged as _};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use zeroize::Zeroizing;

use super::{Broken, DEEPEST, Entry, Node, Span, Tree, Value};

/// Reads a text that should be JSON.
pub(super) fn read(text: &str) -> Result<Tree, Broken> {
    // A byte order mark is no JSON, yet editors on Windows write it.
    let (json, shift) = text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, '\u{feff}'.len_utf8()));
    let reader = Reader { shift };
    let collect = CollectOptions { comments: CommentCollectionStrategy::Separate, tokens: false };
    let parsed = parse_to_ast(json, &collect, &ParseOptions::default())
        .map_err(|error| broken(error.kind().to_string(), reader.span(error.range())))?;
    let root = parsed.value.as_ref().ok_or_else(|| broken("it is empty".to_owned(), 0..0))?;
    let mut comments: Vec<Span> = parsed
        .comments
        .iter()
        .flat_map(|map| map.values())
        .flat_map(|list| list.iter())
        .map(|comment| reader.span(comment.range()))
        .collect();
    comments.sort_by_key(|span| span.start);
    comments.dedup();
    Ok(Tree { root: reader.node(root, 0)?, comments })
}

struct Reader {
    shift: usize,
}

impl Reader {
    fn span(&self, range: Range) -> Span {
        range.start + self.shift..range.end + self.shift
    }

    fn node(&self, value: &ast::Value<'_>, depth: usize) -> Result<Node, Broken> {
        let span = self.span(value.range());
        if depth > DEEPEST {
            return Err(broken("it is nested too deeply".to_owned(), span));
        }
        let value = match value {
            ast::Value::Array(array) => {
                Value::List(array.elements.iter().map(|element| self.node(element, depth + 1)).collect::<Result<_, _>>()?)
            }
            ast::Value::BooleanLit(boolean) => Value::Word(boolean.value.to_string()),
            ast::Value::NullKeyword(_) => Value::Word("null".to_owned()),
            ast::Value::NumberLit(number) => Value::Word(number.value.to_owned()),
            ast::Value::Object(object) => {
                Value::Table(object.properties.iter().map(|property| self.entry(property, depth + 1)).collect::<Result<_, _>>()?)
            }
            ast::Value::StringLit(text) => Value::Text(Zeroizing::new(text.value.clone().into_owned())),
        };
        Ok(Node { span, value })
    }

    fn entry(&self, property: &ast::ObjectProp<'_>, depth: usize) -> Result<Entry, Broken> {
        let node = self.node(&property.value, depth)?;
        Ok(Entry { name: property.name.as_str().to_owned(), key: self.span(property.name.range()), node })
    }
}

fn broken(what: String, span: Span) -> Broken {
    Broken { format: "JSON", what, span }
}
