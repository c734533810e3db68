//! What surrounds a call in the modern era? `_meta` in every request, headers that mirror the body, and no session.

use ::http::{HeaderName, HeaderValue};
use mcp::error_code::{HEADER_MISMATCH, UNSUPPORTED_PROTOCOL_VERSION};
use mcp::header;
use mcp::method::{self, NamedBy};
use mcp::version::{MODERN, ProtocolVersion};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::exchange::{Answer, answer_to};
use super::failure::{CallFailure, SaidError};
use super::http::Endpoint;

/// What `server/discover` found out.
pub(super) enum Discovered {
    /// A revision that both speak.
    Modern(Speaker),
    /// The server speaks something else, or nothing that we know.
    Other(Answer),
}

/// Speaks one modern revision.
pub(super) struct Speaker {
    version: ProtocolVersion,
    next_id: i64,
}

#[derive(Deserialize)]
struct DiscoverResult {
    #[serde(rename = "supportedVersions")]
    supported_versions: Vec<String>,
}

#[derive(Deserialize)]
struct UnsupportedVersion {
    supported: Vec<String>,
}

#[derive(Deserialize)]
struct ToolList {
    tools: Vec<Tool>,
    #[serde(rename = "nextCursor")]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    #[serde(rename = "inputSchema", default)]
    input_schema: Json,
}

/// Asks the server which revisions it speaks. A refusal of the caller is a failure; any other no says only that it is not modern.
pub(super) async fn discover(endpoint: &Endpoint) -> Result<Discovered, CallFailure> {
    let newest = MODERN.last().copied().unwrap_or(ProtocolVersion::V2026_07_28);
    let mut speaker = Speaker { version: newest, next_id: 0 };
    let answer = match speaker.exchange(endpoint, method::SERVER_DISCOVER, Map::new(), Vec::new()).await {
        Ok(answer) => answer,
        Err(CallFailure::Status { status, .. }) if status.is_client_error() => return Ok(Discovered::Other(not_found(status.as_u16()))),
        Err(CallFailure::Ended | CallFailure::NotAMessage(_) | CallFailure::WrongType(_)) => return Ok(Discovered::Other(not_found(200))),
        Err(failure) => return Err(failure),
    };
    let supported = match &answer {
        Answer::Result(result) => serde_json::from_str::<DiscoverResult>(result.get()).ok().map(|result| result.supported_versions),
        Answer::Error(SaidError { code: UNSUPPORTED_PROTOCOL_VERSION, data: Some(data), .. }) => {
            serde_json::from_str::<UnsupportedVersion>(data).ok().map(|data| data.supported)
        }
        Answer::Error(_) => None,
    };
    let common = MODERN.into_iter().rev().find(|ours| supported.iter().flatten().any(|theirs| theirs == ours.as_str()));
    Ok(match common {
        Some(version) => Discovered::Modern(Speaker { version, ..speaker }),
        None => Discovered::Other(answer),
    })
}

impl Speaker {
    /// Sends one request. A tool whose arguments must stand in headers too is looked up and called once more.
    pub(super) async fn request(&mut self, endpoint: &Endpoint, method: &str, params: Map<String, Json>) -> Result<Answer, CallFailure> {
        let headers = named(method, &params);
        let answer = self.exchange(endpoint, method, params.clone(), headers.clone()).await?;
        let is_mismatch = matches!(&answer, Answer::Error(error) if error.code == HEADER_MISMATCH);
        if !is_mismatch || method != method::TOOLS_CALL {
            return Ok(answer);
        }
        let mirrored = self.mirrored(endpoint, &params).await?;
        if mirrored.is_empty() {
            return Ok(answer);
        }
        self.exchange(endpoint, method, params, headers.into_iter().chain(mirrored).collect()).await
    }

