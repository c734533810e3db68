//! What surrounds a call in the modern era? `_meta` in every request, headers that mirror the body, and no session.

use std::collections::BTreeMap;

use ::http::{HeaderName, HeaderValue};
use mcp::error_code::{HEADER_MISMATCH, UNSUPPORTED_PROTOCOL_VERSION};
use mcp::header;
use mcp::list::{self, ListKind};
use mcp::method::{self, NamedBy};
use mcp::splice::splice;
use mcp::version::{MODERN, ProtocolVersion};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::exchange::{Answer, Wire, answer_to};
use super::failure::{CallFailure, SaidError};
use super::host::Host;
use super::http::{Endpoint, Stream};
use super::tools::KnownTools;
use crate::voice::{self, plain};

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
    tools: KnownTools,
    capabilities: Json,
}

#[derive(Deserialize)]
struct DiscoverResult {
    #[serde(rename = "supportedVersions")]
    supported_versions: Vec<String>,
    #[serde(default)]
    capabilities: Json,
}

#[derive(Deserialize)]
struct UnsupportedVersion {
    supported: Vec<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "nextCursor")]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct InputRequired {
    #[serde(rename = "resultType")]
    result_type: String,
    #[serde(rename = "inputRequests", default)]
    input_requests: BTreeMap<String, InputRequest>,
    #[serde(rename = "requestState")]
    request_state: Option<Json>,
}

#[derive(Deserialize)]
struct InputRequest {
    method: String,
    #[serde(default)]
    params: Json,
}

