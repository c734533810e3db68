//! What does a form of a server's ask, and what is an answer to each of its fields? Read from the schema; nothing here speaks (MCP, elicitation).

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value as Json};
use url::Url;

use crate::voice::plain;

/// A form.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) message: String,
    pub(super) fields: Vec<Field>,
}

/// One field of it.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    title: String,
    kind: Kind,
    is_required: bool,
    default: Option<Json>,
}

#[derive(Debug)]
enum Kind {
    Many { choices: Vec<Choice>, least: usize, most: usize },
    Number { is_whole: bool, least: Option<f64>, most: Option<f64> },
    One(Vec<Choice>),
    Text { least: usize, most: usize, format: Option<Format> },
    Truth,
}

#[derive(Debug)]
struct Choice {
    value: String,
    title: String,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Date,
    DateTime,
    Email,
    Uri,
}

impl Form {
    /// `None`: it asks for what no form may.
    pub(super) fn read(params: &Json) -> Option<Self> {
        let message = plain(params.get("message").and_then(Json::as_str).unwrap_or_default());
        let schema = params.get("requestedSchema")?;
        let required: Vec<&str> = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
        let properties = schema.get("properties").and_then(Json::as_object)?;
        if properties.len() > MOST_FIELDS {
            return None;
        }
        let field = |(name, schema): (&String, &Json)| Field::read(name, schema, required.contains(&name.as_str()));
        let fields = properties.iter().map(field).collect::<Option<_>>()?;
        Some(Self { message, fields })
    }
}

impl Field {
    fn read(name: &str, schema: &Json, is_required: bool) -> Option<Self> {
        let text = |member: &str| schema.get(member).and_then(Json::as_str).map(plain);
        let title = match (text("title"), text("description")) {
            (Some(title), Some(description)) => format!("{title}: {description}"),
            (one, other) => one.or(other).unwrap_or_else(|| plain(name)),
        };
        let kind = Kind::read(schema)?;
        let default = schema.get("default").filter(|default| !default.is_null()).cloned();
        Some(Self { name: name.to_owned(), title, kind, is_required, default })
    }

    /// What a person reads before they type, choices included.
    pub(super) fn invitation(&self) -> String {
        let mut text = String::new();
        if let Kind::One(choices) | Kind::Many { choices, .. } = &self.kind {
            for (place, choice) in choices.iter().enumerate() {
                let _ = writeln!(text, "  {}  {}", place + 1, choice.title);
            }
        }
        let default = match &self.default {
            Some(Json::String(text)) => format!(" [{}]", plain(text)),
            Some(other) => format!(" [{}]", plain(&other.to_string())),
            None if self.is_required => String::new(),
            None => " [nothing]".to_owned(),
        };
        format!("{text}{} ({}){default}: ", self.title, self.kind.wanted())
    }

    /// What a line means; an empty one is the default, or nothing where nothing is needed. Else what is wanted.
    pub(super) fn judge(&self, line: &str) -> Result<Option<Json>, String> {
        let line = line.trim();
        if line.is_empty() {
            return match &self.default {
                Some(default) => Ok(Some(default.clone())),
                None if self.is_required => Err("this is needed".to_owned()),
                None => Ok(None),
            };
        }
        self.kind.judge(line).map(Some).ok_or_else(|| format!("this is not {}", self.kind.wanted()))
    }
}

impl Kind {
    fn read(schema: &Json) -> Option<Self> {
        let count = |member: &str| schema.get(member).and_then(Json::as_u64).and_then(|count| usize::try_from(count).ok());
        if let Some(choices) = choices(schema) {
            return Some(Self::One(choices));
        }
        Some(match schema.get("type")?.as_str()? {
            "array" => Self::Many {
                choices: choices(schema.get("items")?)?,
                least: count("minItems").unwrap_or(0),
                most: count("maxItems").unwrap_or(usize::MAX),
            },
            "boolean" => Self::Truth,
            kind @ ("integer" | "number") => {
                let bound = |member: &str| schema.get(member).and_then(Json::as_f64);
                Self::Number { is_whole: kind == "integer", least: bound("minimum"), most: bound("maximum") }
            }
            "string" => Self::Text {
                least: count("minLength").unwrap_or(0),
                most: count("maxLength").unwrap_or(usize::MAX),
                format: schema.get("format").and_then(Json::as_str).and_then(Format::by_name),
            },
            _ => return None,
        })
    }

