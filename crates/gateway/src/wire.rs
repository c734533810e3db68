//! How does a message stand on the HTTP wire? As a frame of an event stream, as an answer of the door's own, and with the status that its era gives it.

use bytes::Bytes;
use http::StatusCode;
use mcp::envelope::{ErrorObject, Message};
use mcp::error_code;
use mcp::sse;

/// One message as a frame of an event stream.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    sse::encode(&sse::Event::message(String::from_utf8_lossy(message))).into()
}

/// A result under this id.
pub(crate) fn result(id: &str, result: &str) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#).into()
}

/// An error under this id.
pub(crate) fn error(id: &str, code: i64, message: &str) -> Bytes {
    let error = serde_json::json!({ "code": code, "message": message });
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into()
}

/// The modern wire gives some errors an HTTP status of their own (2026-07-28, Streamable HTTP).
pub(crate) fn status_of(message: &[u8]) -> StatusCode {
    if message.len() > ERRORS_ARE_SHORT {
        return StatusCode::OK;
    }
    match Message::parse(message).ok().as_ref().and_then(Message::error).map(ErrorObject::code) {
        Some(error_code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(error_code::HEADER_MISMATCH | error_code::MISSING_CLIENT_CAPABILITY | error_code::UNSUPPORTED_PROTOCOL_VERSION) => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::OK,
    }
}

const ERRORS_ARE_SHORT: usize = 64 * 1024;
