//! What surrounds a call in the legacy era? `initialize`, `notifications/initialized`, the session's headers, and DELETE at the end.

use ::http::{HeaderName, HeaderValue};
use mcp::version::{LEGACY, NEWEST_LEGACY, ProtocolVersion};
use mcp::{header, method};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::exchange::{Answer, answer_to};
use super::failure::CallFailure;
use super::http::Endpoint;

/// An open session, or none where the server keeps none.
pub(super) struct Session {
    headers: Vec<(HeaderName, HeaderValue)>,
    has_id: bool,
    next_id: i64,
}

#[derive(Deserialize)]
struct InitializeResult {
    #[serde(rename = "protocolVersion")]
    protocol_version: String,
}

impl Session {
    /// Opens a session with our newest legacy revision, or the one that the server prefers.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, CallFailure> {
        let params = json!({
            "protocolVersion": NEWEST_LEGACY.as_str(),
            "capabilities": {},
            "clientInfo": {"name": "claviger", "version": env!("CARGO_PKG_VERSION")},
        });
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": method::INITIALIZE, "params": params});
        let reply = endpoint.post(body.to_string().into_bytes(), &[]).await?;
        let id = reply.headers.get(header::SESSION_ID).cloned();
        let has_id = id.is_some();
        let mut headers: Vec<_> = id.into_iter().map(|id| (header::SESSION_ID, id)).collect();
        let result = match answer_to(0, reply, async |reply| posted(endpoint, reply, &headers).await).await? {
            Answer::Error(error) => return Err(CallFailure::Said(error)),
            Answer::Result(result) => result,
        };
        headers.push((header::PROTOCOL_VERSION, agreed(result.get())));
        let session = Self { headers, has_id, next_id: 1 };
        let initialized = json!({"jsonrpc": "2.0", "method": method::NOTIFICATIONS_INITIALIZED});
        endpoint.post(initialized.to_string().into_bytes(), &session.headers).await?;
        Ok(session)
    }

    /// Sends one request within the session.
    pub(super) async fn request(
        &mut self,
        endpoint: &Endpoint,
        method: &str,
        mut params: Map<String, Json>,
    ) -> Result<Answer, CallFailure> {
        let id = self.next_id;
        self.next_id += 1;
        params.insert("_meta".to_owned(), json!({"progressToken": id}));
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let reply = endpoint.post(body.to_string().into_bytes(), &self.headers).await?;
        answer_to(id, reply, async |reply| posted(endpoint, reply, &self.headers).await).await
    }

    /// Ends the session.
    pub(super) async fn close(self, endpoint: &Endpoint) {
        if self.has_id {
            endpoint.delete(&self.headers).await;
        }
    }
}

async fn posted(endpoint: &Endpoint, body: Vec<u8>, headers: &[(HeaderName, HeaderValue)]) -> Result<(), CallFailure> {
    endpoint.post(body, headers).await.map(drop)
}

/// The revision that the server chose; one that we do not know is answered in our own newest, and the server may then refuse.
fn agreed(result: &str) -> HeaderValue {
    let chosen = serde_json::from_str::<InitializeResult>(result).ok().and_then(|result| ProtocolVersion::parse(&result.protocol_version));
    let version = chosen.filter(|version| LEGACY.contains(version)).unwrap_or(NEWEST_LEGACY);
    HeaderValue::from_static(version.as_str())
}
