//! Which arguments of a modern server's tools have to stand in headers too? Its own `tools/list` says so (SEP-2243); legacy callers never do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use mcp::envelope::Message;
use mcp::method;
use mcp::param_header::ParamHeaders;
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::MODERN;
use super::caller::Caller;
use crate::era::Crossing;
use crate::era::agent::{Agent, Letter};
use crate::era::incoming::Incoming;
use crate::principal::PrincipalKey;

/// What is known of one server's tools, for each caller: lists may differ by who asks.
pub(crate) struct Tools {
    by_caller: Cache<PrincipalKey, Arc<Mutex<Option<Learnt>>>>,
}

struct Learnt {
    /// Those that have any; all others have none.
    mirrored: HashMap<String, ParamHeaders>,
    at: Instant,
}

impl Default for Tools {
    fn default() -> Self {
        Self { by_caller: Cache::new(CALLERS) }
    }
}

impl Tools {
    /// The headers for this call. `is_fresh`: the server was just told wrong ones, so it is asked anew.
    pub(super) async fn headers(
        &self,
        crossing: &Crossing,
        agent: &Agent,
        caller: &Caller,
        message: &Message<'_>,
        is_fresh: bool,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let params = message.params().filter(|_| message.method() == Some(method::TOOLS_CALL));
        let Some((params, tool)) = params.and_then(|params| Some((params, params.name()?))) else { return Vec::new() };
        let known = self.of(&agent.principal.key);
        let mut learnt = known.lock().await;
        if is_fresh || learnt.as_ref().is_none_or(|learnt| learnt.at.elapsed() > GOOD_FOR) {
            let listed = tokio::time::timeout(crossing.limits.call, list(agent, caller, crossing.limits.message_bytes)).await;
            // A server that does not list its tools gets the call as it is, and says what it thinks of it.
            *learnt = Some(Learnt { mirrored: listed.ok().flatten().unwrap_or_default(), at: Instant::now() });
        }
        let Some(mirrored) = learnt.as_ref().and_then(|learnt| learnt.mirrored.get(tool)) else { return Vec::new() };
        let arguments = params.arguments().and_then(|raw| serde_json::from_str::<Value>(raw.as_str()).ok()).unwrap_or_default();
        mirrored.headers(&arguments).collect()
    }

    fn of(&self, caller: &PrincipalKey) -> Arc<Mutex<Option<Learnt>>> {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::default());
        match self.by_caller.get_or_insert_with(caller, fresh) {
            Ok(known) => known,
            Err(never) => match never {},
        }
    }
}

/// All pages of `tools/list`, as far as arguments are mirrored. `None`: the server does not say.
async fn list(agent: &Agent, caller: &Caller, message_bytes: usize) -> Option<HashMap<String, ParamHeaders>> {
    let mut mirrored = HashMap::new();
    let mut cursor: Option<String> = None;
    for page in 0..PAGES {
        let params = cursor.as_ref().map_or_else(|| serde_json::json!({}), |cursor| serde_json::json!({ "cursor": cursor }));
        let request = serde_json::json!({ "jsonrpc": "2.0", "id": page, "method": method::TOOLS_LIST, "params": params }).to_string();
        let body = caller.client.request(request.as_bytes(), &page.to_string(), None).ok()?;
        let mut incoming = Incoming::of(agent.clone(), Letter::plain(body, MODERN, None), message_bytes);
        let answer = loop {
            let heard = incoming.next().await.ok()??;
            if Message::parse(&heard).ok()?.method().is_none() {
                break heard;
            }
        };
        let listed: Listed = serde_json::from_str(Message::parse(&answer).ok()?.result()?.as_str()).ok()?;
        for tool in listed.tools {
            if let Ok(headers) = ParamHeaders::of_schema(&tool.input_schema)
                && !headers.is_empty()
            {
                mirrored.insert(tool.name, headers);
            }
        }
        cursor = listed.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Some(mirrored)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    tools: Vec<Tool>,
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tool {
    name: String,
    #[serde(default)]
    input_schema: Value,
}

const CALLERS: usize = 4096;
const PAGES: u32 = 64;
/// A list that changed meanwhile shows itself by a mismatch, upon which it is asked for at once.
const GOOD_FOR: Duration = Duration::from_secs(300);
