//! Do the `Mcp-Param-*` headers say what the arguments say? A server on a pipe never sees headers, so the door checks them in its place
//! (2026-07-28, Streamable HTTP, custom headers): it learns from the server's own `tools/list` which arguments a header repeats.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use mcp::envelope::Message;
use mcp::error_code;
use mcp::header;
use mcp::method;
use mcp::raw::RawJson;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Answer;
use super::call::Asking;
use super::peer::Peer;
use crate::principal::PrincipalKey;

/// What one instance has said about its tools.
#[derive(Default)]
pub(super) struct Parameters {
    learnt: tokio::sync::Mutex<Option<Arc<Learnt>>>,
}

/// The mirrored arguments of each tool that has any.
struct Learnt {
    tools: HashMap<String, Vec<Mirror>>,
    at: Instant,
    until: Instant,
    /// The server's count of changes when it was asked.
    changes: u64,
}

/// One argument that a header repeats.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    header: HeaderName,
    /// The members that lead to it, from the arguments down.
    path: Vec<String>,
}

impl Parameters {
    /// The refusal of a `tools/call` whose headers and arguments differ; `None` when they agree, or when the server does not tell.
    pub(super) async fn check(
        &self,
        peer: &Arc<Peer>,
        who: &PrincipalKey,
        message: &Message<'_>,
        headers: &HeaderMap,
        patience: Duration,
    ) -> Option<Answer> {
        if message.method() != Some(method::TOOLS_CALL) {
            return None;
        }
        let tool = message.params()?.name()?;
        let learnt = self.learnt(peer, who, patience, None).await;
        learnt.mismatch(tool, message, headers)?;
        // The list may have changed without a word; what is refused is refused by the newest one.
        let learnt = self.learnt(peer, who, patience, Some(learnt.at)).await;
        let mismatch = learnt.mismatch(tool, message, headers)?;
        let text = format!("the header `{mismatch}` does not repeat its argument");
        let body = error_code::error_response(message.id(), error_code::HEADER_MISMATCH, &text, None);
        Some(Answer::Json { status: StatusCode::BAD_REQUEST, body: body.into() })
    }

    /// What is known, asked for where it is not, is out of date, or is as old as `stale`.
    async fn learnt(&self, peer: &Arc<Peer>, who: &PrincipalKey, patience: Duration, stale: Option<Instant>) -> Arc<Learnt> {
        let mut learnt = self.learnt.lock().await;
        let now = Instant::now();
        let changes = peer.tool_changes.load(Ordering::Relaxed);
        let good = learnt.as_ref().filter(|learnt| {
            // A caller who is refused again and again does not make the server list its tools again and again.
            let is_current = stale.is_none_or(|stale| learnt.at > stale || learnt.at + AGAIN_AFTER > now);
            learnt.changes == changes && now < learnt.until && is_current
        });
        if let Some(learnt) = good {
            return Arc::clone(learnt);
        }
        let listed = tokio::time::timeout(patience, list(peer, who)).await.ok().flatten();
        let now = Instant::now();
        let fresh = match listed {
            Some((tools, lifetime)) => Learnt { tools, at: now, until: now + lifetime, changes },
            // A server that does not list its tools cannot have its headers checked.
            None => Learnt { tools: HashMap::new(), at: now, until: now + SHORTEST, changes },
        };
        let fresh = Arc::new(fresh);
        *learnt = Some(Arc::clone(&fresh));
        fresh
    }
}

impl Learnt {
    /// The first header that does not say what the call says.
    fn mismatch(&self, tool: &str, message: &Message<'_>, headers: &HeaderMap) -> Option<HeaderName> {
        let arguments = message.params()?.arguments().map(RawJson::as_str);
        let wrong = self.tools.get(tool)?.iter().find(|mirror| !mirror.agrees(arguments, headers))?;
        Some(wrong.header.clone())
    }
}

impl Mirror {
    fn agrees(&self, arguments: Option<&str>, headers: &HeaderMap) -> bool {
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

/// The value at a path of member names, as written.
fn member_at<'a>(object: &'a str, path: &[String]) -> Option<&'a str> {
    path.iter().try_fold(object, |object, name| {
        let members: HashMap<std::borrow::Cow<'a, str>, &'a RawValue> = serde_json::from_str(object).ok()?;
        members.get(name.as_str()).map(|value| value.get())
    })
}

/// Asks a server for all its tools. The second part is how long the answer is good for.
async fn list(peer: &Arc<Peer>, who: &PrincipalKey) -> Option<(HashMap<String, Vec<Mirror>>, Duration)> {
    let mut tools = HashMap::new();
    let mut lifetime = LONGEST;
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let request = request(cursor.as_deref())?;
        let message = Message::parse(request.as_bytes()).ok()?;
        let asking = Asking { caller: who, session: None, wants_logs: false, cancels_when_dropped: true };
        let answer = peer.ask(&message, asking).await.ok()?.response().await.ok()?;
        let page: Page = serde_json::from_str(Message::parse(&answer).ok()?.result()?.as_str()).ok()?;
        lifetime = lifetime.min(Duration::from_millis(page.ttl.unwrap_or(u64::MAX)));
        for tool in page.tools {
            let mirrors = mirrors_of(&tool.schema);
            if !mirrors.is_empty() {
                tools.insert(tool.name, mirrors);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Some((tools, lifetime.max(SHORTEST)))
}

/// A `tools/list` of our own.
pub(super) fn request(cursor: Option<&str>) -> Option<String> {
    let mut params = serde_json::json!({ "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "claviger", "version": env!("CARGO_PKG_VERSION") },
    }});
    if let (Some(cursor), Value::Object(params)) = (cursor, &mut params) {
        params.insert("cursor".to_owned(), cursor.into());
    }
    let request = serde_json::json!({ "jsonrpc": "2.0", "id": "claviger-tools", "method": method::TOOLS_LIST, "params": params });
    serde_json::to_string(&request).ok()
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

/// How long a list is believed: what the server says, between these.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);
/// How soon a list that would refuse a call is asked for again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const PAGES: usize = 64;
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

    #[test]
    fn the_request_for_the_list_is_a_valid_modern_one() {
        let request = request(Some("a\"b")).unwrap();
        let message = Message::parse(request.as_bytes()).unwrap();
        assert_eq!(message.meta().and_then(|meta| meta.protocol_version()), Some("2026-07-28"));
    }
}
