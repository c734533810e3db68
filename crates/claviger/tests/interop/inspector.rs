//! MCP Inspector's command line with a bearer token, as a person debugging a server would use it.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Door, Setup, everything, node, peer, to_end};

/// The Inspector with a home of its own, so that it finds no stored login.
struct Inspector {
    home: TempDir,
}

struct Said {
    success: bool,
    result: Option<Value>,
    all: String,
}

impl Inspector {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    fn ask(&self, door: &Door, token: Option<&str>, words: &[&str]) -> Said {
        let mut command = node();
        command.env("HOME", self.home.path()).arg(peer("npm/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"));
        command.args(["--cli", &door.url, "--transport", "http", "--format", "json", "--quiet", "--stored-auth-only"]).args(words);
        if let Some(token) = token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        let ended = to_end(&mut command);
        let result = serde_json::from_str::<Value>(&ended.stdout).ok().map(|said| said["result"].clone());
        Said { success: ended.success, result, all: format!("{}{}", ended.stdout, ended.stderr) }
    }
}

const CALL: [&str; 8] = ["--method", "tools/call", "--tool-name", "get-sum", "--tool-arg", "a=2", "--tool-arg", "b=40"];

fn door() -> Door {
    Setup::program("everything", everything()).scope("*=everything:use").scope("resource:demo://*=everything:read").open()
}

#[test]
fn it_lists_and_calls_with_a_token() {
    let (inspector, door) = (Inspector::new(), door());
    let token = door.token("everything:use");
    let listed = inspector.ask(&door, Some(&token), &["--method", "tools/list"]);
    let tools = listed.result.unwrap_or_else(|| panic!("{}", listed.all));
    assert!(tools["tools"].as_array().is_some_and(|tools| tools.iter().any(|tool| tool["name"] == "get-sum")), "{tools}");
    let called = inspector.ask(&door, Some(&token), &CALL);
    let result = called.result.unwrap_or_else(|| panic!("{}", called.all));
    assert_eq!(result["content"][0]["text"], "The sum of 2 and 40 is 42.");
    door.close();
}

#[test]
fn it_speaks_the_modern_protocol_with_the_built_in_server() {
    let inspector = Inspector::new();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
    let door = Setup::demo(folder.path()).open();
    let token = door.token("filesystem:read");
    let words = ["--protocol-era", "modern", "--method", "tools/call", "--tool-name", "read_text_file", "--tool-arg", "path=letter.txt"];
    let said = inspector.ask(&door, Some(&token), &words);
    assert!(said.success && said.all.contains("dear reader"), "{}", said.all);
    door.close();
}

#[test]
fn it_says_that_a_login_is_needed_without_a_token() {
    let (inspector, door) = (Inspector::new(), door());
    let said = inspector.ask(&door, None, &CALL);
    assert!(!said.success && said.result.is_none(), "{}", said.all);
    assert!(said.all.contains("auth_required"), "{}", said.all);
    door.close();
}

// A tool that a token does not open is not listed, and the Inspector calls only what is listed; it does not look up resources.
#[test]
fn it_names_the_missing_scope() {
    let (inspector, door) = (Inspector::new(), door());
    let token = door.token("everything:use");
    let said = inspector.ask(&door, Some(&token), &["--method", "resources/read", "--uri", "demo://resource/dynamic/text/1"]);
    assert!(!said.success, "{}", said.all);
    assert!(said.all.contains("everything:read"), "{}", said.all);
    let able = door.token("everything:use everything:read");
    let said = inspector.ask(&door, Some(&able), &["--method", "resources/read", "--uri", "demo://resource/dynamic/text/1"]);
    assert!(said.success && said.all.contains("demo://resource/dynamic/text/1"), "{}", said.all);
    door.close();
}