    fn wanted(&self) -> String {
        match self {
            Self::Many { least: 0, most: usize::MAX, .. } => "numbers of any of these, with commas".to_owned(),
            Self::Many { least, most, choices } => format!("numbers of {least} to {} of these, with commas", (*most).min(choices.len())),
            Self::Number { is_whole, least, most } => {
                let what = if *is_whole { "a whole number" } else { "a number" };
                let least = least.map_or_else(String::new, |least| format!(" from {least}"));
                let most = most.map_or_else(String::new, |most| format!(" to {most}"));
                format!("{what}{least}{most}")
            }
            Self::One(_) => "the number of one of these".to_owned(),
            Self::Text { format: Some(format), .. } => format.wanted().to_owned(),
            Self::Text { least: 0, most: usize::MAX, .. } => "text".to_owned(),
            Self::Text { least, most: usize::MAX, .. } => format!("text of at least {least} characters"),
            Self::Text { least, most, .. } => format!("text of {least} to {most} characters"),
            Self::Truth => "yes or no".to_owned(),
        }
    }

    fn judge(&self, line: &str) -> Option<Json> {
        match self {
            Self::Many { choices, least, most } => {
                let mut chosen: Vec<&str> = Vec::new();
                for word in line.split(',') {
                    let choice = chosen_of(choices, word)?;
                    if !chosen.contains(&choice) {
                        chosen.push(choice);
                    }
                }
                (*least..=*most).contains(&chosen.len()).then(|| chosen.into())
            }
            Self::Number { is_whole, least, most } => {
                let number: serde_json::Number = line.parse().ok()?;
                let size = number.as_f64()?;
                let is_it = (!is_whole || number.is_i64() || number.is_u64())
                    && least.is_none_or(|least| size >= least)
                    && most.is_none_or(|most| size <= most);
                is_it.then(|| number.into())
            }
            Self::One(choices) => chosen_of(choices, line).map(Json::from),
            Self::Text { least, most, format } => {
                let is_it = (*least..=*most).contains(&line.chars().count()) && format.is_none_or(|format| format.admits(line));
                is_it.then(|| line.into())
            }
            Self::Truth => match line.to_lowercase().as_str() {
                "yes" | "y" | "true" => Some(true.into()),
                "no" | "n" | "false" => Some(false.into()),
                _ => None,
            },
        }
    }
}

impl Format {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "date" => Self::Date,
            "date-time" => Self::DateTime,
            "email" => Self::Email,
            "uri" => Self::Uri,
            _ => return None,
        })
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Date => "a date, such as 2026-07-28",
            Self::DateTime => "a time, such as 2026-07-28T12:00:00Z",
            Self::Email => "an e-mail address",
            Self::Uri => "an address, such as https://example.com",
        }
    }

    fn admits(self, text: &str) -> bool {
        match self {
            Self::Date => text.len() == 10 && text.parse::<Date>().is_ok(),
            Self::DateTime => text.parse::<Timestamp>().is_ok(),
            Self::Email => {
                text.split_once('@').is_some_and(|(before, after)| !before.is_empty() && !after.is_empty() && !after.contains('@'))
            }
            Self::Uri => Url::parse(text).is_ok(),
        }
    }
}

/// The choices of a schema, in each way that MCP has had to write them: `enum` with or without `enumNames`, `oneOf` and `anyOf` with titles.
fn choices(schema: &Json) -> Option<Vec<Choice>> {
    let titled = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array);
    let found: Option<Vec<Choice>> = if let Some(titled) = titled {
        let one = |option: &Json| {
            let value = option.get("const")?.as_str()?.to_owned();
            let title = option.get("title").and_then(Json::as_str).unwrap_or(&value);
            Some(Choice { title: plain(title), value })
        };
        titled.iter().map(one).collect()
    } else {
        let values = schema.get("enum")?.as_array()?;
        let titles = schema.get("enumNames").and_then(Json::as_array);
        let one = |(place, value): (usize, &Json)| {
            let value = value.as_str()?.to_owned();
            let title = titles.and_then(|titles| titles.get(place)?.as_str()).unwrap_or(&value);
            Some(Choice { title: plain(title), value })
        };
        values.iter().enumerate().map(one).collect()
    };
    found.filter(|choices| (1..=MOST_CHOICES).contains(&choices.len()))
}

