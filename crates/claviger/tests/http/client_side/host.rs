//! An MCP host: starts a bridge and speaks to it over a pipe.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::Machine;
use crate::support::PATIENCE;

/// A bridge that runs.
pub(super) struct Host {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// What is said on stderr, when somebody listens.
    told: Option<Lines<BufReader<ChildStderr>>>,
    next_id: i64,
}

impl Host {
    pub(super) fn start(machine: &Machine, arguments: &[&str]) -> Self {
        Self::start_with(machine, arguments, &[])
    }

    /// With these variables besides.
    pub(super) fn start_with(machine: &Machine, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = machine.command(&["bridge"]);
        command.envs(variables.iter().copied());
        let mut child = command.args(arguments).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdin, lines, told: None, next_id: 0 }
    }

    pub(super) async fn say(&mut self, message: &Value) {
        self.stdin.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Asks, and gives the number under which the answer comes.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        self.say(&json!({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})).await;
        self.next_id
    }

    /// The answer of this number; what comes before it is passed over.
    pub(super) async fn answer(&mut self, id: i64) -> Value {
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("the bridge is still there");
                let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if message["id"] == id {
                    return message;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the answer comes")
    }

    pub(super) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    /// Opens a legacy session; the answer to `initialize`.
    pub(super) async fn initialize(&mut self) -> Value {
        let knocked = self.knock().await;
        let answer = self.answer(knocked).await;
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        answer
    }

    /// What a tool of the fixture says, in a legacy session.
    pub(super) async fn call(&mut self, tool: &str) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": {}})).await
    }

    /// Asks for a legacy session; its number.
    pub(super) async fn knock(&mut self) -> i64 {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "host", "version": "1"}});
        self.ask("initialize", params).await
    }

    /// Opens the session that was asked for, and uses it.
    pub(super) async fn works(&mut self, knocked: i64) {
        let answer = self.answer(knocked).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        let answer = self.call("test_simple_text").await;
        assert_eq!(answer["result"]["content"][0]["type"], "text", "{answer}");
    }

    /// The first line on stderr that begins a saying with these words in it.
    pub(super) async fn is_told(&mut self, words: &str) -> String {
        let lines = self.told.get_or_insert_with(|| BufReader::new(self.child.stderr.take().unwrap()).lines());
        let found = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the bridge is still there");
                if line.contains(words) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it is said")
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(super) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Closes the pipe; the code with which the bridge ends, and what it has said on stderr.
    pub(super) async fn close(self) -> (Option<i32>, String) {
        let Self { mut child, stdin, lines, .. } = self;
        drop(stdin);
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        let ended = async {
            stderr.read_to_string(&mut said).await.unwrap();
            child.wait().await.unwrap().code()
        };
        let code = tokio::time::timeout(PATIENCE, ended).await.expect("the bridge ends with its host");
        drop(lines);
        (code, said)
    }
}
