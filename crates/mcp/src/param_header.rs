//! Which arguments of a tool must stand in headers too, and as what? (2026-07-28, transports, `x-mcp-header`; SEP-2243)

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue};
use serde_json::Value as Json;

use crate::header::{self, PARAM_PREFIX};

/// The arguments of one tool that are mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamHeaders(Vec<ParamHeader>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct ParamHeader {
    name: HeaderName,
    /// The members that lead to the argument, from the outside in.
    path: Vec<String>,
}

/// Why a tool's schema must not be used: a client leaves such a tool out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParamHeader {
    /// It is where no argument can be told from another: below `items`, a choice, a reference.
    #[error("`x-mcp-header` stands where only `properties` may lead")]
    Place,
    /// It is empty, no text, or has characters that no header name has.
    #[error("`x-mcp-header` must be a name that a header can have")]
    Name,
    /// Two arguments would be one header.
    #[error("two arguments have the header `{0}`")]
    Twice(String),
    /// Its argument is no text, integer or boolean.
    #[error("only a string, an integer or a boolean can stand in the header `{0}`")]
    Type(String),
    /// Schemas within schemas without end.
    #[error("the schema is too deep")]
    TooDeep,
}

impl ParamHeaders {
    /// Reads a tool's `inputSchema`. Nothing that it refers to is fetched.
    pub fn of_schema(schema: &Json) -> Result<Self, InvalidParamHeader> {
        let mut found = Self::default();
        let mut names = BTreeSet::new();
        found.read(schema, &mut Vec::new(), &mut names)?;
        Ok(found)
    }

    /// Whether nothing is mirrored.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers for these arguments: those that are there and not null.
    pub fn headers<'p>(&'p self, arguments: &'p Json) -> impl Iterator<Item = (HeaderName, HeaderValue)> + 'p {
        self.0.iter().filter_map(move |mirrored| {
            let value = mirrored.path.iter().try_fold(arguments, |value, member| value.get(member))?;
            let text = text_of(value)?;
            let value = HeaderValue::try_from(header::encode_value(&text).as_ref()).ok()?;
            Some((mirrored.name.clone(), value))
        })
    }

    fn read(&mut self, schema: &Json, path: &mut Vec<String>, names: &mut BTreeSet<String>) -> Result<(), InvalidParamHeader> {
        let Some(members) = schema.as_object() else { return Ok(()) };
        if path.len() > MAX_DEPTH {
            return Err(InvalidParamHeader::TooDeep);
        }
        for (keyword, inner) in members {
            match keyword.as_str() {
                ANNOTATION if path.is_empty() => return Err(InvalidParamHeader::Place),
                ANNOTATION => {
                    let name = name_of(inner)?;
                    check_type(members.get("type"), name.as_str())?;
                    if !names.insert(name.to_string()) {
                        return Err(InvalidParamHeader::Twice(name.to_string()));
                    }
                    self.0.push(ParamHeader { name, path: path.clone() });
                }
                "properties" => {
                    for (member, property) in inner.as_object().into_iter().flatten() {
                        path.push(member.clone());
                        self.read(property, path, names)?;
                        path.pop();
                    }
                }
                // What stands in these is a value, and no schema.
                "const" | "default" | "enum" | "examples" => {}
                _ => refuse_below(inner, MAX_DEPTH)?,
            }
        }
        Ok(())
    }
}

/// No annotation may be anywhere in here.
fn refuse_below(value: &Json, depth: usize) -> Result<(), InvalidParamHeader> {
    let depth = depth.checked_sub(1).ok_or(InvalidParamHeader::TooDeep)?;
    match value {
        Json::Object(members) if members.contains_key(ANNOTATION) => Err(InvalidParamHeader::Place),
        Json::Object(members) => members.values().try_for_each(|inner| refuse_below(inner, depth)),
        Json::Array(items) => items.iter().try_for_each(|inner| refuse_below(inner, depth)),
        _ => Ok(()),
    }
}

fn name_of(annotation: &Json) -> Result<HeaderName, InvalidParamHeader> {
    let name = annotation.as_str().filter(|name| !name.is_empty()).ok_or(InvalidParamHeader::Name)?;
    // A header name is a token (RFC 9110 §5.1), compared without case.
    HeaderName::try_from(format!("{PARAM_PREFIX}{}", name.to_ascii_lowercase())).map_err(|_| InvalidParamHeader::Name)
}

