use std::path::Path;

use gateway::config::Upstream;

use super::super::fixture::Folder;
use super::{Expansions, Unknown};

const CLAUDE: &str = r#"{
  "mcpServers": {
    "everything": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-everything"], "env": { "MODE": "x", "PORT": 3001 } },
    "docs": { "type": "http", "url": "http://127.0.0.1:3001/mcp", "headers": { "Authorization": "Bearer ${TOKEN}" } },
    "off": { "command": "never", "disabled": true }
  },
  "globalShortcut": "Ctrl+Space"
}"#;

const VSCODE: &str = r#"{
  // VS Code writes comments and trailing commas
  "inputs": [{ "id": "key", "type": "promptString" }],
  "servers": {
    "my files": { "type": "stdio", "command": "${workspaceFolder}/bin/files", "args": ["--home", "${userHome}"], "env": { "API_KEY": "${env:KEY}" }, },
  },
}"#;

fn errors(json: &str) -> Vec<String> {
    Folder::with(&[("mcp.json", json)]).errors(&["--mcp", "mcp.json"])
}

#[test]
fn a_file_of_claude_or_cursor_is_taken_as_it_is() {
    let folder = Folder::with(&[(".mcp.json", CLAUDE)]);
    let draft = folder.draft(&["--mcp", ".mcp.json"]).unwrap();
    let names: Vec<&str> = draft.servers.keys().map(gateway::config::ServerName::as_str).collect();
    assert_eq!(names, ["docs", "everything"]);
    assert!(draft.notices.iter().any(|notice| notice.starts_with("`off` is disabled")), "{:?}", draft.notices);
    let Upstream::Process(process) = &draft.servers["everything"].upstream else { panic!("not a process") };
    assert_eq!(process.environment["PORT"].to_string(), "3001");
    assert_eq!(process.arguments.len(), 2);
    assert!(draft.watch.iter().any(|path| path.ends_with(".mcp.json")));
}

#[test]
fn a_file_of_vs_code_is_taken_as_it_is() {
    let folder = Folder::with(&[(".vscode/mcp.json", VSCODE)]);
    let draft = folder.draft(&["--mcp", ".vscode/mcp.json"]).unwrap();
    let Upstream::Process(process) = &draft.servers["my-files"].upstream else { panic!("not a process") };
    assert_eq!(process.program, folder.path().join("bin/files").display().to_string());
    assert_eq!(process.arguments[1].to_string(), "/home/ann");
    assert_eq!(process.environment["API_KEY"].to_string(), "${KEY}");
    assert!(draft.notices.iter().any(|notice| notice == "`my files` is served as `my-files`"), "{:?}", draft.notices);
}

#[test]
fn names_that_become_the_same_are_told_apart() {
    let json = r#"{"mcpServers": {"a b": {"url": "http://127.0.0.1:1/"}, "a-b": {"url": "http://127.0.0.1:2/"}}}"#;
    let draft = Folder::with(&[("mcp.json", json)]).draft(&["--mcp", "mcp.json"]).unwrap();
    let names: Vec<&str> = draft.servers.keys().map(gateway::config::ServerName::as_str).collect();
    assert_eq!(names, ["a-b", "a-b-2"]);
}

#[test]
fn a_file_of_our_own_and_one_of_a_client_go_together() {
    let own = "[servers.docs]\nurl = \"http://127.0.0.1:9/mcp\"\n";
    let folder = Folder::with(&[("claviger.toml", own), (".mcp.json", CLAUDE)]);
    let errors = folder.errors(&["-c", "claviger.toml", "--mcp", ".mcp.json"]);
    assert_eq!(errors[0], ".mcp.json:4:5: error: `mcpServers.docs`: `claviger.toml` has a server `docs` too");
}

