//! Who knocks? A caller with or without a token, in both eras.

use std::net::SocketAddr;

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Request, Stream};

/// The modern revision.
pub(crate) const MODERN: &str = "2026-07-28";

/// Somebody with a token for one server, or without.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
}

/// A request without `_meta`, always with the id 1, as some clients have it.
pub(crate) fn request_message(method: &str, params: Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "id": 1, "method": method});
    message["params"] = params;
    message
}

/// A request with the `_meta` of the modern era.
pub(crate) fn modern_message(method: &str, mut params: Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {"sampling": {}, "elicitation": {}, "roots": {}},
    });
    for (name, value) in meta.as_object().unwrap() {
        if params["_meta"].get(name).is_none() {
            params["_meta"][name] = value.clone();
        }
    }
    request_message(method, params)
}

impl Caller {
    /// Any request to the server's URL, with the token.
    pub(crate) fn bare(&self, method: Method) -> Request {
        let request = Request::new(method, self.address, &self.path);
        match &self.token {
            Some(token) => request.token(token),
            None => request,
        }
    }

    /// A POST of a body, with the headers that every POST has.
    pub(crate) fn post(&self, body: impl Into<bytes::Bytes>) -> Request {
        let request = self.bare(Method::POST).body(body);
        request.header("content-type", "application/json").header("accept", "application/json, text/event-stream")
    }

    /// A POST of a modern message, with the headers that repeat it.
    pub(crate) fn modern_post(&self, message: &Value) -> Request {
        let mut request = self.post(message.to_string()).header("mcp-protocol-version", MODERN);
        if let Some(method) = message["method"].as_str() {
            request = request.header("mcp-method", method);
        }
        let params = &message["params"];
        match params["name"].as_str().or_else(|| params["uri"].as_str()) {
            Some(name) => request.header("mcp-name", name),
            None => request,
        }
    }

    /// A modern request.
    pub(crate) fn modern(&self, method: &str, params: Value) -> Request {
        self.modern_post(&modern_message(method, params))
    }

    /// A modern call of a tool.
    pub(crate) fn tool(&self, name: &str, arguments: Value) -> Request {
        let mut params = json!({"name": name});
        params["arguments"] = arguments;
        self.modern("tools/call", params)
    }

    /// A modern call of a tool, answered.
    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Answer {
        self.tool(name, arguments).send().await
    }

    /// The smallest good call.
    pub(crate) async fn hello(&self) -> Answer {
        self.call("test_simple_text", json!({})).await
    }

    /// A legacy message without a session.
    pub(crate) fn legacy(&self, message: &Value) -> Request {
        self.post(message.to_string())
    }

    /// The legacy `initialize`.
    pub(crate) fn initialize(&self, version: &str) -> Request {
        let capabilities = json!({"sampling": {}, "elicitation": {}, "roots": {"listChanged": true}});
        let params = json!({"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "test", "version": "1"}});
        self.legacy(&request_message("initialize", params))
    }

    /// A legacy session, opened as clients do it.
    pub(crate) async fn session(&self) -> Session {
        self.session_of("2025-11-25").await
    }

    /// A legacy session of this revision.
    pub(crate) async fn session_of(&self, version: &str) -> Session {
        let answer = self.initialize(version).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let greeting = answer.result();
        let id = answer.header("mcp-session-id").expect("a session id").to_owned();
        let version = greeting["protocolVersion"].as_str().unwrap().to_owned();
        let session = Session { caller: self.clone(), id, version };
        let answer = session.notify("notifications/initialized", json!({})).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        session
    }
}

/// A legacy session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) caller: Caller,
    pub(crate) id: String,
    pub(crate) version: String,
}

impl Session {
    /// The same session, in somebody else's hands.
    pub(crate) fn stolen_by(&self, thief: &Caller) -> Self {
        Self { caller: thief.clone(), ..self.clone() }
    }

    /// Any message.
    pub(crate) fn post(&self, message: &Value) -> Request {
        self.dressed(self.caller.legacy(message))
    }

    /// A request.
    pub(crate) fn request(&self, method: &str, params: Value) -> Request {
        self.post(&request_message(method, params))
    }

    /// A notification.
    pub(crate) fn notify(&self, method: &str, params: Value) -> Request {
        let mut message = json!({"jsonrpc": "2.0", "method": method});
        message["params"] = params;
        self.post(&message)
    }

    /// A call of a tool.
    pub(crate) fn tool(&self, name: &str, arguments: Value) -> Request {
        let mut params = json!({"name": name});
        params["arguments"] = arguments;
        self.request("tools/call", params)
    }

    /// The smallest good call.
    pub(crate) async fn hello(&self) -> Answer {
        self.tool("test_simple_text", json!({})).send().await
    }

    /// The client's answer to a request of the server.
    pub(crate) fn respond(&self, id: &Value, result: Value) -> Request {
        let mut message = json!({"jsonrpc": "2.0"});
        message["id"] = id.clone();
        message["result"] = result;
        self.post(&message)
    }

    /// GET: the stream on which the server speaks first.
    pub(crate) fn listen(&self) -> Request {
        self.dressed(self.caller.bare(Method::GET)).header("accept", "text/event-stream")
    }

    /// The opened GET stream.
    pub(crate) async fn listening(&self) -> Stream {
        let stream = self.listen().open().await;
        assert_eq!(stream.status.as_u16(), 200, "{:?}", stream.headers);
        stream
    }

    /// DELETE.
    pub(crate) fn end(&self) -> Request {
        self.dressed(self.caller.bare(Method::DELETE))
    }

    fn dressed(&self, request: Request) -> Request {
        request.header("mcp-session-id", &self.id).header("mcp-protocol-version", &self.version)
    }
}
