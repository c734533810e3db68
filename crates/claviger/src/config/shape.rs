//! Does a text have the shape of `claviger.toml`? Every key and every type is held against the JSON Schema that editors use too.
//!
//! What has the wrong shape becomes a fault and is left out of the result, so that one wrong key does not hide the faults of the others.

use serde_json::Value as Json;

use super::fault::{Fault, Faults, closest};
use super::tree::{Entry, Node, Path, Table, Value};

/// Checks a tree against its schema and gives what has the right shape.
pub(crate) fn check(root: &Node, schema: &Json, faults: &mut Faults) -> Json {
    walk(root, schema, &Path::default(), faults).unwrap_or_else(|| Json::Object(serde_json::Map::new()))
}

fn walk(node: &Node, schema: &Json, path: &Path, faults: &mut Faults) -> Option<Json> {
    if let Some(alternatives) = list(schema, "anyOf") {
        return walk_alternatives(node, alternatives, schema, path, faults);
    }
    if let Some(words) = words(schema) {
        return walk_word(node, &words, path, faults);
    }
    match (&node.value, schema.get("type").and_then(Json::as_str)) {
        (Value::Boolean(boolean), Some("boolean")) => Some(Json::from(*boolean)),
        (Value::Integer(integer), Some("integer")) => walk_integer(*integer, node, schema, path, faults),
        (Value::List(nodes), Some("array")) => {
            let items = schema.get("items").unwrap_or(&Json::Null);
            Some(nodes.iter().enumerate().filter_map(|(index, node)| walk(node, items, &path.index(index), faults)).collect())
        }
        (Value::Table(table), Some("object")) => Some(walk_table(table, schema, path, faults)),
        (Value::Text(text), Some("string")) => Some(Json::from(text.clone())),
        _ => {
            faults.push(Fault::at(node.place.clone(), path, format!("{} is expected, not {}", expected(schema), node.kind())).hide_value());
            None
        }
    }
}

fn walk_table(table: &Table, schema: &Json, path: &Path, faults: &mut Faults) -> Json {
    let known = schema.get("properties").and_then(Json::as_object);
    // A map of any names carries the schema of its values; a table of fixed names carries `false`.
    let open = schema.get("additionalProperties").filter(|schema| schema.is_object());
    let mut result = serde_json::Map::new();
    for (name, entry) in table {
        let below = path.key(name);
        let Some(schema) = known.and_then(|known| known.get(name)).or(open) else {
            let names = known.into_iter().flat_map(serde_json::Map::keys).map(String::as_str);
            faults.push(unknown_key(name, entry, &below, names));
            continue;
        };
        if let Some(value) = walk(&entry.node, schema, &below, faults) {
            result.insert(name.clone(), value);
        }
    }
    Json::Object(result)
}

fn unknown_key<'n>(name: &str, entry: &Entry, path: &Path, names: impl Iterator<Item = &'n str>) -> Fault {
    if let Some((_, what)) = LATER.iter().find(|(pattern, _)| is_at(path, pattern)) {
        return Fault::at(entry.key.clone(), path, format!("{what} is not built in yet")).hint("remove it for now");
    }
    let fault = Fault::at(entry.key.clone(), path, "unknown key");
    let names: Vec<&str> = names.collect();
    match closest(name, names.iter().copied()) {
        Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
        None => fault.hint(format!("known here: {}", quoted(names.iter().copied()))),
    }
}

fn walk_alternatives(node: &Node, alternatives: &[Json], schema: &Json, path: &Path, faults: &mut Faults) -> Option<Json> {
    let mut best: Option<Faults> = None;
    for alternative in alternatives {
        let mut found = Faults::default();
        let value = walk(node, alternative, path, &mut found);
        if found.is_empty() {
            return value;
        }
        // An alternative of the right kind knows better what is wrong inside.
        if value.is_some() {
            best = Some(found);
        }
    }
    match best {
        Some(found) => faults.append(found),
        None => {
            faults.push(Fault::at(node.place.clone(), path, format!("{} is expected, not {}", expected(schema), node.kind())).hide_value());
        }
    }
    None
}

fn walk_word(node: &Node, words: &[&str], path: &Path, faults: &mut Faults) -> Option<Json> {
    if let Some(text) = node.text() {
        if words.contains(&text) {
            return Some(Json::from(text));
        }
        let fault = Fault::at(node.place.clone(), path, format!("must be one of {}", quoted(words.iter().copied())));
        faults.push(match closest(text, words.iter().copied()) {
            Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
            None => fault,
        });
        return None;
    }
    faults.push(
        Fault::at(node.place.clone(), path, format!("must be one of {}, not {}", quoted(words.iter().copied()), node.kind())).hide_value(),
    );
    None
}