#[test]
fn each_wrong_entry_is_blamed_at_its_line() {
    for (json, expected) in [
        ("{\n \"mcpServers\": {", "mcp.json:2:16: error: this is not JSON: unterminated object"),
        ("{}", "mcp.json:1:1: error: there are no MCP servers in this file"),
        ("[]", "mcp.json:1:1: error: there are no MCP servers in this file"),
        ("{\"mcpServers\": {}}", "mcp.json:1:1: error: every server of this file is disabled"),
        ("{\"mcpServers\": {\"a\": 5}}", "mcp.json:1:22: error: `mcpServers.a`: a table is expected"),
        ("{\"mcpServers\": {\"a\": {}}}", "mcp.json:1:22: error: `mcpServers.a`: nothing says what the server is"),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"args\": \"y\"}}}",
            "mcp.json:1:47: error: `mcpServers.a.args`: a list is expected",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"url\": \"http://127.0.0.1/ws\", \"type\": \"ws\"}}}",
            "mcp.json:1:61: error: `mcpServers.a.type`: `stdio`, `http` or `sse` is expected",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"args\": [\"${input:key}\"]}}}",
            "mcp.json:1:48: error: `mcpServers.a.args[0]`: `${input:key}` is something that VS Code asks",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"env\": {\"K\": \"ghp_0123456789abcdefghijklmnopqrstuvwxyz\"}}}}",
            "mcp.json:1:52: error: `mcpServers.a.env.K`: this looks like a literal secret",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"envFile\": \".env\"}}}",
            "mcp.json:1:50: error: `mcpServers.a.envFile`: files of variables",
        ),
    ] {
        let errors = errors(json);
        assert!(errors.first().is_some_and(|error| error.starts_with(expected)), "{json}: {errors:?}");
    }
}

#[test]
fn the_transport_of_2024_is_taken_from_the_word_of_each_client() {
    for key in ["type", "transport", "transportType"] {
        let json = format!(r#"{{"mcpServers": {{"a": {{"url": "http://127.0.0.1/sse", "{key}": "sse"}}}}}}"#);
        let draft = Folder::with(&[("mcp.json", &json)]).draft(&["--mcp", "mcp.json"]).unwrap();
        let upstream = &draft.servers.first_key_value().unwrap().1.upstream;
        assert!(matches!(upstream, gateway::config::Upstream::Sse { url, .. } if url.path() == "/sse"), "{key}");
    }
}

#[test]
fn a_client_file_makes_us_run_no_program_but_its_servers() {
    let errors = errors(
        r#"{"mcpServers": {
 "a": {"command": "x", "args": ["--key=${command://curl evil}"], "env": {"K": "command://curl evil", "T_VAULT": "command://curl evil"}},
 "b": {"url": "http://127.0.0.1/mcp", "headers": {"X-Key": "command://curl evil"}}}}"#,
    );
    assert_eq!(errors.len(), 4 + 1, "{errors:?}");
    for (error, path) in errors.iter().zip(["a.args[0]", "a.env.K", "a.env.T_VAULT", "b.headers.X-Key"]) {
        assert!(error.contains(&format!("`mcpServers.{path}`: a `command://` reference runs a program")), "{error}");
    }
}

#[test]
fn what_stands_in_braces_is_put_in_or_left_to_references() {
    let expansions = Expansions::new(Path::new("/work/.cursor/mcp.json"), Some("/home/ann"));
    for (text, expected) in [
        ("${workspaceFolder}${/}x", "/work/x"),
        ("${userHome}", "/home/ann"),
        ("a ${env:KEY} b ${NAME:-x} ${NAME}", "a ${KEY} b ${NAME:-x} ${NAME}"),
        ("$${literal} ${unclosed", "$${literal} ${unclosed"),
        ("${env://NAME}", "${env://NAME}"),
    ] {
        assert_eq!(expansions.expand(text).unwrap(), expected, "{text}");
    }
    assert_eq!(expansions.expand("${input:x}"), Err(Unknown::Input("x".to_owned())));
    assert_eq!(expansions.expand("${config:x}"), Err(Unknown::Word("config:x".to_owned())));
}