/// A type may be left out, and null may be allowed besides.
fn check_type(kind: Option<&Json>, name: &str) -> Result<(), InvalidParamHeader> {
    let fits = |kind: &Json| matches!(kind.as_str(), Some("string" | "integer" | "boolean"));
    let fits = match kind {
        Some(Json::Array(kinds)) => {
            let mut kinds = kinds.iter().filter(|kind| kind.as_str() != Some("null"));
            kinds.next().is_some_and(fits) && kinds.all(fits)
        }
        Some(kind) => fits(kind),
        None => true,
    };
    if fits { Ok(()) } else { Err(InvalidParamHeader::Type(name.to_owned())) }
}

fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::Bool(boolean) => Some(boolean.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text.clone()),
        Json::Array(_) | Json::Null | Json::Object(_) => None,
    }
}

const ANNOTATION: &str = "x-mcp-header";
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn marked_arguments_are_mirrored_wherever_properties_lead() {
        let schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "deep": {"type": "object", "properties": {"count": {"type": "integer", "x-mcp-header": "Count"}}},
            "flag": {"type": ["boolean", "null"], "x-mcp-header": "Flag"},
            "plain": {"type": "string", "default": {"x-mcp-header": "no schema"}},
        }});
        let mirrored = ParamHeaders::of_schema(&schema).unwrap();
        let arguments = json!({"region": " ü", "deep": {"count": 3}, "flag": null, "plain": "p"});
        let seen: Vec<_> =
            mirrored.headers(&arguments).map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        assert_eq!(seen, [("mcp-param-count".to_owned(), "3".to_owned()), ("mcp-param-region".to_owned(), "=?base64?IMO8?=".to_owned())]);
        assert_eq!(mirrored.headers(&json!({"flag": false})).next().unwrap().1, "false");
        assert_eq!(mirrored.headers(&json!({"region": ""})).next().unwrap().1, "");
    }

    #[test]
    fn a_tool_that_cannot_be_mirrored_is_refused() {
        use InvalidParamHeader::{Name, Place, Twice, Type};
        let of = |properties: Json| ParamHeaders::of_schema(&json!({"properties": properties})).unwrap_err();
        assert_eq!(of(json!({"a": {"x-mcp-header": ""}})), Name);
        assert_eq!(of(json!({"a": {"x-mcp-header": "a b"}})), Name);
        assert_eq!(of(json!({"a": {"x-mcp-header": "a\r\nb"}})), Name);
        assert_eq!(of(json!({"a": {"x-mcp-header": "ä"}})), Name);
        assert_eq!(of(json!({"a": {"x-mcp-header": 1}})), Name);
        assert_eq!(of(json!({"a": {"x-mcp-header": "X"}, "b": {"x-mcp-header": "x"}})), Twice("mcp-param-x".to_owned()));
        for kind in ["number", "object", "array", "null"] {
            assert_eq!(of(json!({"a": {"type": kind, "x-mcp-header": "x"}})), Type("mcp-param-x".to_owned()), "{kind}");
        }
        assert_eq!(of(json!({"a": {"items": {"x-mcp-header": "x"}}})), Place);
        assert_eq!(of(json!({"a": {"items": {"properties": {"b": {"x-mcp-header": "x"}}}}})), Place);
        for keyword in ["anyOf", "oneOf", "allOf"] {
            assert_eq!(of(json!({"a": {keyword: [{"x-mcp-header": "x"}]}})), Place, "{keyword}");
        }
        assert_eq!(ParamHeaders::of_schema(&json!({"$defs": {"a": {"x-mcp-header": "x"}}})).unwrap_err(), Place);
        assert_eq!(ParamHeaders::of_schema(&json!({"x-mcp-header": "x"})).unwrap_err(), Place);
    }

    #[test]
    fn a_schema_without_end_is_refused_and_not_followed() {
        let mut schema = json!({});
        for _ in 0..200 {
            schema = json!({"properties": {"a": schema}});
        }
        assert_eq!(ParamHeaders::of_schema(&schema).unwrap_err(), InvalidParamHeader::TooDeep);
        assert!(ParamHeaders::of_schema(&json!(true)).unwrap().is_empty());
    }
}
