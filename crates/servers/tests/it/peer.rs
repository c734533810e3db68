//! The other end of the wire: writes lines, reads lines, knows nothing of the SDK.

use std::path::Path;
use std::time::Duration;

use claviger_servers::filesystem::{Access, Filesystem, ServeError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

/// One connection to a server of `directory`.
pub(crate) struct Peer {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    server: JoinHandle<Result<(), ServeError>>,
    last_id: u64,
}

impl Peer {
    pub(crate) fn of(directory: &Path) -> Self {
        Self::connected_to(Filesystem::open(directory, Access::ReadOnly).unwrap())
    }

    pub(crate) fn connected_to(filesystem: Filesystem) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(ours);
        let server = tokio::spawn(async move { filesystem.serve(theirs).await });
        Self { lines: BufReader::new(reader).lines(), writer, server, last_id: 0 }
    }

    pub(crate) async fn write(&mut self, line: &str) {
        self.writer.write_all(line.as_bytes()).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.write(&message.to_string()).await;
    }

    pub(crate) async fn receive(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("an answer in time");
        serde_json::from_str(&line.unwrap().expect("an open connection")).unwrap()
    }

    /// Sends a request and reads its answer, which must be the next message.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        let answer = self.receive().await;
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(id)), "{answer}");
        answer
    }

    /// As [`Peer::ask`], with the `_meta` that the modern era wants.
    pub(crate) async fn ask_modern(&mut self, method: &str, params: Value) -> Value {
        self.ask(method, modern(params)).await
    }

    /// Calls a tool in the modern era; gives the result.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.ask_modern("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
        answer["result"].take()
    }

    /// Opens a legacy session; gives the result of `initialize`.
    pub(crate) async fn initialize(&mut self, version: &str) -> Value {
        let client = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client});
        let mut answer = self.ask("initialize", params).await;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        answer["result"].take()
    }

    /// Closes the connection; gives what the server said at its end.
    pub(crate) async fn close(self) -> Result<(), ServeError> {
        drop((self.lines, self.writer));
        tokio::time::timeout(PATIENCE, self.server).await.expect("an end in time").unwrap()
    }
}

/// Parameters with the `_meta` of 2026-07-28.
pub(crate) fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    params
}

/// A directory with a few files.
pub(crate) fn directory() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("notes")).unwrap();
    std::fs::write(place.path().join("notes/one.md"), "first\nsecond\nthird\n").unwrap();
    std::fs::write(place.path().join("two.txt"), "two").unwrap();
    place
}

/// The words of a refusal; panics when it is none.
pub(crate) fn refusal(result: &Value) -> &str {
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(result["content"].as_array().map(Vec::len), Some(1), "{result}");
    result["content"][0]["text"].as_str().unwrap()
}

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(25);
