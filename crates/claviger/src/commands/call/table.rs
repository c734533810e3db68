//! What does a result look like as rows and columns? A list of objects has a row for each, one object a row for each member; anything else is no table.

use serde_json::{Map, Value as Json};

use crate::voice::plain;

/// The table; `None`: it is none.
pub(super) fn table(value: &Json) -> Option<String> {
    match value {
        Json::Array(rows) if !rows.is_empty() => of_list(rows),
        // What a server wraps, because a result is an object: `{"items": […]}`.
        Json::Object(members) => match members.iter().next() {
            Some((_, Json::Array(rows))) if members.len() == 1 && !rows.is_empty() => of_list(rows),
            Some(_) => {
                let rows: Vec<Vec<String>> = members.iter().map(|(name, value)| vec![plain(name), cell(Some(value))]).collect();
                Some(written(&rows))
            }
            None => None,
        },
        _ => None,
    }
}

/// Rows of any cells, in columns; the last one is as wide as it is.
pub(super) fn written(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn of_list(rows: &[Json]) -> Option<String> {
    let objects: Option<Vec<&Map<String, Json>>> = rows.iter().map(Json::as_object).collect();
    let Some(objects) = objects else {
        let is_plain = rows.iter().all(|row| !row.is_object() && !row.is_array());
        return is_plain.then(|| written(&rows.iter().map(|row| vec![cell(Some(row))]).collect::<Vec<_>>()));
    };
    let mut columns: Vec<&String> = Vec::new();
    for name in objects.iter().flat_map(|row| row.keys()) {
        if !columns.contains(&name) && columns.len() < MOST_COLUMNS {
            columns.push(name);
        }
    }
    let head = columns.iter().map(|name| plain(name).to_uppercase()).collect();
    let body = objects.iter().map(|row| columns.iter().map(|name| cell(row.get(*name))).collect());
    Some(written(&std::iter::once(head).chain(body).collect::<Vec<_>>()))
}

fn cell(value: Option<&Json>) -> String {
    let text = match value {
        None | Some(Json::Null) => return "-".to_owned(),
        Some(Json::String(text)) => plain(text),
        Some(other) => plain(&other.to_string()),
    };
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().count() <= WIDEST {
        return one_line;
    }
    one_line.chars().take(WIDEST - 1).chain(['…']).collect()
}

const MOST_COLUMNS: usize = 12;
const WIDEST: usize = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_objects_has_a_row_for_each_and_a_column_for_each_name() {
        let rows = json!([{"city": "Bonn", "days": 3}, {"city": "Köln", "wind": [1, 2]}]);
        let expected = "CITY  DAYS  WIND\nBonn  3     -\nKöln  -     [1,2]\n";
        assert_eq!(table(&rows).unwrap(), expected);
        assert_eq!(table(&json!({"items": rows})).unwrap(), expected);
    }

    #[test]
    fn an_object_has_a_row_for_each_member_and_a_plain_list_one_column() {
        assert_eq!(table(&json!({"a": 1, "bcd": "x\u{1b}[2J\ny"})).unwrap(), "a    1\nbcd  x\\u{1b}[2J y\n");
        assert_eq!(table(&json!(["a", 2, null])).unwrap(), "a\n2\n-\n");
        for none in [json!([]), json!({}), json!("text"), json!(7), json!([[1], [2]])] {
            assert_eq!(table(&none), None, "{none}");
        }
    }

    #[test]
    fn what_is_too_wide_is_cut() {
        let text = table(&json!({"a": "x".repeat(100)})).unwrap();
        assert_eq!(text.trim_end().chars().count(), 3 + WIDEST);
        assert!(text.ends_with("…\n"));
    }
}
