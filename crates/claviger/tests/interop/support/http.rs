//! How does a request look without any client library? One connection, one request, what came back.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

/// An answer, whole.
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    body: String,
}

impl Reply {
    /// The value of a header, if it is there exactly once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| line.split_once(": ")).filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value);
        if values.next().is_some() { None } else { value }
    }

    /// The body as it came.
    pub(crate) fn text(&self) -> &str {
        &self.body
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}\n{}", self.head, self.body))
    }
}

pub(crate) fn get(url: &str) -> Reply {
    exchange("GET", url, &[], "")
}

/// Sends one MCP message of the older revisions, outside of any session.
pub(crate) fn post_message(url: &str, token: Option<&str>, message: &Value) -> Reply {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    exchange("POST", url, &headers, &message.to_string())
}

/// A session of the older revisions.
pub(crate) struct LegacySession {
    url: String,
    bearer: String,
    id: String,
}

impl LegacySession {
    /// Begins one.
    pub(crate) fn begin(url: &str, token: &str) -> Self {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "interop", "version": "1"}});
        let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let reply = post_message(url, Some(token), &initialize);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let id = reply.header("Mcp-Session-Id").expect("a session has an id").to_owned();
        let session = Self { url: url.to_owned(), bearer: format!("Bearer {token}"), id };
        let reply = session.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(reply.status, 202, "{}", reply.body);
        session
    }

    /// Calls a tool.
    pub(crate) fn call(&self, tool: &str) -> Reply {
        self.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}}))
    }

    fn post(&self, message: &Value) -> Reply {
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Authorization", &self.bearer),
            ("MCP-Protocol-Version", "2025-11-25"),
            ("Mcp-Session-Id", &self.id),
        ];
        exchange("POST", &self.url, &headers, &message.to_string())
    }
}

/// Sends a form, with a `Basic` authorization where there is one.
pub(crate) fn post_form(url: &str, basic: Option<&str>, fields: &[(&str, &str)]) -> Reply {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let authorization = basic.map(|basic| format!("Basic {basic}"));
    let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
    headers.extend(authorization.as_deref().map(|authorization| ("Authorization", authorization)));
    exchange("POST", url, &headers, &form)
}

/// Sends a JSON document.
pub(crate) fn post_json(url: &str, document: &Value) -> Reply {
    exchange("POST", url, &[("Content-Type", "application/json")], &document.to_string())
}

pub(super) fn exchange(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    try_exchange(method, url, headers, body).expect("the server answers")
}

// HTTP/1.0: the answer ends with the connection and is never in chunks.
pub(super) fn try_exchange(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Reply> {
    let url = Url::parse(url).expect("tests call good URLs");
    let authority = url.authority();
    let mut request = format!("{method} {} HTTP/1.0\r\nHost: {authority}\r\nContent-Length: {}\r\n", url.path(), body.len());
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("\r\n");
    request.push_str(body);
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}