/// By number, by title or as it is.
fn chosen_of<'c>(choices: &'c [Choice], word: &str) -> Option<&'c str> {
    let word = word.trim();
    let by_number = word.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    let by_name = || choices.iter().find(|choice| choice.value == word || choice.title == word);
    by_number.or_else(by_name).map(|choice| choice.value.as_str())
}

/// The answers as a server gets them.
pub(super) fn content(answers: Vec<(String, Json)>) -> Json {
    Json::Object(answers.into_iter().collect::<Map<_, _>>())
}

const MOST_FIELDS: usize = 64;
const MOST_CHOICES: usize = 200;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(schema: &Json, required: &[&str]) -> Field {
        let params = json!({"message": "m", "requestedSchema": {"type": "object", "properties": {"f": schema}, "required": required}});
        Form::read(&params).unwrap().fields.remove(0)
    }

    #[test]
    fn every_kind_of_field_knows_its_answers() {
        for (schema, right, wrong) in [
            (json!({"type": "string", "minLength": 2, "maxLength": 3}), vec![("ab", json!("ab"))], vec!["a", "abcd"]),
            (json!({"type": "string", "format": "email"}), vec![("a@b.c", json!("a@b.c"))], vec!["a", "@b", "a@", "a@b@c"]),
            (json!({"type": "string", "format": "date"}), vec![("2026-02-28", json!("2026-02-28"))], vec!["2026-02-30", "today"]),
            (
                json!({"type": "string", "format": "date-time"}),
                vec![("2026-02-28T01:02:03Z", json!("2026-02-28T01:02:03Z"))],
                vec!["2026-02-28"],
            ),
            (json!({"type": "string", "format": "uri"}), vec![("https://a.b", json!("https://a.b"))], vec!["a b"]),
            (json!({"type": "integer", "minimum": 1, "maximum": 9}), vec![("3", json!(3))], vec!["0", "10", "2.5", "x"]),
            (json!({"type": "number", "maximum": 1}), vec![("0.5", json!(0.5)), ("-1", json!(-1))], vec!["1.5", "NaN"]),
            (json!({"type": "boolean"}), vec![("y", json!(true)), ("No", json!(false))], vec!["maybe"]),
            (
                json!({"type": "string", "enum": ["r", "g"], "enumNames": ["Red", "Green"]}),
                vec![("2", json!("g")), ("Red", json!("r")), ("g", json!("g"))],
                vec!["0", "3", "b"],
            ),
            (json!({"type": "string", "oneOf": [{"const": "r", "title": "Red"}]}), vec![("1", json!("r"))], vec!["2"]),
            (
                json!({"type": "array", "minItems": 1, "maxItems": 2, "items": {"anyOf": [{"const": "a", "title": "A"}, {"const": "b"}, {"const": "c"}]}}),
                vec![("1", json!(["a"])), ("3, b", json!(["c", "b"])), ("1,1", json!(["a"]))],
                vec!["1,2,3", "4", ","],
            ),
        ] {
            let field = field(&schema, &["f"]);
            for (line, value) in right {
                assert_eq!(field.judge(line).unwrap(), Some(value), "{schema} {line}");
            }
            for line in wrong {
                assert!(field.judge(line).unwrap_err().starts_with("this is not "), "{schema} {line}");
            }
            assert_eq!(field.judge(" ").unwrap_err(), "this is needed");
        }
    }

    #[test]
    fn an_empty_line_is_the_default_or_nothing() {
        let with_default = field(&json!({"type": "integer", "title": "Count", "description": "how many", "default": 4}), &["f"]);
        assert_eq!(with_default.judge("").unwrap(), Some(json!(4)));
        assert_eq!(with_default.invitation(), "Count: how many (a whole number) [4]: ");
        let optional = field(&json!({"type": "string", "enum": ["x"]}), &[]);
        assert_eq!(optional.judge("").unwrap(), None);
        assert_eq!(optional.invitation(), "  1  x\nf (the number of one of these) [nothing]: ");
    }

    #[test]
    fn a_form_that_asks_for_what_no_form_may_is_none() {
        for schema in [json!({"type": "object"}), json!({"type": "array", "items": {"type": "string"}}), json!({})] {
            assert!(Form::read(&json!({"requestedSchema": {"properties": {"f": schema}}})).is_none(), "{schema}");
        }
        assert!(Form::read(&json!({"message": "m"})).is_none());
        assert_eq!(Form::read(&json!({"message": "a\u{1b}", "requestedSchema": {"properties": {}}})).unwrap().message, "a\\u{1b}");
    }
}