    async fn exchange(
        &mut self,
        endpoint: &Endpoint,
        method: &str,
        mut params: Map<String, Json>,
        mut headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, CallFailure> {
        let id = self.next_id;
        self.next_id += 1;
        params.insert("_meta".to_owned(), self.meta(id));
        headers.push((header::PROTOCOL_VERSION, HeaderValue::from_static(self.version.as_str())));
        headers.extend(HeaderValue::try_from(method).ok().map(|method| (header::METHOD, method)));
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let reply = endpoint.post(body.to_string().into_bytes(), &headers).await?;
        // A modern client sends no responses; a server that asks all the same is told nothing.
        answer_to(id, reply, async |_| Ok(())).await
    }

    fn meta(&self, id: i64) -> Json {
        json!({
            "io.modelcontextprotocol/protocolVersion": self.version.as_str(),
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "claviger", "version": env!("CARGO_PKG_VERSION")},
            "io.modelcontextprotocol/logLevel": "info",
            "progressToken": id,
        })
    }

    /// The headers for the arguments that the tool's schema marks with `x-mcp-header`.
    async fn mirrored(&mut self, endpoint: &Endpoint, params: &Map<String, Json>) -> Result<Vec<(HeaderName, HeaderValue)>, CallFailure> {
        let name = params.get("name").and_then(Json::as_str).unwrap_or_default();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page: Map<String, Json> = cursor.take().into_iter().map(|cursor| ("cursor".to_owned(), Json::from(cursor))).collect();
            let Answer::Result(result) = self.exchange(endpoint, method::TOOLS_LIST, page, Vec::new()).await? else {
                return Ok(Vec::new());
            };
            let Ok(list) = serde_json::from_str::<ToolList>(result.get()) else { return Ok(Vec::new()) };
            if let Some(tool) = list.tools.iter().find(|tool| tool.name == name) {
                let mut headers = Vec::new();
                mirror(&tool.input_schema, params.get("arguments").unwrap_or(&Json::Null), &mut headers);
                return Ok(headers);
            }
            cursor = list.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(Vec::new())
    }
}

/// `Mcp-Name` where the method has one.
fn named(method: &str, params: &Map<String, Json>) -> Vec<(HeaderName, HeaderValue)> {
    let member = match method::named_by(method) {
        Some(NamedBy::Name) => "name",
        Some(NamedBy::Uri) => "uri",
        Some(NamedBy::TaskId) => "taskId",
        None => return Vec::new(),
    };
    let value = params.get(member).and_then(Json::as_str).map(header::encode_value);
    value.and_then(|value| HeaderValue::try_from(value.as_ref()).ok()).map(|value| (header::NAME, value)).into_iter().collect()
}

/// Follows a schema through `properties` alone, as the specification says, beside the arguments.
fn mirror(schema: &Json, argument: &Json, headers: &mut Vec<(HeaderName, HeaderValue)>) {
    for (name, property) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let Some(value) = argument.get(name) else { continue };
        if let Some(suffix) = property.get("x-mcp-header").and_then(Json::as_str) {
            headers.extend(mirrored_header(suffix, value));
        }
        mirror(property, value, headers);
    }
}

fn mirrored_header(suffix: &str, value: &Json) -> Option<(HeaderName, HeaderValue)> {
    let text = match value {
        Json::Bool(boolean) => boolean.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        Json::Array(_) | Json::Null | Json::Object(_) => return None,
    };
    let name = HeaderName::try_from(format!("{}{}", header::PARAM_PREFIX, suffix.to_ascii_lowercase())).ok()?;
    Some((name, HeaderValue::try_from(header::encode_value(&text).as_ref()).ok()?))
}

fn not_found(status: u16) -> Answer {
    Answer::Error(SaidError { code: i64::from(status), message: "no answer to `server/discover`".to_owned(), data: None })
}

/// A server that lists more pages than this is not asked further.
pub(crate) const MAX_PAGES: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::mirror;

    #[test]
    fn marked_arguments_are_mirrored_wherever_properties_lead() {
        let schema = json!({"properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "deep": {"properties": {"count": {"type": "integer", "x-mcp-header": "Count"}}},
            "list": {"items": {"properties": {"x": {"x-mcp-header": "X"}}}},
            "plain": {"type": "string"},
        }});
        let mut headers = Vec::new();
        mirror(&schema, &json!({"region": " ü", "deep": {"count": 3}, "list": [{"x": 1}], "plain": "p"}), &mut headers);
        let mut seen: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        seen.sort_unstable();
        assert_eq!(seen, [("mcp-param-count", "3"), ("mcp-param-region", "=?base64?IMO8?=")]);
    }
}
