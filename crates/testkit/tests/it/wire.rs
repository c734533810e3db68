//! How do the tests speak? A line client, an HTTP client, and the messages of both eras.

use bytes::Bytes;
use claviger_testkit::{
    body::read_capped,
    fixture::{Era, Given, Shared, stdio},
};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, split},
    net::TcpStream,
};

/// A fixture at the other end of a pipe.
pub(crate) struct Pipe {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    input: WriteHalf<DuplexStream>,
}

impl Pipe {
    pub(crate) fn to_fixture(era: Era) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = split(theirs);
        tokio::spawn(stdio::serve(Shared::new(era, Given::default()).unwrap(), input, output));
        let (read, input) = split(ours);
        Self { lines: BufReader::new(read).lines(), input }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }

    /// Sends a request and gives the answer to it; whatever comes before is thrown away.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        let id = request["id"].clone();
        self.send(request).await;
        loop {
            let message = self.receive().await;
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    pub(crate) async fn initialize(&mut self, capabilities: Value) -> Value {
        let answer = self.ask(initialize("2025-11-25", capabilities)).await;
        self.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        answer
    }
}

pub(crate) fn initialize(version: &str, capabilities: Value) -> Value {
    let mut message = request("initialize", json!({"protocolVersion": version, "clientInfo": {"name": "test", "version": "1"}}));
    message["params"]["capabilities"] = capabilities;
    message
}

pub(crate) fn request(method: &str, params: Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "id": format!("{method}-1"), "method": method});
    message["params"] = params;
    message
}

pub(crate) fn modern(method: &str, params: Value, capabilities: Value) -> Value {
    let mut message = request(method, params);
    message["params"]["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    message
}

pub(crate) fn call(tool: &str, arguments: Value) -> Value {
    let mut params = json!({"name": tool});
    params["arguments"] = arguments;
    params
}

pub(crate) fn text_of(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {answer}"))
}

/// What came back over HTTP.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The last JSON message, whether the answer is JSON or an event stream.
    pub(crate) fn message(&self) -> Value {
        let line = self.text.lines().rev().find(|line| line.contains('{')).unwrap_or_else(|| panic!("no JSON in {:?}", self.text));
        serde_json::from_str(line.strip_prefix("data:").unwrap_or(line)).unwrap()
    }
}

/// Posts `message` to `url`; the headers that MCP asks for come from the message, unless `headers` says otherwise.
pub(crate) async fn post(url: &str, message: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut all = HeaderMap::new();
    let mut put = |name: &str, value: &str| all.insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    put("content-type", "application/json");
    put("accept", "application/json, text/event-stream");
    if let Some(version) = message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str() {
        put("mcp-protocol-version", version);
        put("mcp-method", message["method"].as_str().unwrap());
        if let Some(name) = message["params"]["name"].as_str() {
            put("mcp-name", name);
        }
    }
    for (name, value) in headers {
        put(name, value);
    }
    send(Method::POST, url, all, message.to_string()).await
}

/// Asks without a body.
pub(crate) async fn ask(method: Method, url: &str, headers: &[(&'static str, &str)]) -> Answer {
    let all = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
    send(method, url, all.collect(), String::new()).await
}

async fn send(method: Method, url: &str, headers: HeaderMap, body: String) -> Answer {
    let authority = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let path = url.split_once(authority).unwrap().1;
    let mut request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body))).unwrap();
    *request.headers_mut() = headers;
    request.headers_mut().entry("host").or_insert(authority.parse().unwrap());
    let stream = TcpStream::connect(authority).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = read_capped(body, 1 << 20).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(body.to_vec()).unwrap() }
}
