//! What surrounds a call in the legacy era? `initialize`, `notifications/initialized`, the session's headers, and DELETE at the end.

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue};
use mcp::version::{LEGACY, NEWEST_LEGACY, ProtocolVersion};
use mcp::{header, method};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::exchange::{Answer, Wire, answer_to, hear_out};
use super::failure::CallFailure;
use super::host::Host;
use super::http::{Endpoint, Stream};

/// An open session, or none where the server keeps none.
pub(super) struct Session {
    headers: Vec<(HeaderName, HeaderValue)>,
    has_id: bool,
    next_id: i64,
    capabilities: Json,
    /// What the server says of its own accord; ends with the session.
    _ear: JoinSet<()>,
}

#[derive(Deserialize)]
struct InitializeResult {
    #[serde(rename = "protocolVersion")]
    protocol_version: String,
    #[serde(default)]
    capabilities: Json,
}

impl Session {
    /// Opens a session with our newest legacy revision, or the one that the server prefers.
    pub(super) async fn open(endpoint: &Arc<Endpoint>, host: &Arc<dyn Host>) -> Result<Self, CallFailure> {
        let params = json!({
            "protocolVersion": NEWEST_LEGACY.as_str(),
            "capabilities": host.capabilities(),
            "clientInfo": {"name": "claviger", "version": env!("CARGO_PKG_VERSION")},
        });
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": method::INITIALIZE, "params": params});
        let reply = endpoint.post(body.to_string().into_bytes(), &[]).await?;
        let id = reply.headers.get(header::SESSION_ID).cloned();
        let has_id = id.is_some();
        let mut headers: Vec<_> = id.into_iter().map(|id| (header::SESSION_ID, id)).collect();
        let result = match answer_to(0, reply, &Line { endpoint, headers: &headers }, &**host).await? {
            Answer::Error(error) => return Err(CallFailure::Said(error)),
            Answer::Result(result) => result,
        };
        let result = serde_json::from_str::<InitializeResult>(result.get()).ok();
        headers.push((header::PROTOCOL_VERSION, agreed(result.as_ref())));
        let capabilities = result.map(|result| result.capabilities).unwrap_or_default();
        let initialized = json!({"jsonrpc": "2.0", "method": method::NOTIFICATIONS_INITIALIZED});
        endpoint.post(initialized.to_string().into_bytes(), &headers).await?;
        let (opened, is_open) = oneshot::channel();
        let mut ear = JoinSet::new();
        ear.spawn(listen(Arc::clone(endpoint), Arc::clone(host), headers.clone(), opened));
        // What a server asks during the first call is to find somebody who hears it.
        let _late = tokio::time::timeout(EAR_OPENS_WITHIN, is_open).await;
        Ok(Self { headers, has_id, next_id: 1, capabilities, _ear: ear })
    }

    /// Sends one request within the session.
    pub(super) async fn request(
        &mut self,
        endpoint: &Endpoint,
        host: &dyn Host,
        method: &str,
        mut params: Map<String, Json>,
    ) -> Result<Answer, CallFailure> {
        let id = self.next_id;
        self.next_id += 1;
        params.insert("_meta".to_owned(), json!({"progressToken": id}));
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let reply = endpoint.post(body.to_string().into_bytes(), &self.headers).await?;
        answer_to(id, reply, &Line { endpoint, headers: &self.headers }, host).await
    }

    /// What the server says that it has.
    pub(super) fn capabilities(&self) -> &Json {
        &self.capabilities
    }

    /// Ends the session.
    pub(super) async fn close(self, endpoint: &Endpoint) {
        if self.has_id {
            endpoint.delete(&self.headers).await;
        }
    }
}

/// A server may ask on a stream of its own, which belongs to no request. One that has none is fine.
async fn listen(endpoint: Arc<Endpoint>, host: Arc<dyn Host>, headers: Vec<(HeaderName, HeaderValue)>, opened: oneshot::Sender<()>) {
    let stream = endpoint.get(&headers).await;
    // Nobody waits any more where it took too long.
    let _waited = opened.send(());
    let outcome = match stream {
        Ok(Some(stream)) => hear_out(stream, &Line { endpoint: &endpoint, headers: &headers }, &*host).await,
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    if let Err(failure) = outcome {
        tracing::debug!(target: "client", %failure, "the server's own stream has ended");
    }
}

/// The way to the server, within a session.
struct Line<'l> {
    endpoint: &'l Endpoint,
    headers: &'l [(HeaderName, HeaderValue)],
}

impl Wire for Line<'_> {
    async fn post(&self, reply: Vec<u8>) -> Result<(), CallFailure> {
        self.endpoint.post(reply, self.headers).await.map(drop)
    }

    async fn resume(&self, last_event_id: &str) -> Result<Option<Box<Stream>>, CallFailure> {
        let Ok(id) = HeaderValue::try_from(last_event_id) else { return Ok(None) };
        let mut headers = self.headers.to_vec();
        if !id.is_empty() {
            headers.push((header::LAST_EVENT_ID, id));
        }
        self.endpoint.get(&headers).await
    }
}

/// The revision that the server chose; one that we do not know is answered in our own newest, and the server may then refuse.
fn agreed(result: Option<&InitializeResult>) -> HeaderValue {
    let chosen = result.and_then(|result| ProtocolVersion::parse(&result.protocol_version));
    let version = chosen.filter(|version| LEGACY.contains(version)).unwrap_or(NEWEST_LEGACY);
    HeaderValue::from_static(version.as_str())
}

const EAR_OPENS_WITHIN: Duration = Duration::from_secs(1);
