//! Which error codes may an answer carry, and how is an error answer written?

use std::io::Write as _;

use crate::raw::RawJson;

/// Not JSON.
pub const PARSE_ERROR: i64 = -32700;
/// Not a JSON-RPC message, or not one that is allowed here.
pub const INVALID_REQUEST: i64 = -32600;
/// No such method in the caller's revision. HTTP status 404 in 2026-07-28.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The params do not fit the method; in 2026-07-28 also an unknown tool, prompt or resource.
pub const INVALID_PARAMS: i64 = -32602;
/// A fault of the server or of the way to it.
pub const INTERNAL_ERROR: i64 = -32603;
/// Resource not found, in the legacy revisions only. Accepted, never sent to a modern caller.
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// URL elicitation needed, in 2025-11-25 only. Passed on, never sent to a modern caller.
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
/// A header does not say what the body says (2026-07-28).
pub const HEADER_MISMATCH: i64 = -32020;
/// The call needs a client capability that the caller did not declare (2026-07-28).
pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
/// The revision is not served (2026-07-28).
pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;

// Our own codes stand outside -32768..=-32000, which JSON-RPC and MCP reserve. They repeat an HTTP status with two digits more.

/// No valid token.
pub const UNAUTHENTICATED: i64 = 40_100;
/// A valid token that does not allow this.
pub const FORBIDDEN: i64 = 40_300;
/// The session is not known, or not the caller's.
pub const SESSION_NOT_FOUND: i64 = 40_400;
/// The body is over the cap.
pub const BODY_TOO_LARGE: i64 = 41_300;
/// Too many calls; the answer says when to come back.
pub const TOO_MANY_REQUESTS: i64 = 42_900;
/// The server behind the door cannot be reached, or stopped.
pub const UPSTREAM_UNAVAILABLE: i64 = 50_200;
/// The door cannot take the call now.
pub const BUSY: i64 = 50_300;
/// The server behind the door did not answer in time.
pub const UPSTREAM_TIMED_OUT: i64 = 50_400;
/// The caller and the server speak different eras of MCP, and this pair is not served.
pub const IMPOSSIBLE_PAIR: i64 = 50_500;

/// A JSON-RPC error response. `id` is echoed as written; None gives `null` (JSON-RPC 2.0 §5). `data` is put in as it is and
/// must be valid JSON.
pub fn error_response(id: Option<RawJson<'_>>, code: i64, message: &str, data: Option<&str>) -> Vec<u8> {
    let mut body = Vec::with_capacity(96 + message.len() + data.map_or(0, str::len));
    body.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    body.extend_from_slice(id.map_or("null", RawJson::as_str).as_bytes());
    // Writing to a Vec does not fail, nor does a string fail to be JSON.
    let _ = write!(body, ",\"error\":{{\"code\":{code},\"message\":");
    let _ = serde_json::to_writer(&mut body, message);
    if let Some(data) = data {
        body.extend_from_slice(b",\"data\":");
        body.extend_from_slice(data.as_bytes());
    }
    body.extend_from_slice(b"}}");
    body
}

#[cfg(test)]
mod tests {
    use super::error_response;
    use crate::envelope::{Kind, Message};

    #[test]
    fn an_error_response_reads_back_strictly() {
        let request = Message::parse(br#"{"jsonrpc":"2.0","id":"a\"b","method":"ping"}"#).unwrap();
        let body = error_response(request.id(), -32602, "no \"such\" tool\n", Some(r#"{"a":[1]}"#));
        let message = Message::parse(&body).unwrap();
        assert_eq!(message.kind(), Kind::ErrorResponse);
        assert_eq!(message.id(), request.id());
        let error = message.error().unwrap();
        assert_eq!((error.code(), error.message()), (-32602, "no \"such\" tool\n"));
        assert_eq!(error.data().unwrap().as_str(), r#"{"a":[1]}"#);
    }

    #[test]
    fn an_unknown_id_is_null() {
        assert!(error_response(None, 1, "x", None).starts_with(b"{\"jsonrpc\":\"2.0\",\"id\":null,"));
    }

    #[test]
    fn our_own_codes_are_outside_the_reserved_range() {
        for code in [super::UNAUTHENTICATED, super::FORBIDDEN, super::BUSY, super::IMPOSSIBLE_PAIR] {
            assert!(!(-32768..=-32000).contains(&code));
        }
    }
}
