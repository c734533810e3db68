//! How does an entry get into JSON as editors write it? By bytes: comments, blanks, line ends and trailing commas stay what they are.

use jsonc_parser::ast::{self, Object, ObjectProp};
use jsonc_parser::common::Ranged;
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, parse_to_ast};
use scan::fix::newline;
use serde_json::{Map, Value};

use super::entry::{json, table};
use super::splice::{Edit, Outcome, Style, Unfit, Why, Wish, begins_line, indentation, spliced};
use crate::config::read::AS_EDITORS_WRITE_IT;

/// The text with the entry in it.
pub(super) fn with_entry(wish: &Wish<'_>) -> Result<Outcome, Unfit> {
    let parsed = Parsed::read(wish.text)?;
    let Some(root) = &parsed.root else { return proved(wish, Value::Object(Map::new()), &[at_end(wish)]) };
    let page = Page { wish, root, tokens: &parsed.tokens, style: style(wish.text, root) };
    let edits = match member(root, wish.section)? {
        None => page.inserted(root, |indent| page.section(indent)),
        Some(section) => {
            let ast::Value::Object(servers) = &section.value else { return Err(Why::NoTable.at(section.value.start())) };
            match member(servers, wish.name)? {
                None => page.inserted(servers, |indent| page.entry(indent)),
                Some(there) if meaning(&there.value) == wish.entry.meaning() => return Ok(Outcome::Already),
                Some(there) if !wish.replaces => return Err(Why::Different.at(there.name.start())),
                Some(there) => vec![page.replaced(there)],
            }
        }
    };
    proved(wish, table_meaning(root), &edits)
}

/// A file with nothing but the entry.
pub(super) fn alone(wish: &Wish<'_>, newline: &'static str) -> String {
    let style = Style { newline, unit: "  ".to_owned() };
    let entry = format!("{}: {}", json(wish.name), wish.entry.json(&style, Some("    ")));
    let section = format!("{}: {}", json(wish.section), table(&[entry], &style, Some("  ")));
    format!("{}{newline}", table(&[section], &style, Some("")))
}

/// What stands in a text.
struct Parsed<'t> {
    /// `None`: there is nothing but blanks and comments.
    root: Option<Object<'t>>,
    /// Comments among them.
    tokens: Vec<TokenAndRange<'t>>,
}

impl<'t> Parsed<'t> {
    fn read(text: &'t str) -> Result<Self, Unfit> {
        let collect = CollectOptions { comments: CommentCollectionStrategy::AsTokens, tokens: true };
        let parsed = parse_to_ast(text, &collect, &AS_EDITORS_WRITE_IT)
            .map_err(|error| Why::Broken(format!("this is not JSON: {}", error.kind())).at(error.range().start))?;
        let root = match parsed.value {
            None => None,
            Some(ast::Value::Object(root)) => Some(root),
            Some(other) => return Err(Why::NoTable.at(other.start())),
        };
        Ok(Self { root, tokens: parsed.tokens.unwrap_or_default() })
    }
}

/// What an edit looks at.
struct Page<'p, 't> {
    wish: &'p Wish<'t>,
    root: &'p Object<'t>,
    tokens: &'p [TokenAndRange<'t>],
    style: Style,
}

impl Page<'_, '_> {
    /// The member that is the entry, on lines of this indentation or on one line.
    fn entry(&self, indent: Option<&str>) -> String {
        format!("{}: {}", json(self.wish.name), self.wish.entry.json(&self.style, indent))
    }

    /// The member that is a table with nothing but the entry.
    fn section(&self, indent: Option<&str>) -> String {
        let inner = indent.map(|indent| format!("{indent}{}", self.style.unit));
        format!("{}: {}", json(self.wish.section), table(&[self.entry(inner.as_deref())], &self.style, indent))
    }

