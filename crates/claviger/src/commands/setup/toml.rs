//! How does an entry get into TOML? As lines of its own, which leave every other byte alone; into a table on one line as a member more.

use std::ops::Range;

use scan::fix::newline;
use serde_json::Value;
use toml_edit::{Document, Item, Table, TableLike};

use super::splice::{Edit, Outcome, Unfit, Why, Wish, line_start, spliced};

/// The text with the entry in it.
pub(super) fn with_entry(wish: &Wish<'_>) -> Result<Outcome, Unfit> {
    let broken = |at: usize, what: &str| Why::Broken(format!("this is not TOML: {}", what.lines().next().unwrap_or_default())).at(at);
    let document = Document::parse(wish.text).map_err(|error| broken(error.span().map_or(0, |span| span.start), error.message()))?;
    let said: Value = toml_edit::de::from_str(wish.text).map_err(|error| broken(0, error.message()))?;
    let root = document.as_table();
    let Some(section) = root.get(wish.section) else { return first_that_fits(wish, &said, [vec![at_end(wish)]]) };
    let key_at = |table: &dyn TableLike, name: &str| table.key(name).and_then(toml_edit::Key::span).map_or(0, |span| span.start);
    let Some(servers) = section.as_table_like() else { return Err(Why::NoTable.at(key_at(root, wish.section))) };
    let Some(there) = servers.get(wish.name) else {
        let ways = if section.is_value() {
            vec![vec![into_line(wish, section, servers)]]
        } else {
            vec![vec![behind(wish, section)], vec![at_end(wish)]]
        };
        return first_that_fits(wish, &said, ways);
    };
    let is_same = said.get(wish.section).and_then(|servers| servers.get(wish.name)) == Some(&wish.entry.meaning());
    match there {
        _ if is_same => Ok(Outcome::Already),
        _ if !wish.replaces => Err(Why::Different.at(key_at(servers, wish.name))),
        Item::Value(value) => {
            let edit = value.span().map(|span| Edit { span, after: wish.entry.toml_inline() });
            first_that_fits(wish, &said, edit.map(|edit| vec![edit]))
        }
        Item::Table(table) => first_that_fits(wish, &said, in_place_of(wish, table)),
        Item::ArrayOfTables(_) | Item::None => Err(Why::NoTable.at(key_at(servers, wish.name))),
    }
}

/// A file with nothing but the entry.
pub(super) fn alone(wish: &Wish<'_>, newline: &str) -> String {
    let key = |name: &str| toml_edit::Key::new(name).to_string();
    format!("[{}.{}]{newline}{}", key(wish.section), key(wish.name), wish.entry.toml_lines(newline))
}

/// The first of some ways to change the text after which it says what it should.
fn first_that_fits(wish: &Wish<'_>, said: &Value, ways: impl IntoIterator<Item = Vec<Edit>>) -> Result<Outcome, Unfit> {
    let wanted = wish.fulfilled(said.clone());
    let mut at = 0;
    for edits in ways {
        at = edits.first().map_or(at, |edit| edit.span.start);
        if let Some(changed) = spliced(wish.text, &edits)
            && toml_edit::de::from_str::<Value>(&changed).ok() == wanted
        {
            return Ok(Outcome::Changed(changed));
        }
    }
    Err(Why::Intricate.at(at))
}

fn at_end(wish: &Wish<'_>) -> Edit {
    paragraph(wish, wish.text.len()..wish.text.len())
}

/// Behind the servers that are there.
fn behind(wish: &Wish<'_>, section: &Item) -> Edit {
    let at = line_end(wish.text, last_byte(section));
    paragraph(wish, at..at)
}

/// The entry in the place of some lines, with an empty line between it and its neighbours.
fn paragraph(wish: &Wish<'_>, lines: Range<usize>) -> Edit {
    let newline = newline(wish.text);
    let before = wish.text.get(..lines.start).unwrap_or_default();
    let after = wish.text.get(lines.end..).unwrap_or_default();
    let is_first = before.trim().is_empty();
    let lead = match (before.ends_with('\n'), before.ends_with("\n\n") || before.ends_with("\n\r\n")) {
        _ if before.is_empty() => String::new(),
        (true, spaced) => {
            if is_first || spaced {
                String::new()
            } else {
                newline.to_owned()
            }
        }
        (false, _) => format!("{newline}{newline}"),
    };
    let trail = if after.is_empty() || after.starts_with('\n') || after.starts_with("\r\n") { "" } else { newline };
    Edit { span: lines, after: format!("{lead}{}{trail}", alone(wish, newline)) }
}

/// A member more of a table on one line.
fn into_line(wish: &Wish<'_>, section: &Item, servers: &dyn TableLike) -> Edit {
    let member = format!("{} = {}", toml_edit::Key::new(wish.name), wish.entry.toml_inline());
    let last = servers.iter().map(|(_, item)| last_byte(item)).max();
    match (last, section.span()) {
        (Some(end), _) => Edit::insertion(end, format!(", {member}")),
        (None, Some(span)) => Edit { after: format!("{{ {member} }}"), span },
        (None, None) => Edit::insertion(0, member),
    }
}

/// The lines of a table and of those below it make way.
fn in_place_of(wish: &Wish<'_>, table: &Table) -> Option<Vec<Edit>> {
    let mut lines = Vec::new();
    paragraphs(wish.text, table, &mut lines)?;
    lines.sort_by_key(|range: &Range<usize>| range.start);
    let gone = |span: Range<usize>| Edit { span, after: String::new() };
    let mut edits: Vec<Edit> = lines.into_iter().map(gone).collect();
    let first = edits.first_mut()?;
    first.after = alone(wish, newline(wish.text));
    Some(edits)
}

/// The lines of a table, each with those below it; `None`: it has no line of its own.
fn paragraphs(text: &str, table: &Table, found: &mut Vec<Range<usize>>) -> Option<()> {
    let below: Vec<&Table> = table.iter().filter_map(|(_, item)| item.as_table()).filter(|table| !table.is_dotted()).collect();
    let own = table.iter().filter(|(_, item)| item.as_table().is_none_or(Table::is_dotted)).map(|(_, item)| last_byte(item)).max();
    match table.span().filter(|_| !table.is_implicit() && !table.is_dotted()) {
        Some(header) => found.push(line_start(text, header.start)..line_end(text, own.unwrap_or_default().max(header.end))),
        None if own.is_some() || table.is_dotted() => return None,
        None => {}
    }
    below.into_iter().try_for_each(|table| paragraphs(text, table, found))
}

/// Where the last byte of an item is that stands below it, wherever that is.
fn last_byte(item: &Item) -> usize {
    let below = |table: &dyn TableLike| table.iter().map(|(_, item)| last_byte(item)).max().unwrap_or_default();
    let own = item.span().map_or(0, |span| span.end);
    match item {
        Item::ArrayOfTables(tables) => {
            tables.iter().map(|table| below(table).max(table.span().map_or(0, |span| span.end))).max().unwrap_or_default().max(own)
        }
        Item::None | Item::Value(_) => own,
        Item::Table(table) => own.max(below(table)),
    }
}

/// Where the next line begins.
fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |found| at + found + 1)
}
