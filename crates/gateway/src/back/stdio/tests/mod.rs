//! What the multiplexer promises, shown over pipes without a process: each test plays the server.

mod crashes;
mod ids;
mod leaving;
mod news;
mod parameters;
mod questions;
mod sharing;

use std::sync::Arc;
use std::time::Duration;

use broker::Resolver;
use broker::source::{Environment, Files, OpenFiles, Sources};
use bytes::Bytes;
use http::HeaderMap;
use mcp::envelope::Message;
use policy::{Action, Caller, Permit, RuleSet};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Answer, Opened, StdioBack};
use crate::back::{BackFailure, EraBook};
use crate::config::{Limits, Protocol, ServerName, Timeouts, Upstream};
use crate::principal::PrincipalKey;

/// A back, and the servers that it starts.
struct World {
    back: Arc<StdioBack>,
    children: mpsc::UnboundedReceiver<DuplexStream>,
}

/// The server's end of a pipe.
struct Child {
    lines: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
    pipe: WriteHalf<DuplexStream>,
}

/// A caller's event stream.
struct Events(mpsc::Receiver<Bytes>);

type Answering = JoinHandle<Result<Answer, BackFailure>>;

impl World {
    fn new(protocol: Protocol) -> Self {
        Self::with(protocol, |_, _| {})
    }

    fn with(protocol: Protocol, adjust: impl FnOnce(&mut Limits, &mut Timeouts)) -> Self {
        let (started, children) = mpsc::unbounded_channel();
        let upstream = Upstream::Builtin(Arc::new(move || {
            let (near, far) = tokio::io::duplex(64 * 1024);
            started.send(far).unwrap();
            near
        }));
        let (mut limits, mut timeouts) = (Limits::default(), Timeouts::default());
        adjust(&mut limits, &mut timeouts);
        let resolver =
            Arc::new(Resolver::new(Sources::local(Environment::default(), Files::new("/".into(), OpenFiles::Warn)), Arc::new(|| 0)));
        let name = ServerName::parse("test").unwrap();
        let back = StdioBack::for_upstream(&name, (upstream, protocol), &resolver, &limits, &timeouts, EraBook::default()).unwrap();
        Self { back, children }
    }

    /// The next server that is started.
    async fn child(&mut self) -> Child {
        let (reader, pipe) = tokio::io::split(self.children.recv().await.unwrap());
        Child { lines: BufReader::new(reader).lines(), pipe }
    }

    fn none_started(&mut self) -> bool {
        self.children.try_recv().is_err()
    }

    fn opening(&self, who: &str, words: &str) -> JoinHandle<Result<Opened, BackFailure>> {
        let (back, who, message) = (Arc::clone(&self.back), key(who), initialize(words).to_string());
        tokio::spawn(async move { back.open(&permit(), &who, &Message::parse(message.as_bytes()).unwrap()).await })
    }

    /// Opens a session that needs a server of its own.
    async fn open(&mut self, who: &str, words: &str) -> (String, Child) {
        let opening = self.opening(who, words);
        let mut child = self.child().await;
        child.welcome().await;
        (opening.await.unwrap().unwrap().session.unwrap(), child)
    }

    /// Opens a session that shares a running server.
    async fn join(&self, who: &str, words: &str) -> String {
        self.opening(who, words).await.unwrap().unwrap().session.unwrap()
    }

    fn send(&self, who: &str, session: &str, message: &Value) -> Answering {
        let (back, who, session, message) = (Arc::clone(&self.back), key(who), session.to_owned(), message.to_string());
        tokio::spawn(async move { back.send(&permit(), &who, &session, &Message::parse(message.as_bytes()).unwrap()).await })
    }

    fn send_modern(&self, who: &str, message: &Value) -> Answering {
        self.send_modern_with(who, message, HeaderMap::new())
    }

    fn send_modern_with(&self, who: &str, message: &Value, headers: HeaderMap) -> Answering {
        let (back, who, message) = (Arc::clone(&self.back), key(who), message.to_string());
        tokio::spawn(async move {
            let message = Message::parse(message.as_bytes()).unwrap();
            back.send_modern(&permit(), &who, &message, "2026-07-28", &headers).await
        })
    }

    async fn listen(&self, who: &str, session: &str) -> Events {
        match self.back.listen(&key(who), session).await.unwrap() {
            Answer::Stream { events } => Events(events),
            other => panic!("no stream: {other:?}"),
        }
    }
}

impl Child {
    /// The next message.
    async fn hear(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().expect("the pipe is closed");
        serde_json::from_str(&line).unwrap()
    }

    /// The next message, which must have this method.
    async fn hear_method(&mut self, method: &str) -> Value {
        let message = self.hear().await;
        assert_eq!(message["method"], method, "{message}");
        message
    }

    async fn say(&mut self, message: &Value) {
        self.say_line(&message.to_string()).await;
    }

    async fn say_line(&mut self, line: &str) {
        self.pipe.write_all(line.as_bytes()).await.unwrap();
        self.pipe.write_all(b"\n").await.unwrap();
    }

    /// Answers a request with `{"for": …}`.
    async fn answer(&mut self, asked: &Value, result: &str) {
        self.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "for": result } })).await;
    }

    /// Answers `initialize`.
    async fn welcome(&mut self) {
        let asked = self.hear_method("initialize").await;
        let result = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "test", "version": "1" } });
        self.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })).await;
    }

    /// Whether it is left in peace.
    async fn hears_nothing(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(1), self.lines.next_line()).await.is_err()
    }

    /// Whether its input ends.
    async fn is_told_to_end(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(5), async { while self.lines.next_line().await.unwrap().is_some() {} }).await.is_ok()
    }
}

impl Events {
    async fn next(&mut self) -> Option<Value> {
        let frame = self.0.recv().await?;
        let text = std::str::from_utf8(&frame).unwrap();
        let data = text.lines().find_map(|line| line.strip_prefix("data: ").or_else(|| line.strip_prefix("data:"))).unwrap();
        Some(serde_json::from_str(data).unwrap())
    }

    async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(1), self.0.recv()).await.is_err()
    }
}

async fn json_of(answering: Answering) -> Value {
    match answering.await.unwrap().unwrap() {
        Answer::Json { body, .. } => serde_json::from_slice(&body).unwrap(),
        other => panic!("not one message: {other:?}"),
    }
}

async fn events_of(answering: Answering) -> Events {
    match answering.await.unwrap().unwrap() {
        Answer::Stream { events } => Events(events),
        other => panic!("no stream: {other:?}"),
    }
}

async fn accepted(answering: Answering) {
    assert!(matches!(answering.await.unwrap(), Ok(Answer::Accepted)));
}

fn initialize(words: &str) -> Value {
    let info = json!({ "name": words, "version": "1" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

fn call(id: u64, tool: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": {} } })
}

fn call_with_progress(id: u64, tool: &str, token: &str) -> Value {
    let params = json!({ "name": tool, "_meta": { "progressToken": token } });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

/// A modern request; its tool is never one that the door has to know.
fn modern(id: u64, method: &str, extra: &Value) -> Value {
    let mut meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
    meta.as_object_mut().unwrap().append(&mut extra.as_object().unwrap().clone());
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": { "uri": "test://x", "_meta": meta } })
}

fn notification(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn key(who: &str) -> PrincipalKey {
    PrincipalKey::new("https://issuer.example", who)
}

fn permit() -> Permit {
    let scopes = oauth::scope::ScopeSet::default();
    let caller = Caller { issuer: "https://issuer.example", subject: "someone", client: None, scopes: &scopes };
    RuleSet::open().decide(&caller, &Action::Method("tools/list")).unwrap()
}
