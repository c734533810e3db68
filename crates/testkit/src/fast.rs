//! What does the door cost? A server that costs next to nothing itself, to measure the door in front of it.
//!
//! It answers any JSON-RPC request at `/mcp` with the same result, and knows just enough of both eras for the
//! door to accept it as an upstream. It is no MCP server: it checks nothing.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

use crate::body::read_capped;

/// Serves until the listener fails.
///
/// # Errors
///
/// When the listener cannot accept any more.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            // A caller that hangs up in the middle is no fault.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

#[derive(Deserialize)]
struct Envelope<'message> {
    #[serde(borrow)]
    id: Option<&'message RawValue>,
    #[serde(default)]
    method: &'message str,
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != PATH {
        return Ok(empty(StatusCode::NOT_FOUND));
    }
    if request.method() != Method::POST {
        return Ok(empty(StatusCode::METHOD_NOT_ALLOWED));
    }
    let Some(body) = read_capped(request.into_body(), LIMIT).await else {
        return Ok(empty(StatusCode::PAYLOAD_TOO_LARGE));
    };
    Ok(match serde_json::from_slice::<Envelope<'_>>(&body) {
        Ok(Envelope { id: Some(id), method }) => json(answer_to(id.get(), method)),
        Ok(Envelope { id: None, .. }) => empty(StatusCode::ACCEPTED),
        Err(_) => empty(StatusCode::BAD_REQUEST),
    })
}

fn answer_to(id: &str, method: &str) -> Vec<u8> {
    let result = match method {
        "initialize" => INITIALIZED,
        "server/discover" => DISCOVERED,
        "tools/list" => LISTED,
        _ => ANSWERED,
    };
    let mut body = Vec::with_capacity(BEFORE_ID.len() + id.len() + BEFORE_RESULT.len() + result.len() + 1);
    for part in [BEFORE_ID, id, BEFORE_RESULT, result, "}"] {
        body.extend_from_slice(part.as_bytes());
    }
    body
}

fn json(body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// The path at which the server answers.
pub const PATH: &str = "/mcp";

/// Bodies longer than this are refused, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;

const BEFORE_ID: &str = r#"{"jsonrpc":"2.0","id":"#;
const BEFORE_RESULT: &str = r#","result":"#;

/// The result of every call; the whole message is about 400 bytes long.
const ANSWERED: &str = concat!(
    r#"{"resultType":"complete","content":[{"type":"text","text":"#,
    r#""The quick brown fox jumps over the lazy dog, again and again, until somebody writes down how long it took. "#,
    r"A number without the machine, the load and the way of measuring beside it is worth little; two numbers from ",
    r#"one run, taken in turns, are worth a lot more than that."}],"isError":false}"#
);

const DISCOVERED: &str = concat!(
    r#"{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26"],"#,
    r#""capabilities":{"tools":{}},"ttlMs":60000,"cacheScope":"public","#,
    r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fast-fixture","version":"1"}}}"#
);

const INITIALIZED: &str =
    concat!(r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#, r#""serverInfo":{"name":"fast-fixture","version":"1"}}"#);

const LISTED: &str = concat!(
    r#"{"resultType":"complete","tools":[{"name":"echo","description":"Answers the same whatever it is asked.","#,
    r#""inputSchema":{"type":"object"}}],"ttlMs":60000,"cacheScope":"public"}"#
);

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_answer_is_json_and_carries_the_id_as_it_came() {
        for method in ["initialize", "server/discover", "tools/list", "tools/call", "anything"] {
            let answer: Value = serde_json::from_slice(&answer_to(r#""a-7""#, method)).unwrap();
            assert_eq!(answer["id"], "a-7");
            assert!(answer["result"].is_object(), "{method}");
        }
    }

    #[test]
    fn a_call_is_answered_with_about_400_bytes() {
        let length = answer_to("1", "tools/call").len();
        assert!((380..=420).contains(&length), "{length}");
    }
}
