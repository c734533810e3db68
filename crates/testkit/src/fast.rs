//! What does the door cost? A server that costs next to nothing itself, to measure the door in front of it.
//!
//! It answers any JSON-RPC request at `/mcp` with the same result, and knows just enough of both eras, or of either alone, for
//! the door to accept it as an upstream. It is no MCP server: beside the era of a request it checks nothing.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

use crate::{body::read_capped, fixture::Era};

/// Serves until the listener fails, as a server of `era`.
///
/// # Errors
///
/// When the listener cannot accept any more.
pub async fn serve(era: Era, listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            // A caller that hangs up in the middle is no fault.
            let answer = service_fn(move |request| answer(era, request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
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

async fn answer(era: Era, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != PATH {
        return Ok(empty(StatusCode::NOT_FOUND));
    }
    if request.method() == Method::DELETE && era == Era::Legacy {
        return Ok(empty(StatusCode::OK));
    }
    if request.method() != Method::POST {
        return Ok(empty(StatusCode::METHOD_NOT_ALLOWED));
    }
    let opened = request.headers().contains_key(SESSION);
    let Some(body) = read_capped(request.into_body(), LIMIT).await else {
        return Ok(empty(StatusCode::PAYLOAD_TOO_LARGE));
    };
    Ok(match serde_json::from_slice::<Envelope<'_>>(&body) {
        Ok(Envelope { id: Some(id), method }) => answer_to(era, opened, id.get(), method),
        Ok(Envelope { id: None, .. }) => empty(StatusCode::ACCEPTED),
        Err(_) => empty(StatusCode::BAD_REQUEST),
    })
}

fn answer_to(era: Era, opened: bool, id: &str, method: &str) -> Response<Full<Bytes>> {
    match (era, method) {
        (Era::Legacy, "initialize") => {
            let mut answer = json(result_of(era, id, method));
            answer.headers_mut().insert(SESSION, HeaderValue::from_static("fast"));
            answer
        }
        (Era::Legacy, _) if !opened => refusal("null", NOT_INITIALIZED),
        (Era::Modern, "initialize") => refusal(id, NO_HANDSHAKE),
        _ => json(result_of(era, id, method)),
    }
}

fn result_of(era: Era, id: &str, method: &str) -> Vec<u8> {
    let result = match (method, era) {
        ("initialize", _) => INITIALIZED,
        ("server/discover", Era::Modern) => DISCOVERED_MODERN,
        ("server/discover", _) => DISCOVERED,
        ("tools/list", Era::Legacy) => LISTED_LEGACY,
        ("tools/list", _) => LISTED,
        _ => ANSWERED,
    };
    let complete = if era == Era::Legacy || method == "initialize" { "" } else { COMPLETE };
    message(id, ",\"result\":{", &[complete, result])
}

fn message(id: &str, before: &str, parts: &[&str]) -> Vec<u8> {
    let length = BEFORE_ID.len() + id.len() + before.len() + parts.iter().map(|part| part.len()).sum::<usize>() + 1;
    let mut body = Vec::with_capacity(length);
    for part in [BEFORE_ID, id, before].iter().chain(parts).chain(&["}"]) {
        body.extend_from_slice(part.as_bytes());
    }
    body
}

fn refusal(id: &str, error: &str) -> Response<Full<Bytes>> {
    let mut response = json(message(id, ",\"error\":", &[error]));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
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

const SESSION: &str = "mcp-session-id";

const BEFORE_ID: &str = r#"{"jsonrpc":"2.0","id":"#;

/// What every result of the modern era begins with.
const COMPLETE: &str = r#""resultType":"complete","#;

/// The result of every call; the whole message is about 400 bytes long.
const ANSWERED: &str = concat!(
    r#""content":[{"type":"text","text":"#,
    r#""The quick brown fox jumps over the lazy dog, again and again, until somebody writes down how long it took. "#,
    r"A number without the machine, the load and the way of measuring beside it is worth little; two numbers from ",
    r#"one run, taken in turns, are worth a lot more than that."}],"isError":false}"#
);

const DISCOVERED: &str = concat!(
    r#""supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26"],"capabilities":{"tools":{}},"#,
    r#""ttlMs":60000,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fast-fixture","version":"1"}}}"#
);

const DISCOVERED_MODERN: &str = concat!(
    r#""supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"#,
    r#""ttlMs":60000,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fast-fixture","version":"1"}}}"#
);

const INITIALIZED: &str =
    concat!(r#""protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#, r#""serverInfo":{"name":"fast-fixture","version":"1"}}"#);

const LISTED: &str = concat!(
    r#""tools":[{"name":"echo","description":"Answers the same whatever it is asked.","#,
    r#""inputSchema":{"type":"object"}}],"ttlMs":60000,"cacheScope":"public"}"#
);

const LISTED_LEGACY: &str =
    concat!(r#""tools":[{"name":"echo","description":"Answers the same whatever it is asked.","#, r#""inputSchema":{"type":"object"}}]}"#);

const NOT_INITIALIZED: &str = r#"{"code":-32000,"message":"Bad Request: Server not initialized"}"#;

const NO_HANDSHAKE: &str =
    r#"{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"2025-11-25"}}"#;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_answer_is_json_and_carries_the_id_as_it_came() {
        for era in [Era::Both, Era::Legacy, Era::Modern] {
            for method in ["initialize", "server/discover", "tools/list", "tools/call", "anything"] {
                let answer: Value = serde_json::from_slice(&result_of(era, r#""a-7""#, method)).unwrap();
                assert_eq!(answer["id"], "a-7");
                assert!(answer["result"].is_object(), "{method}");
                let modern = era != Era::Legacy && method != "initialize";
                assert_eq!(answer["result"]["resultType"] == "complete", modern, "{era:?} {method}");
            }
        }
    }

    #[test]
    fn a_call_is_answered_with_about_400_bytes() {
        let length = result_of(Era::Both, "1", "tools/call").len();
        assert!((380..=420).contains(&length), "{length}");
    }

    #[test]
    fn of_one_era_it_refuses_the_other() {
        let status = |era, opened, method| answer_to(era, opened, "1", method).status().as_u16();
        assert_eq!([status(Era::Legacy, false, "server/discover"), status(Era::Legacy, false, "tools/call")], [400, 400]);
        assert_eq!([status(Era::Legacy, false, "initialize"), status(Era::Legacy, true, "tools/call")], [200, 200]);
        assert_eq!([status(Era::Modern, false, "initialize"), status(Era::Modern, false, "tools/call")], [400, 200]);
        assert_eq!(answer_to(Era::Legacy, false, "1", "initialize").headers()[SESSION], "fast");
        serde_json::from_slice::<Value>(&message("1", ",\"error\":", &[NO_HANDSHAKE])).unwrap();
        serde_json::from_slice::<Value>(&message("null", ",\"error\":", &[NOT_INITIALIZED])).unwrap();
    }
}
