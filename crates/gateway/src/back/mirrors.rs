//! Which arguments does a tool's schema have repeated in a header, and do the two say the same? (2026-07-28, Streamable HTTP, custom headers)

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use mcp::header;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One argument that a header repeats.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mirror {
    pub(super) header: HeaderName,
    /// The members that lead to it, from the arguments down.
    path: Vec<String>,
}

impl Mirror {
    /// Whether header and argument are both there and say the same, or are both not there.
    pub(super) fn agrees(&self, arguments: Option<&str>, headers: &HeaderMap) -> bool {
        let argument = arguments.and_then(|arguments| member_at(arguments, &self.path)).filter(|value| *value != "null");
        let mut values = headers.get_all(&self.header).iter();
        match (argument, values.next(), values.next()) {
            (None, None, _) => true,
            (Some(argument), Some(value), None) => {
                value.to_str().is_ok_and(|value| header::matches_body(value, argument).unwrap_or_default())
            }
            // Missing, said twice, or said of an argument that is not there.
            _ => false,
        }
    }
}

/// One page of a `tools/list`, as far as headers repeat arguments.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) tools: HashMap<String, Vec<Mirror>>,
    /// How long the server says that it is good for.
    pub(super) lifetime: Option<Duration>,
    pub(super) next: Option<String>,
}

impl Listed {
    /// Reads a result. `None`: it is none of `tools/list`.
    pub(super) fn of(result: &str) -> Option<Self> {
        let Page { tools, next, ttl } = serde_json::from_str(result).ok()?;
        let mirrored = tools.into_iter().map(|tool| (tool.name, mirrors_of(&tool.schema))).filter(|(_, mirrors)| !mirrors.is_empty());
        Some(Self { tools: mirrored.collect(), lifetime: ttl.map(Duration::from_millis), next })
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tools: Vec<Tool>,
    #[serde(rename = "nextCursor")]
    next: Option<String>,
    #[serde(rename = "ttlMs")]
    ttl: Option<u64>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    #[serde(default, rename = "inputSchema")]
    schema: Value,
}

/// The arguments that headers repeat. A tool with an annotation that breaks the rules is one that clients must not offer; nothing is checked
/// of it.
fn mirrors_of(schema: &Value) -> Vec<Mirror> {
    let mut mirrors: Vec<Mirror> = Vec::new();
    if gather(schema, &mut Vec::new(), &mut mirrors).is_none() {
        return Vec::new();
    }
    let names: std::collections::HashSet<&HeaderName> = mirrors.iter().map(|mirror| &mirror.header).collect();
    if names.len() == mirrors.len() { mirrors } else { Vec::new() }
}

/// Walks `properties` and nothing else: an annotation anywhere else counts for nothing. `None` for one that breaks the rules.
fn gather(schema: &Value, path: &mut Vec<String>, mirrors: &mut Vec<Mirror>) -> Option<()> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Some(()) };
    if path.len() >= DEPTH {
        return Some(());
    }
    for (name, property) in properties {
        path.push(name.clone());
        if let Some(annotation) = property.get("x-mcp-header") {
            let is_simple = matches!(property.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean"));
            let suffix = annotation.as_str().filter(|suffix| !suffix.is_empty() && is_simple)?;
            let header = HeaderName::try_from(format!("{}{}", header::PARAM_PREFIX, suffix.to_ascii_lowercase())).ok()?;
            mirrors.push(Mirror { header, path: path.clone() });
        }
        gather(property, path, mirrors)?;
        path.pop();
    }
    Some(())
}

/// The value at a path of member names, as written.
fn member_at<'a>(object: &'a str, path: &[String]) -> Option<&'a str> {
    path.iter().try_fold(object, |object, name| {
        let members: HashMap<std::borrow::Cow<'a, str>, &'a RawValue> = serde_json::from_str(object).ok()?;
        members.get(name.as_str()).map(|value| value.get())
    })
}

const DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn mirrors() -> Vec<Mirror> {
        mirrors_of(&serde_json::json!({ "type": "object", "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "place": { "type": "object", "properties": { "floor": { "type": "integer", "x-mcp-header": "Floor" } } },
            "note": { "type": "string" },
        }}))
    }

    #[test]
    fn annotated_arguments_are_found_at_any_depth_of_properties() {
        let found: Vec<(String, Vec<String>)> = mirrors().into_iter().map(|mirror| (mirror.header.to_string(), mirror.path)).collect();
        assert!(found.contains(&("mcp-param-region".into(), vec!["region".into()])));
        assert!(found.contains(&("mcp-param-floor".into(), vec!["place".into(), "floor".into()])));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn tools_whose_annotations_break_the_rules_are_not_checked() {
        for property in [
            r#"{"a":{"type":"number","x-mcp-header":"A"}}"#,
            r#"{"a":{"type":"string","x-mcp-header":""}}"#,
            r#"{"a":{"type":"string","x-mcp-header":"A B"}}"#,
            r#"{"a":{"type":"string","x-mcp-header":7}}"#,
            r#"{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}"#,
        ] {
            let properties: Value = serde_json::from_str(property).unwrap();
            assert_eq!(mirrors_of(&serde_json::json!({ "properties": properties })), [], "{property}");
        }
    }

    #[test]
    fn header_and_argument_must_both_be_there_and_say_the_same() {
        let mirrors = mirrors();
        let agrees = |arguments: &str, pairs: &[(&'static str, &str)]| {
            let headers = headers(pairs);
            mirrors.iter().all(|mirror| mirror.agrees(Some(arguments), &headers))
        };
        assert!(agrees("{}", &[]));
        assert!(agrees(r#"{"region":null}"#, &[]));
        assert!(agrees(r#"{"region":"eu"}"#, &[("mcp-param-region", "eu")]));
        assert!(agrees(r#"{"region":"Hello"}"#, &[("mcp-param-region", "=?base64?SGVsbG8=?=")]));
        assert!(agrees(r#"{"place":{"floor":42}}"#, &[("mcp-param-floor", "42.0")]));
        assert!(!agrees(r#"{"region":"eu"}"#, &[]));
        assert!(!agrees("{}", &[("mcp-param-region", "eu")]));
        assert!(!agrees(r#"{"region":"eu"}"#, &[("mcp-param-region", "us")]));
        assert!(!agrees(r#"{"region":"Hello"}"#, &[("mcp-param-region", "=?base64?SGVsbG8?=")]));
        assert!(!agrees(r#"{"region":"Hello"}"#, &[("mcp-param-region", "=?base64?SGVs!!!bG8=?=")]));
        assert!(!agrees(r#"{"region":"eu"}"#, &[("mcp-param-region", "eu"), ("mcp-param-region", "eu")]));
    }
}
