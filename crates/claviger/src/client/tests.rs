//! A scripted server on loopback stands in for all others.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use ::http::{HeaderMap, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use mcp::method::{TOOLS_CALL, TOOLS_LIST};
use serde_json::{Map, Value as Json, json};
use url::Url;

use super::host::Nobody;
use super::{CallFailure, Client, Endpoint, Era};

/// One request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    http: Method,
    headers: HeaderMap,
    body: Json,
}

impl Seen {
    fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type Script = dyn Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync;

struct Server {
    url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    async fn start(script: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp/files", listener.local_addr().unwrap()).parse().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (script, kept): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&seen));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, seen) = (Arc::clone(&script), Arc::clone(&kept));
                let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&script), Arc::clone(&seen)));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, seen }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.url, Some(&"test-token".into())).unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(request: Request<Incoming>, script: Arc<Script>, seen: Arc<Mutex<Vec<Seen>>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = outbound::read_capped(body, 1 << 20).await.unwrap();
    let request = Seen { http: parts.method, headers: parts.headers, body: serde_json::from_slice(&body).unwrap_or_default() };
    let response = script(&request);
    seen.lock().unwrap().push(request);
    Ok(response)
}

fn plain(status: u16, kind: &str, body: impl Into<String>) -> Response<Full<Bytes>> {
    Response::builder().status(status).header("content-type", kind).body(Full::new(Bytes::from(body.into()))).unwrap()
}

fn result(request: &Seen, result: &Json) -> Response<Full<Bytes>> {
    plain(200, "application/json", json!({"jsonrpc": "2.0", "id": request.body["id"], "result": result}).to_string())
}

fn error(request: &Seen, status: u16, code: i64, data: &Json) -> Response<Full<Bytes>> {
    let error = json!({"code": code, "message": "no", "data": data});
    plain(status, "application/json", json!({"jsonrpc": "2.0", "id": request.body["id"], "error": error}).to_string())
}

/// What a legacy server says, apart from calls: not modern, initialized, and goodbye.
fn legacy(request: &Seen) -> Response<Full<Bytes>> {
    match request.method() {
        "initialize" => {
            let mut response =
                result(request, &json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}));
            response.headers_mut().insert("mcp-session-id", "session-1".parse().unwrap());
            response
        }
        "server/discover" => error(request, 400, -32000, &Json::Null),
        "notifications/initialized" => plain(202, "", ""),
        _ => plain(405, "", ""),
    }
}

fn modern(request: &Seen) -> Response<Full<Bytes>> {
    let versions = json!({"resultType": "complete", "supportedVersions": ["2025-11-25", "2026-07-28"], "capabilities": {}});
    if request.method() == "server/discover" { result(request, &versions) } else { error(request, 404, -32601, &Json::Null) }
}

fn call(arguments: Json) -> Map<String, Json> {
    Map::from_iter([("name".to_owned(), "read".into()), ("arguments".to_owned(), arguments)])
}

fn text_of(failure: &CallFailure, audience: Option<&str>) -> String {
    anstream::adapter::strip_str(&failure.report(audience).render()).to_string()
}

