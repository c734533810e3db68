//! What becomes of a real child: the one-line start of the README, and a door that is killed.

use std::fs;

use serde_json::json;

use crate::support::{Client, Setup, eventually, peer};

/// Process ids whose command line holds `mark`.
fn alive(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("this test needs /proc").filter_map(Result::ok);
    let command_line = |id: &str| fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let ids = processes
        .filter_map(|process| process.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    ids.filter(|id| String::from_utf8_lossy(&command_line(id)).contains(mark)).collect()
}

// npx runs a shell, which runs Node.js: three generations that must go together.
#[test]
fn npx_starts_a_server_and_nothing_outlives_a_killed_door() {
    let mark = format!("claviger-interop-{}", std::process::id());
    let program = ["npx", "-y", "@modelcontextprotocol/server-everything", "stdio", &mark];
    let mut door = Setup::unnamed_program(&program).within(&peer("npm")).open();
    assert!(door.url.ends_with("/mcp/everything"), "the door names the server after its package: {}", door.url);
    let token = door.token("");
    let seen = Client::TypeScript.tour(&door.url, &token, "legacy", "echo", &json!({"message": "hello"}));
    assert_eq!(seen["text"], "Echo: hello");
    let open = Client::Python.attempt(&door.url, Some(&token), "tour", &json!({"arguments": {"message": "again"}}));
    assert_eq!(open["text"], "Echo: again");
    assert!(alive(&mark).len() > 1, "the door and its children carry the mark");
    door.process().kill();
    assert!(eventually(|| alive(&mark).is_empty()), "left behind: {:?}", alive(&mark));
}