/// Asks the server which revisions it speaks. A refusal of the caller is a failure; any other no says only that it is not modern.
pub(super) async fn discover(endpoint: &Endpoint, host: &dyn Host) -> Result<Discovered, CallFailure> {
    let newest = MODERN.last().copied().unwrap_or(ProtocolVersion::V2026_07_28);
    let mut speaker = Speaker { version: newest, next_id: 0, tools: KnownTools::default(), capabilities: Json::Null };
    let answer = match speaker.exchange((endpoint, host), method::SERVER_DISCOVER, Map::new(), Vec::new()).await {
        Ok(answer) => answer,
        Err(CallFailure::Status { status, .. }) if status.is_client_error() => return Ok(Discovered::Other(not_found(status.as_u16()))),
        Err(CallFailure::Ended | CallFailure::NotAMessage(_) | CallFailure::WrongType(_)) => return Ok(Discovered::Other(not_found(200))),
        Err(failure) => return Err(failure),
    };
    let supported = match &answer {
        Answer::Result(result) => serde_json::from_str::<DiscoverResult>(result.get()).ok().map(|result| {
            speaker.capabilities = result.capabilities;
            result.supported_versions
        }),
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
    /// Sends one request until its result is complete: what the server wants to know on the way, `host` answers (SEP-2322).
    pub(super) async fn request(
        &mut self,
        endpoint: &Endpoint,
        host: &dyn Host,
        method: &str,
        params: Map<String, Json>,
    ) -> Result<Answer, CallFailure> {
        let mut answer = self.once((endpoint, host), method, params.clone()).await?;
        for _ in 0..MAX_ROUNDS {
            let Answer::Result(result) = &answer else { return Ok(answer) };
            let Some(more) = input_wanted(result, host).await else { break };
            let mut again = params.clone();
            again.extend(more);
            answer = self.once((endpoint, host), method, again).await?;
        }
        if method != method::TOOLS_LIST {
            return Ok(answer);
        }
        Ok(match answer {
            Answer::Result(result) => Answer::Result(self.usable(result)),
            error @ Answer::Error(_) => error,
        })
    }

    /// What the server says that it has.
    pub(super) fn capabilities(&self) -> &Json {
        &self.capabilities
    }

    /// A tool whose arguments must stand in headers too, and that was not listed yet, is looked up and called once more.
    async fn once(&mut self, to: To<'_>, method: &str, params: Map<String, Json>) -> Result<Answer, CallFailure> {
        let mut headers = named(method, &params);
        if method != method::TOOLS_CALL {
            return self.exchange(to, method, params, headers).await;
        }
        let name = params.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        let arguments = params.get("arguments").cloned().unwrap_or_default();
        if let Some(mirrored) = self.tools.headers(&name, &arguments) {
            headers.extend(mirrored);
            return self.exchange(to, method, params, headers).await;
        }
        let answer = self.exchange(to, method, params.clone(), headers.clone()).await?;
        let is_mismatch = matches!(&answer, Answer::Error(error) if error.code == HEADER_MISMATCH);
        if !is_mismatch {
            return Ok(answer);
        }
        self.look_up(to, &name).await?;
        match self.tools.headers(&name, &arguments).filter(|mirrored| !mirrored.is_empty()) {
            Some(mirrored) => {
                headers.extend(mirrored);
                self.exchange(to, method, params, headers).await
            }
            None => Ok(answer),
        }
    }

    async fn exchange(
        &mut self,
        (endpoint, host): To<'_>,
        method: &str,
        mut params: Map<String, Json>,
        mut headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, CallFailure> {
        let id = self.next_id;
        self.next_id += 1;
        params.insert("_meta".to_owned(), self.meta(id, host));
        headers.push((header::PROTOCOL_VERSION, HeaderValue::from_static(self.version.as_str())));
        headers.extend(HeaderValue::try_from(method).ok().map(|method| (header::METHOD, method)));
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let reply = endpoint.post(body.to_string().into_bytes(), &headers).await?;
        answer_to(id, reply, &OneAnswer, host).await
    }

    fn meta(&self, id: i64, host: &dyn Host) -> Json {
        json!({
            "io.modelcontextprotocol/protocolVersion": self.version.as_str(),
            "io.modelcontextprotocol/clientCapabilities": host.capabilities(),
            "io.modelcontextprotocol/clientInfo": {"name": "claviger", "version": env!("CARGO_PKG_VERSION")},
            "io.modelcontextprotocol/logLevel": "info",
            "progressToken": id,
        })
    }

    /// Lists tools until this one is there.
    async fn look_up(&mut self, to: To<'_>, name: &str) -> Result<(), CallFailure> {
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page: Map<String, Json> = cursor.take().into_iter().map(|cursor| ("cursor".to_owned(), Json::from(cursor))).collect();
            let Answer::Result(result) = self.exchange(to, method::TOOLS_LIST, page, Vec::new()).await? else { break };
            let next = serde_json::from_str::<Page>(result.get()).ok().and_then(|page| page.next_cursor);
            self.usable(result);
            cursor = next;
            if cursor.is_none() || self.tools.knows(name) {
                break;
            }
        }
        Ok(())
    }

    /// A page of tools without those whose headers nobody could write (SEP-2243); what is known of the others is kept.
    fn usable(&mut self, result: Box<RawValue>) -> Box<RawValue> {
        let unusable = self.tools.learn(result.get());
        for (name, reason) in &unusable {
            voice::warn(&format!("the tool `{}` is left out: {}", plain(name), plain(&reason.to_string())));
        }
        if unusable.is_empty() {
            return result;
        }
        let Ok(edits) = list::filter(result.get(), ListKind::Tools, |name| !unusable.contains_key(name)) else { return result };
        let text = String::from_utf8(splice(result.get().as_bytes(), &edits)).ok();
        text.and_then(|text| RawValue::from_string(text).ok()).unwrap_or(result)
    }
}

/// A server, and who answers its questions.
type To<'t> = (&'t Endpoint, &'t dyn Host);

/// A modern answer comes whole or is lost, and a modern client sends no responses: a server that asks all the same is told nothing.
struct OneAnswer;

impl Wire for OneAnswer {
    async fn post(&self, _: Vec<u8>) -> Result<(), CallFailure> {
        Ok(())
    }

    async fn resume(&self, _: &str) -> Result<Option<Box<Stream>>, CallFailure> {
        Ok(None)
    }
}

/// What to add to the same request, if the server wants to know more and `host` can say all of it.
async fn input_wanted(result: &RawValue, host: &dyn Host) -> Option<Map<String, Json>> {
    let wanted: InputRequired = serde_json::from_str(result.get()).ok()?;
    if wanted.result_type != "input_required" {
        return None;
    }
    let mut answers = Map::new();
    for (key, request) in &wanted.input_requests {
        answers.insert(key.clone(), host.answer(&request.method, &request.params).await?);
    }
    let mut more = Map::new();
    if !answers.is_empty() {
        more.insert("inputResponses".to_owned(), answers.into());
    }
    if let Some(state) = wanted.request_state {
        more.insert("requestState".to_owned(), state);
    }
    Some(more)
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

fn not_found(status: u16) -> Answer {
    Answer::Error(SaidError { code: i64::from(status), message: "no answer to `server/discover`".to_owned(), data: None })
}

/// A server that lists more pages than this is not asked further.
pub(crate) const MAX_PAGES: usize = 100;
/// How often a server may ask back for one request.
const MAX_ROUNDS: usize = 10;