#[tokio::test]
async fn a_legacy_call_is_surrounded_by_its_session() {
    let server = Server::start(|request| match request.method() {
        TOOLS_CALL => {
            let events = [
                json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1, "total": 2}}),
                json!({"jsonrpc": "2.0", "id": "s1", "method": "ping"}),
                json!({"jsonrpc": "2.0", "id": "s2", "method": "sampling/createMessage", "params": {}}),
                json!({"jsonrpc": "2.0", "id": request.body["id"], "result": {"content": []}}),
            ];
            let body = events.map(|event| format!("event: message\ndata: {event}\n\n")).concat();
            plain(200, "text/event-stream", format!("id: 1\ndata:\n\n{body}"))
        }
        "" if request.body.get("id").is_some() => plain(202, "", ""),
        _ => legacy(request),
    })
    .await;
    let mut client = Client::connect(server.endpoint(), Era::Auto, Arc::new(Nobody)).await.unwrap();
    let result = client.request(TOOLS_CALL, call(json!({}))).await.unwrap();
    assert_eq!(result.get(), "{\"content\":[]}");
    client.close().await;

    let seen = server.seen();
    let steps: Vec<String> = seen.iter().map(|request| format!("{} {}", request.http, request.method())).collect();
    assert_eq!(
        steps,
        [
            "POST server/discover",
            "POST initialize",
            "POST notifications/initialized",
            "GET ",
            "POST tools/call",
            "POST ",
            "POST ",
            "DELETE ",
        ]
    );
    assert!(seen.iter().all(|request| request.header("authorization") == Some("Bearer test-token")));
    assert!(seen[2..].iter().all(|request| request.header("mcp-session-id") == Some("session-1")));
    assert!(seen[2..].iter().all(|request| request.header("mcp-protocol-version") == Some("2025-06-18")));
    assert!(seen[1].header("mcp-protocol-version").is_none());
    assert_eq!(seen[5].body, json!({"jsonrpc": "2.0", "id": "s1", "result": {}}));
    assert_eq!((&seen[6].body["id"], &seen[6].body["error"]["code"]), (&json!("s2"), &json!(-32601)));
}