fn walk_integer(integer: i64, node: &Node, schema: &Json, path: &Path, faults: &mut Faults) -> Option<Json> {
    let least = schema.get("minimum").and_then(Json::as_i64);
    let most = schema.get("maximum").and_then(Json::as_i64);
    if least.is_some_and(|least| integer < least) || most.is_some_and(|most| integer > most) {
        let range = match (least, most) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("of at least {least}"),
            (None, Some(most)) => format!("of at most {most}"),
            (None, None) => String::new(),
        };
        faults.push(Fault::at(node.place.clone(), path, format!("a whole number {range} is expected")));
        return None;
    }
    Some(Json::from(integer))
}

/// What a schema asks for, in words.
fn expected(schema: &Json) -> String {
    if let Some(alternatives) = list(schema, "anyOf") {
        return alternatives.iter().map(expected).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = words(schema) {
        return format!("one of {}", quoted(words.into_iter()));
    }
    match schema.get("type").and_then(Json::as_str) {
        Some("array") => format!("a list of {}", plural(schema.get("items").and_then(|items| items.get("type")).and_then(Json::as_str))),
        Some("boolean") => "a boolean".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("object") => "a table".to_owned(),
        _ => "text".to_owned(),
    }
}

fn plural(kind: Option<&str>) -> &'static str {
    match kind {
        Some("integer") => "whole numbers",
        Some("object") => "tables",
        _ => "texts",
    }
}

/// The words of an enumeration, with or without a description each.
fn words(schema: &Json) -> Option<Vec<&str>> {
    if let Some(words) = list(schema, "enum") {
        return Some(words.iter().filter_map(Json::as_str).collect());
    }
    list(schema, "oneOf").map(|words| words.iter().filter_map(|word| word.get("const").and_then(Json::as_str)).collect())
}

fn list<'s>(schema: &'s Json, name: &str) -> Option<&'s [Json]> {
    schema.get(name).and_then(Json::as_array).map(Vec::as_slice)
}

fn quoted<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Whether a path is the one of the pattern, where `*` stands for any one step.
fn is_at(path: &Path, pattern: &[&str]) -> bool {
    use super::tree::Step;
    path.steps().len() == pattern.len()
        && path.steps().iter().zip(pattern).all(|(step, wanted)| match step {
            Step::Index(_) => *wanted == "*",
            Step::Key(key) => *wanted == "*" || key == wanted,
        })
}

/// What the product promises and this version does not hold yet.
const LATER: [(&[&str], &str); 6] = [
    (&["alerts"], "alerting"),
    (&["policy"], "the policy language"),
    (&["scan"], "the scanner"),
    (&["servers", "*", "openapi"], "a server made of an OpenAPI document"),
    (&["servers", "*", "pin"], "tool pinning"),
    (&["store"], "state shared by several replicas"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read::from_toml;
    use super::super::tree::Sources;
    use super::{Faults, check};

    fn checked(text: &str) -> (serde_json::Value, Vec<String>) {
        let mut sources = Sources::default();
        let number = sources.add("claviger.toml", text);
        let mut faults = Faults::default();
        let value = check(&from_toml(&sources, number).unwrap(), &super::super::schema::schema(), &mut faults);
        (value, faults.messages().into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn what_is_right_survives_what_is_wrong() {
        let (value, messages) =
            checked("environment = 3\n[listen]\naddress = \"127.0.0.1:1\"\nadress = \"x\"\n[limits]\nbody_bytes = -1\n");
        assert_eq!(value, json!({"listen": {"address": "127.0.0.1:1"}, "limits": {}}));
        assert_eq!(
            messages,
            [
                "`environment`: text is expected, not a whole number",
                "`limits.body_bytes`: a whole number of at least 1 is expected",
                "`listen.adress`: unknown key",
            ]
        );
    }

    #[test]
    fn alternatives_and_words_say_what_they_take() {
        let (_, messages) = checked("[servers.a]\nprotocol = \"modren\"\nscopes = { \"*\" = 5, x = [\"a\", 1] }\ncommand = \"npx\"\n");
        assert_eq!(
            messages,
            [
                "`servers.a.command`: a list of texts is expected, not text",
                "`servers.a.protocol`: must be one of `auto`, `legacy`, `modern`",
                "`servers.a.scopes.\"*\"`: a boolean or text or a list of texts is expected, not a whole number",
                "`servers.a.scopes.x[1]`: text is expected, not a whole number",
            ]
        );
    }

    #[test]
    fn what_comes_later_is_named_as_such() {
        let (_, messages) = checked("[servers.a]\nopenapi = \"x.yaml\"\n");
        assert_eq!(messages, ["`servers.a.openapi`: a server made of an OpenAPI document is not built in yet"]);
    }
}
