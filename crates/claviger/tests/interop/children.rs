//! What becomes of a real child: the one-line start of the README, and a door that is killed.

use serde_json::json;

use crate::support::{Client, Setup, alive, eventually, peer};

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
