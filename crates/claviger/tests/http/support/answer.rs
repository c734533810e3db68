//! What came back, read to its end?

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use oauth::challenge::{self, ParsedChallenge};
use serde_json::Value;

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body came to its proper end.
    pub(crate) is_complete: bool,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: Bytes, is_complete: bool) -> Self {
        Self { status: status.as_u16(), headers, body, is_complete }
    }

    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} stands twice in {:?}", self.headers);
        Some(value)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// All JSON-RPC messages, whether the answer is JSON or an event stream.
    pub(crate) fn messages(&self) -> Vec<Value> {
        if !self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return vec![serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))];
        }
        let data = self.text().lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).filter(|data| !data.is_empty());
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    /// The last JSON-RPC message.
    pub(crate) fn message(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no message in {self:?}"))
    }

    /// The `result`, which must be there.
    pub(crate) fn result(&self) -> Value {
        let mut message = self.message();
        assert!(message.get("result").is_some(), "no result but {message} with status {}", self.status);
        message["result"].take()
    }

    /// The text of the first content of a tool's result.
    pub(crate) fn tool_text(&self) -> String {
        let result = self.result();
        result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {result}")).to_owned()
    }

    /// The code of the JSON-RPC error, if it is one.
    pub(crate) fn error_code(&self) -> Option<i64> {
        serde_json::from_slice::<Value>(&self.body).ok()?["error"]["code"].as_i64()
    }

    /// Status and JSON-RPC error code, for tables.
    pub(crate) fn verdict(&self) -> (u16, Option<i64>) {
        (self.status, self.error_code())
    }

    /// The one challenge.
    pub(crate) fn challenge(&self) -> ParsedChallenge {
        let header = self.header("www-authenticate").unwrap_or_else(|| panic!("no challenge in {self:?}"));
        let mut challenges = challenge::parse(header);
        assert_eq!(challenges.len(), 1, "{header}");
        let challenge = challenges.remove(0);
        assert!(challenge.is_scheme("Bearer"), "{header}");
        challenge
    }

    /// Whether the client is asked to step up.
    pub(crate) fn asks_for_step_up(&self) -> bool {
        self.headers.get("www-authenticate").is_some_and(|value| value.to_str().unwrap().contains("insufficient_scope"))
    }
}