    /// A member more, behind those that are there. `write` gives it for the indentation of its line, or for a line with others.
    fn inserted(&self, object: &Object<'_>, write: impl Fn(Option<&str>) -> String) -> Vec<Edit> {
        let close = object.end().saturating_sub(1);
        let inside = || self.tokens.iter().filter(|token| token.start() > object.start() && token.end() <= close);
        let tail = inside().next_back();
        let last = object.properties.last();
        let behind_last = || inside().filter(|token| last.is_some_and(|last| token.start() >= last.end()));
        let has_comma = behind_last().any(|token| matches!(token.token, Token::Comma));
        let needs_line = tail.is_some_and(|token| matches!(token.token, Token::CommentLine(_)));
        let tail = tail.map_or(object.start() + 1, Ranged::end);
        let mut edits = Vec::new();
        if let Some(last) = last.filter(|_| !has_comma) {
            edits.push(Edit::insertion(last.end(), ",".to_owned()));
        }
        let comma = if last.is_some() && has_comma { "," } else { "" };
        let Some(indent) = self.indent_of_members(object, needs_line) else {
            let blank = if last.is_some() { " " } else { "" };
            edits.push(Edit::insertion(tail, format!("{blank}{}{comma}", write(None))));
            return edits;
        };
        let newline = self.style.newline;
        let member = format!("{newline}{indent}{}{comma}", write(Some(&indent)));
        let gap = self.wish.text.get(tail..close).unwrap_or_default();
        edits.push(if gap.contains('\n') {
            Edit::insertion(tail, member)
        } else {
            Edit { span: tail..close, after: format!("{member}{newline}{}", indentation(self.wish.text, object.start())) }
        });
        edits
    }

    /// The indentation of the object's members; `None` where they share a line.
    fn indent_of_members(&self, object: &Object<'_>, needs_line: bool) -> Option<String> {
        let deeper = || format!("{}{}", indentation(self.wish.text, object.start()), self.style.unit);
        match object.properties.last() {
            Some(last) if begins_line(self.wish.text, last.start()) => Some(indentation(self.wish.text, last.start()).to_owned()),
            Some(_) => needs_line.then(deeper),
            None => {
                let shares_a_line = !self.root.properties.is_empty()
                    && !self.wish.text.get(self.root.start()..self.root.end()).is_some_and(|text| text.contains('\n'));
                (needs_line || !shares_a_line).then(deeper)
            }
        }
    }

    /// Another value for a member.
    fn replaced(&self, member: &ObjectProp<'_>) -> Edit {
        let span = member.value.start()..member.value.end();
        let has_lines = self.wish.text.get(span.clone()).is_some_and(|old| old.contains('\n'));
        let indent = has_lines.then(|| indentation(self.wish.text, member.start()));
        Edit { span, after: self.wish.entry.json(&self.style, indent) }
    }
}

/// A whole file, behind whatever blanks and comments there are.
fn at_end(wish: &Wish<'_>) -> Edit {
    let newline = newline(wish.text);
    let lead = if wish.text.is_empty() || wish.text.ends_with('\n') { "" } else { newline };
    Edit::insertion(wish.text.len(), format!("{lead}{}", alone(wish, newline)))
}

/// The changed text, if it says what it should.
fn proved(wish: &Wish<'_>, said: Value, edits: &[Edit]) -> Result<Outcome, Unfit> {
    let intricate = Why::Intricate.at(edits.first().map_or(0, |edit| edit.span.start));
    let Some(changed) = spliced(wish.text, edits) else { return Err(intricate) };
    let says = Parsed::read(&changed).ok().and_then(|parsed| Some(table_meaning(parsed.root.as_ref()?)));
    match says {
        Some(says) if Some(&says) == wish.fulfilled(said).as_ref() => Ok(Outcome::Changed(changed)),
        _ => Err(intricate),
    }
}

/// The member of that name. Two of them mean one thing to one reader and another to the next.
fn member<'o, 't>(object: &'o Object<'t>, name: &str) -> Result<Option<&'o ObjectProp<'t>>, Unfit> {
    let mut found = object.properties.iter().filter(|property| property.name.as_str() == name);
    let first = found.next();
    match found.next() {
        Some(second) => Err(Why::Twice(name.to_owned()).at(second.name.start())),
        None => Ok(first),
    }
}

/// How far the members of the whole are indented is one step.
fn style(text: &str, root: &Object<'_>) -> Style {
    let first = root.properties.iter().map(Ranged::start).find(|start| begins_line(text, *start));
    let unit = first.map(|start| indentation(text, start)).filter(|unit| !unit.is_empty()).unwrap_or("  ");
    Style { newline: newline(text), unit: unit.to_owned() }
}

/// What a reader makes of a value.
fn meaning(value: &ast::Value<'_>) -> Value {
    match value {
        ast::Value::Array(array) => array.elements.iter().map(meaning).collect(),
        ast::Value::BooleanLit(boolean) => Value::Bool(boolean.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::NumberLit(number) => serde_json::from_str(number.value).unwrap_or_else(|_| Value::from(number.value)),
        ast::Value::Object(object) => table_meaning(object),
        ast::Value::StringLit(text) => Value::from(text.value.as_ref()),
    }
}

fn table_meaning(object: &Object<'_>) -> Value {
    Value::Object(object.properties.iter().map(|property| (property.name.as_str().to_owned(), meaning(&property.value))).collect())
}
