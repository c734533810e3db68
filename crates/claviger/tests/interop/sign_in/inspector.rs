//! MCP Inspector's command line, as a person debugging a server logs in with it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{LETTER, Scene, TOOL, at_home};
use crate::support::{node, peer, to_end};

const LAUNCHER: &str = "npm/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";

/// A call, as one types it after `node`.
fn words(scene: &Scene) -> Vec<String> {
    let launcher = peer(LAUNCHER).to_str().expect("paths of tests are text").to_owned();
    let call = ["--transport", "http", "--format", "json", "--method", "tools/call", "--tool-name", TOOL, "--tool-arg", "path=letter.txt"];
    [launcher, "--cli".to_owned(), scene.door.url.clone()].into_iter().chain(call.map(str::to_owned)).collect()
}

/// Secrets are kept in a file of its home, as they are where there is no keychain.
fn settled<'c>(command: &'c mut Command, scene: &Scene) -> &'c mut Command {
    command.env("HOME", scene.home()).env("MCP_INSPECTOR_SECRET_STORE", "file")
}

/// The tokens that it keeps.
fn tokens(scene: &Scene) -> Value {
    let text = fs::read_to_string(scene.home().join(".mcp-inspector/secrets.json")).expect("it keeps its secrets");
    let kept: Value = serde_json::from_str(&text).expect("a file of JSON");
    let secrets = kept["secrets"].as_object().expect("an object");
    let tokens = secrets.iter().find(|(name, _)| name.contains(":tokens:")).and_then(|(_, tokens)| tokens.as_str());
    let tokens: Value = serde_json::from_str(tokens.expect("it keeps its tokens")).expect("tokens are JSON");
    for name in ["access_token", "refresh_token"] {
        scene.door.keep_secret(tokens[name].as_str().expect("a text"));
    }
    tokens
}

#[test]
fn the_inspector_logs_in_and_renews() {
    let scene = Scene::open();
    // It logs in for somebody at a terminal only.
    let command = node();
    let program = command.get_program().to_str().expect("a program's name is text").to_owned();
    let line: Vec<String> = [program].into_iter().chain(words(&scene)).map(|word| format!("'{word}'")).collect();
    let mut terminal = Command::new("script");
    terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).args(["-qefc", &line.join(" "), "/dev/null"]);
    let client = at_home(settled(&mut terminal, &scene), scene.home());
    scene.signs_in(&client, "MCP Inspector");
    assert!(client.line("\"result\"").contains(LETTER), "{}", client.said());
    drop(client);

    let before = tokens(&scene);
    // From now on with what it keeps, and without a person.
    let mut again = node();
    settled(again.args(words(&scene)).arg("--stored-auth-only"), &scene);
    let mut calls = 1;
    let mut after = before.clone();
    while after == before && calls < MOST_CALLS {
        thread::sleep(BETWEEN_CALLS);
        let ended = to_end(&mut again);
        assert!(ended.success && ended.stdout.contains(LETTER), "{}{}", ended.stdout, ended.stderr);
        after = tokens(&scene);
        calls += 1;
    }
    for name in ["access_token", "refresh_token"] {
        assert_ne!(before[name], after[name], "it never renewed its token in {calls} calls");
    }
    scene.close(calls);
}

const BETWEEN_CALLS: Duration = Duration::from_secs(4);
const MOST_CALLS: usize = 16;
