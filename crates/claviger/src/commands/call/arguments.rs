//! What does a tool get that is called with `--city Berlin --days 3`? What its schema makes of each word; what the schema does not know is refused before anything is called.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::voice::plain;

/// A tool as its server lists it.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    #[serde(rename = "inputSchema", default)]
    schema: Schema,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Schema {
    properties: Map<String, Json>,
    required: Vec<String>,
    #[serde(rename = "additionalProperties")]
    additional: Option<Json>,
}

/// Why a tool cannot be called with these words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    /// Several arguments could be meant.
    #[error("`--{0}` could be {1}")]
    Ambiguous(String, String),
    /// Something that the tool cannot do without.
    #[error("the tool also wants {0}")]
    Missing(String),
    /// It has no such argument.
    #[error("the tool has no argument `{name}`; it has {known}")]
    Unknown {
        /// What was typed.
        name: String,
        /// What there is.
        known: String,
    },
    /// It is no such value.
    #[error("`--{name} {value}`: the tool wants {wanted}")]
    Value {
        /// Of which argument.
        name: String,
        /// What was typed.
        value: String,
        /// What is wanted.
        wanted: String,
    },
}

impl Tool {
    /// The arguments in one line: `city days? unit?`.
    pub(super) fn usage(&self) -> String {
        let word = |name: &String| format!("{}{}", plain(name), if self.schema.required.contains(name) { "" } else { "?" });
        self.schema.properties.keys().map(word).collect::<Vec<_>>().join(" ")
    }

    /// What was given as JSON, and over it what was given as `NAME=VALUE`, or as `NAME` for a yes.
    pub(super) fn arguments(&self, json: &Map<String, Json>, words: &[String]) -> Result<Map<String, Json>, Misfit> {
        let mut arguments = json.clone();
        let mut typed = Map::new();
        for word in words {
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            let name = self.property(name)?;
            let schema = self.schema.properties.get(&name).unwrap_or(&Json::Null);
            let meant = meant(schema, value).map_err(|wanted| Misfit::Value {
                name: plain(&name),
                value: plain(value.unwrap_or_default()),
                wanted,
            })?;
            match (typed.get_mut(&name), meant) {
                // An argument that takes several may be given several times.
                (Some(Json::Array(before)), Json::Array(more)) => before.extend(more),
                (_, meant) => drop(typed.insert(name, meant)),
            }
        }
        arguments.extend(typed);
        let missing: Vec<&String> = self.schema.required.iter().filter(|name| !arguments.contains_key(*name)).collect();
        if missing.is_empty() { Ok(arguments) } else { Err(Misfit::Missing(self.listed(missing))) }
    }

    /// The argument that a person means: letter for letter, else whatever way its words are joined.
    fn property(&self, typed: &str) -> Result<String, Misfit> {
        if self.schema.properties.contains_key(typed) {
            return Ok(typed.to_owned());
        }
        let known = self.schema.properties.keys();
        let alike: Vec<&String> = known.filter(|name| joined(name) == joined(typed)).collect();
        match alike.as_slice() {
            [one] => Ok((*one).clone()),
            [] if self.schema.is_open() => Ok(typed.to_owned()),
            [] => {
                let known = self.listed(self.schema.properties.keys().collect());
                Err(Misfit::Unknown { name: plain(typed), known: if known.is_empty() { "none".to_owned() } else { known } })
            }
            several => Err(Misfit::Ambiguous(plain(typed), self.listed(several.to_vec()))),
        }
    }

