//! `mcp-remote`, which lends its login to clients that know only stdio.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{LETTER, Scene, TOOL, at_home};
use crate::support::{Running, eventually, node, peer};

/// The program, and the client that speaks to it over stdio.
struct Remote {
    process: Running,
    calls: usize,
}

impl Remote {
    fn start(scene: &Scene) -> Self {
        let mut command = node();
        command.arg(peer("npm/node_modules/mcp-remote/dist/proxy.js")).args([&*scene.door.url, "--allow-http"]);
        command.env("MCP_REMOTE_CONFIG_DIR", scene.home().join("kept"));
        Self { process: at_home(&mut command, scene.home()), calls: 0 }
    }

    fn say(&mut self, message: &Value) {
        self.process.type_line(&message.to_string());
    }

    fn initialize(&mut self) {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "interop", "version": "1"}});
        self.say(&json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params}));
    }

    fn is_in(&mut self) {
        self.process.line("\"id\":\"hello\"");
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }

    fn call(&mut self) -> String {
        self.calls += 1;
        let id = format!("call {}", self.calls);
        let params = json!({"name": TOOL, "arguments": {"path": "letter.txt"}});
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}));
        let answer = self.process.line(&format!("\"id\":\"{id}\""));
        let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// What it keeps, as it stands in its file.
fn tokens(home: &Path) -> Option<Value> {
    let folders = fs::read_dir(home.join("kept")).ok()?.filter_map(Result::ok);
    let files = folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().filter_map(Result::ok);
    let file = files.map(|file| file.path()).find(|path| path.to_string_lossy().ends_with("_tokens.json"))?;
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}

#[test]
fn mcp_remote_logs_in_and_renews() {
    let scene = Scene::open();
    let mut remote = Remote::start(&scene);
    remote.initialize();
    scene.signs_in(&remote.process, "MCP CLI Proxy");
    remote.is_in();
    let mut seen = Vec::new();
    let kept = |seen: &mut Vec<Value>| {
        let now = tokens(scene.home()).expect("it keeps its tokens");
        for name in ["access_token", "refresh_token"] {
            scene.door.keep_secret(now[name].as_str().expect("a text"));
        }
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        seen.len()
    };
    assert_eq!(remote.call(), LETTER);
    kept(&mut seen);
    assert!(
        eventually(|| {
            assert_eq!(remote.call(), LETTER);
            kept(&mut seen) >= 2
        }),
        "it never renewed its token: {}",
        remote.process.said()
    );
    assert_ne!(seen[0]["refresh_token"], seen[1]["refresh_token"]);
    assert_eq!(remote.call(), LETTER);
    let calls = remote.calls;
    drop(remote);
    scene.close(calls);
}
