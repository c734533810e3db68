//! What is one message of the host, and how does it travel?

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use mcp::envelope::{Body, EnvelopeError, Kind, Message};
use mcp::header;
use mcp::method::{self, NamedBy};
use mcp::version::ProtocolVersion;
use serde_json::Value as Json;

/// One message, and what has to be known of it after its bytes are on their way.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) bytes: Bytes,
    pub(super) sort: Sort,
    /// Of a request, as written.
    pub(super) id: Option<String>,
    pub(super) method: String,
    /// What a modern message says that it is; legacy ones say nothing.
    pub(super) version: Option<ProtocolVersion>,
    /// What `Mcp-Name` repeats.
    named: Option<String>,
    /// Of a tool call: which tool, with what.
    pub(super) call: Option<(String, Json)>,
    /// Which request is taken back.
    cancelled: Option<String>,
}

/// Its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Several at once (2025-03-26).
    Batch,
    Notification,
    Request,
    /// To a question of the server's.
    Answer,
}

impl Letter {
    /// Reads a line of the host.
    pub(super) fn read(line: &Bytes) -> Result<Self, EnvelopeError> {
        let message = match Body::parse(line)? {
            Body::Single(message) => message,
            Body::Batch(_) => return Ok(Self::plain(line, Sort::Batch)),
        };
        let sort = match message.kind() {
            Kind::Request => Sort::Request,
            Kind::Notification => Sort::Notification,
            Kind::Response | Kind::ErrorResponse => Sort::Answer,
        };
        let method = message.method().unwrap_or_default().to_owned();
        let params = message.params();
        let call = params.filter(|_| method == method::TOOLS_CALL).and_then(|params| {
            let arguments = params.arguments().and_then(|arguments| serde_json::from_str(arguments.as_str()).ok());
            Some((params.name()?.to_owned(), arguments.unwrap_or_default()))
        });
        let cancelled = params.filter(|_| method == method::NOTIFICATIONS_CANCELLED).and_then(mcp::envelope::Params::request_id);
        Ok(Self {
            sort,
            id: message.id().filter(|_| sort == Sort::Request).map(|id| id.canonical().into_owned()),
            version: message.meta().and_then(|meta| meta.protocol_version()).and_then(ProtocolVersion::parse),
            named: named(&message),
            call,
            cancelled: cancelled.map(|id| id.canonical().into_owned()),
            method,
            ..Self::plain(line, sort)
        })
    }

    /// Whether the messages after it have to wait for it.
    pub(super) fn keeps_its_place(&self) -> bool {
        match self.sort {
            Sort::Request => self.opens_session(),
            Sort::Batch | Sort::Answer => true,
            Sort::Notification => self.version.is_none() && self.method != method::NOTIFICATIONS_CANCELLED,
        }
    }

    /// Whether this is the legacy `initialize`.
    pub(super) fn opens_session(&self) -> bool {
        self.method == method::INITIALIZE && self.version.is_none()
    }

    /// The request that is given up by no longer listening for its answer: the modern way over HTTP.
    pub(super) fn cancels_here(&self) -> Option<String> {
        self.cancelled.clone().filter(|_| self.version.is_some())
    }

    /// Under which name its being underway is known.
    pub(super) fn name_of_request(&self) -> Option<String> {
        self.id.clone()
    }

    /// The headers of a modern message, but for those that repeat arguments.
    pub(super) fn modern_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let Some(version) = self.version else { return Vec::new() };
        let mut headers = vec![(header::PROTOCOL_VERSION, HeaderValue::from_static(version.as_str()))];
        headers.extend(HeaderValue::try_from(self.method.as_str()).ok().map(|method| (header::METHOD, method)));
        let named = self.named.as_deref().map(header::encode_value);
        headers.extend(named.and_then(|named| HeaderValue::try_from(named.as_ref()).ok()).map(|named| (header::NAME, named)));
        headers
    }

    fn plain(line: &Bytes, sort: Sort) -> Self {
        let (bytes, method) = (line.clone(), String::new());
        Self { bytes, sort, id: None, method, version: None, named: None, call: None, cancelled: None }
    }
}

fn named(message: &Message<'_>) -> Option<String> {
    let params = message.params()?;
    let named = match method::named_by(message.method()?)? {
        NamedBy::Name => params.name(),
        NamedBy::TaskId => params.task_id(),
        NamedBy::Uri => params.uri(),
    };
    named.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Letter {
        Letter::read(&Bytes::from_static(text.as_bytes())).unwrap()
    }

    #[test]
    fn what_opens_a_session_keeps_its_place_and_requests_do_not() {
        assert!(read(r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}"#).keeps_its_place());
        assert!(read(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).keeps_its_place());
        assert!(read(r#"{"jsonrpc":"2.0","id":"q","result":{}}"#).keeps_its_place());
        assert!(!read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).keeps_its_place());
        assert!(!read(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).keeps_its_place());
    }

    #[test]
    fn a_modern_message_travels_with_what_its_body_says() {
        let letter = read(
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"ü","arguments":{"x":1},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
        );
        let headers: Vec<_> = letter.modern_headers().into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        assert_eq!(
            headers,
            [
                ("mcp-protocol-version".to_owned(), HeaderValue::from_static("2026-07-28")),
                ("mcp-method".to_owned(), HeaderValue::from_static("tools/call")),
                ("mcp-name".to_owned(), HeaderValue::from_static("=?base64?w7w=?=")),
            ]
        );
        assert_eq!(letter.call, Some(("ü".to_owned(), serde_json::json!({"x": 1}))));
        assert_eq!(letter.id.as_deref(), Some("\"a\""));
    }

    #[test]
    fn a_modern_request_is_cancelled_by_hanging_up_and_a_legacy_one_by_saying_so() {
        let modern = read(
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
        );
        assert_eq!(modern.cancels_here().as_deref(), Some("7"));
        assert_eq!(read(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#).cancels_here(), None);
        assert!(Letter::read(&Bytes::from_static(b"{nonsense")).is_err());
    }
}