    /// Each with what it takes.
    fn listed(&self, names: Vec<&String>) -> String {
        let one = |name: &String| {
            let kind = self.schema.properties.get(name).map(wanted).unwrap_or_default();
            format!("`--{}` ({kind})", plain(name))
        };
        names.into_iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

impl Schema {
    /// Whether it takes what it does not name. Most schemas leave that open without meaning it; one that names nothing means it.
    fn is_open(&self) -> bool {
        match self.additional {
            Some(Json::Bool(is_open)) => is_open,
            Some(_) => true,
            None => self.properties.is_empty(),
        }
    }
}

/// The value that is meant; else what would be one.
fn meant(schema: &Json, typed: Option<&str>) -> Result<Json, String> {
    let kinds = kinds(schema);
    let has = |kind: &str| kinds.contains(&kind);
    let Some(text) = typed else {
        return if kinds.is_empty() || has("boolean") { Ok(true.into()) } else { Err(wanted(schema)) };
    };
    if let Some(options) = schema.get("enum").and_then(Json::as_array) {
        let parsed = serde_json::from_str::<Json>(text).ok();
        let is_it = |option: &&Json| option.as_str() == Some(text) || parsed.as_ref() == Some(option);
        return options.iter().find(is_it).cloned().ok_or_else(|| wanted(schema));
    }
    let parsed = serde_json::from_str::<Json>(text).ok();
    let fits = |value: &Json| match value {
        Json::Array(_) => has("array"),
        Json::Bool(_) => has("boolean"),
        Json::Null => has("null"),
        Json::Number(_) if has("number") => true,
        Json::Number(number) => has("integer") && (number.is_i64() || number.is_u64()),
        Json::Object(_) => has("object"),
        Json::String(_) => false,
    };
    match parsed {
        // Whatever is not said to be text is what it looks like.
        Some(value) if kinds.is_empty() || fits(&value) => Ok(value),
        _ if kinds.is_empty() || has("string") => Ok(text.into()),
        _ if has("array") => meant(schema.get("items").unwrap_or(&Json::Null), typed).map(|one| Json::Array(vec![one])),
        _ => Err(wanted(schema)),
    }
}

/// What a person may type there.
fn wanted(schema: &Json) -> String {
    if let Some(options) = schema.get("enum").and_then(Json::as_array) {
        let one = |option: &Json| plain(&option.as_str().map_or_else(|| option.to_string(), str::to_owned));
        return options.iter().take(MOST_SHOWN).map(one).collect::<Vec<_>>().join(", ");
    }
    match kinds(schema).as_slice() {
        [] => "anything".to_owned(),
        ["array"] => schema.get("items").map_or_else(|| "several".to_owned(), |items| format!("several: {}", wanted(items))),
        ["boolean"] => "true or false".to_owned(),
        ["object"] => "a JSON object".to_owned(),
        kinds => plain(&kinds.join(" or ")),
    }
}

/// Also of a schema that has alternatives.
fn kinds(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(kind)) => vec![kind],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => {
            let alternatives = ["anyOf", "oneOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
            alternatives.flat_map(kinds).collect()
        }
    }
}

/// `max_results`, `maxResults` and `max-results` alike.
fn joined(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '-' | '_')).flat_map(char::to_lowercase).collect()
}

const MOST_SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool() -> Tool {
        serde_json::from_value(json!({"name": "forecast", "inputSchema": {"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}, "maxWind": {"type": "number"},
            "hourly": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}}, "near": {"type": ["object", "null"]},
            "id": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}}))
        .unwrap()
    }

    fn arguments(words: &[&str]) -> Result<Json, String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        tool().arguments(&Map::new(), &words).map(Json::from).map_err(|misfit| misfit.to_string())
    }

    #[test]
    fn words_become_what_the_schema_says() {
        let words = ["city=7", "days=3", "unit=C", "max-wind=1.5", "hourly", "tags=a", "tags=b", "near={\"x\":1}", "id=8"];
        assert_eq!(
            arguments(&words).unwrap(),
            json!({"city": "7", "days": 3, "unit": "C", "maxWind": 1.5, "hourly": true, "tags": ["a", "b"], "near": {"x": 1}, "id": 8})
        );
        assert_eq!(arguments(&["city=", "hourly=false", "tags=[\"a\",\"b\"]", "id=x=y"]).unwrap()["id"], "x=y");
        assert_eq!(arguments(&["city=a", "city=b"]).unwrap(), json!({"city": "b"}));
    }

    #[test]
    fn what_the_tool_does_not_know_or_lacks_is_said_before_the_call() {
        assert_eq!(arguments(&["days=3"]).unwrap_err(), "the tool also wants `--city` (string)");
        assert_eq!(arguments(&["city=a", "days=3.5"]).unwrap_err(), "`--days 3.5`: the tool wants integer");
        assert_eq!(arguments(&["city=a", "unit=K"]).unwrap_err(), "`--unit K`: the tool wants C, F");
        assert_eq!(arguments(&["city"]).unwrap_err(), "`--city `: the tool wants string");
        assert!(
            arguments(&["town=a"])
                .unwrap_err()
                .starts_with("the tool has no argument `town`; it has `--city` (string), `--days` (integer)")
        );
    }

    #[test]
    fn words_go_over_json_and_a_line_says_what_there_is() {
        let json = json!({"city": "Bonn", "days": 1}).as_object().unwrap().clone();
        let both = tool().arguments(&json, &["days=2".to_owned()]).unwrap();
        assert_eq!(Json::from(both), json!({"city": "Bonn", "days": 2}));
        assert_eq!(tool().usage(), "city days? hourly? id? maxWind? near? tags? unit?");
        let open: Tool = serde_json::from_value(json!({"name": "x"})).unwrap();
        assert_eq!(Json::from(open.arguments(&Map::new(), &["a=1".to_owned()]).unwrap()), json!({"a": 1}));
        let closed: Tool = serde_json::from_value(json!({"name": "x", "inputSchema": {"additionalProperties": false}})).unwrap();
        assert_eq!(
            closed.arguments(&Map::new(), &["a=1".to_owned()]).unwrap_err().to_string(),
            "the tool has no argument `a`; it has none"
        );
    }
}