#[tokio::test]
async fn a_modern_call_carries_everything_itself() {
    let server = Server::start(|request| match request.method() {
        TOOLS_CALL => result(request, &json!({"resultType": "complete", "content": []})),
        _ => modern(request),
    })
    .await;
    let mut client = Client::connect(server.endpoint(), Era::Auto, Arc::new(Nobody)).await.unwrap();
    client.request(TOOLS_CALL, call(json!({"path": "x"}))).await.unwrap();
    client.close().await;

    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    let last = &seen[1];
    assert_eq!(last.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(
        (last.header("mcp-method"), last.header("mcp-name"), last.header("mcp-session-id")),
        (Some("tools/call"), Some("read"), None)
    );
    assert_eq!(last.body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(last.body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"], json!({}));
    assert_ne!(seen[0].body["id"], last.body["id"]);
}

#[tokio::test]
async fn an_argument_that_must_stand_in_a_header_is_put_there_on_the_second_try() {
    let server = Server::start(|request| match request.method() {
        TOOLS_CALL if request.header("mcp-param-region") == Some("eu") => result(request, &json!({"content": []})),
        TOOLS_CALL => error(request, 400, -32020, &Json::Null),
        TOOLS_LIST => {
            let schema = json!({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
            result(request, &json!({"tools": [{"name": "other", "inputSchema": {}}, {"name": "read", "inputSchema": schema}]}))
        }
        _ => modern(request),
    })
    .await;
    let mut client = Client::connect(server.endpoint(), Era::Modern, Arc::new(Nobody)).await.unwrap();
    client.request(TOOLS_CALL, call(json!({"region": "eu"}))).await.unwrap();
}

#[tokio::test]
async fn whatever_a_server_says_to_the_probe_but_yes_means_legacy() {
    for probe in [
        |request: &Seen| error(request, 404, -32601, &Json::Null),
        |request: &Seen| error(request, 200, -32602, &Json::Null),
        |request: &Seen| error(request, 400, -32022, &json!({"supported": ["2025-11-25"], "requested": "2026-07-28"})),
        |_: &Seen| plain(404, "text/html", "<h1>not here</h1>"),
        |_: &Seen| plain(400, "text/plain", "Bad Request: No valid session ID provided"),
        |_: &Seen| plain(200, "application/json", "\"hello\""),
        |_: &Seen| plain(202, "", ""),
    ] {
        let server =
            Server::start(move |request| if request.method() == "server/discover" { probe(request) } else { legacy(request) }).await;
        Client::connect(server.endpoint(), Era::Auto, Arc::new(Nobody)).await.unwrap();
        assert_eq!(server.seen()[1].method(), "initialize");
        let refused = Client::connect(server.endpoint(), Era::Modern, Arc::new(Nobody)).await.err().unwrap();
        assert!(matches!(refused, CallFailure::NotModern(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn an_unsupported_version_that_names_ours_means_modern() {
    let server = Server::start(|request| error(request, 400, -32022, &json!({"supported": ["2026-07-28"], "requested": "x"}))).await;
    let mut client = Client::connect(server.endpoint(), Era::Auto, Arc::new(Nobody)).await.unwrap();
    let failure = client.request(TOOLS_LIST, Map::new()).await.unwrap_err();
    assert!(matches!(failure, CallFailure::Said(_)), "{failure:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_told_with_the_token_that_would_do() {
    let challenges = [
        (401, "Bearer resource_metadata=\"https://a/x\", scope=\"files:read\"", "claviger token mint --aud files --scope \"files:read\""),
        (
            401,
            "Bearer error=\"invalid_token\", error_description=\"the access token has expired\"",
            "the server says: the access token has expired",
        ),
        (
            403,
            "Bearer error=\"insufficient_scope\", scope=\"files:write files:read\"",
            "claviger token mint --aud files --scope \"files:read files:write\"",
        ),
        (403, "", "no scope would help"),
    ];
    for (status, challenge, hint) in challenges {
        let server = Server::start(move |_| {
            let builder = Response::builder().status(StatusCode::from_u16(status).unwrap());
            let builder = if challenge.is_empty() { builder } else { builder.header("www-authenticate", challenge) };
            builder.body(Full::default()).unwrap()
        })
        .await;
        let failure = Client::connect(server.endpoint(), Era::Auto, Arc::new(Nobody)).await.err().unwrap();
        let text = text_of(&failure, Some("files"));
        assert!(text.contains(hint), "{text}");
        assert_eq!(server.seen().len(), 1, "a refused probe is not followed by another try");
    }
}

#[tokio::test]
async fn answers_that_are_no_answers_are_failures_of_their_own() {
    for (script, expected) in [
        (
            (|_: &Seen| plain(200, "text/event-stream", ": nothing\n\n")) as fn(&Seen) -> Response<Full<Bytes>>,
            "the stream ended before the answer came",
        ),
        (|_: &Seen| plain(200, "text/html", "<h1>"), "the server answered with `text/html`"),
        (|_: &Seen| plain(200, "application/json", "{\"jsonrpc\":\"1.0\"}"), "the answer is not a message of MCP"),
        (
            |_: &Seen| plain(502, "text/plain", "bad\u{1b}[2J gateway\nmore"),
            "the server answered with the status 502 Bad Gateway: bad\\u{1b}[2J gateway",
        ),
        (
            |_: &Seen| plain(200, "application/json", "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}"),
            "the stream ended before the answer came",
        ),
    ] {
        let server = Server::start(move |request| if request.method() == "tools/list" { script(request) } else { legacy(request) }).await;
        let mut client = Client::connect(server.endpoint(), Era::Legacy, Arc::new(Nobody)).await.unwrap();
        let failure = client.request(TOOLS_LIST, Map::new()).await.unwrap_err();
        let text = text_of(&failure, None);
        assert!(text.starts_with(&format!("error: {expected}")), "{text}");
    }
}

#[test]
fn a_token_never_leaves_this_machine_in_the_clear() {
    let token = "test-token".into();
    for url in ["http://example.com/mcp", "http://10.0.0.1/mcp", "http://localhost.evil.com/mcp"] {
        let failure = Endpoint::new(&url.parse().unwrap(), Some(&token)).err().unwrap();
        assert!(matches!(failure, CallFailure::InTheClear), "{url}: {failure:?}");
    }
    assert!(Endpoint::new(&"https://example.com/mcp".parse().unwrap(), Some(&token)).is_ok());
    let odd = Endpoint::new(&"https://example.com/mcp".parse().unwrap(), Some(&"a b\r\nX: y".into())).err().unwrap();
    assert!(matches!(odd, CallFailure::TokenShape));
}
