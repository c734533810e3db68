//! What a real client meets when it may not come in: 401 with a challenge, 403 that names the missing scope.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Setup, get, post_message};

fn demo() -> (TempDir, Door) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
    let door = Setup::demo(folder.path()).open();
    (folder, door)
}

/// The first refusal that each client meets in each era, as it was on the wire.
fn first_refusals(door: &Door, token: Option<&str>) -> Vec<(u64, String)> {
    let mut refusals = Vec::new();
    for client in Client::ALL {
        for era in ["legacy", "auto"] {
            let settings = json!({"era": era, "tool": "read_text_file", "arguments": {"path": "letter.txt"}});
            let seen = client.attempt(&door.url, token, "tour", &settings);
            assert!(seen.get("error").is_some(), "{client:?} {era} was let in: {seen}");
            let refusal = &seen["refusals"][0];
            let challenge = refusal["challenge"].as_str().unwrap_or_else(|| panic!("{client:?} {era}: no challenge in {seen}"));
            refusals.push((refusal["status"].as_u64().expect("a status is a number"), challenge.to_owned()));
        }
    }
    refusals
}

#[test]
fn without_a_token_every_client_is_told_where_to_get_one() {
    let (_folder, door) = demo();
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp/filesystem", door.origin());
    for refusal in first_refusals(&door, None) {
        assert_eq!(refusal, (401, format!(r#"Bearer resource_metadata="{metadata}", scope="filesystem:read""#)));
    }
    let document = get(&metadata);
    assert_eq!((document.status, document.json()["resource"].as_str()), (200, Some(door.url.as_str())));
    door.close();
}

#[test]
fn a_token_of_another_door_is_refused() {
    let (_folder, door) = demo();
    let (_other_folder, other) = demo();
    let foreign = door.keep_secret(&other.token("filesystem:read"));
    for (status, challenge) in first_refusals(&door, Some(&foreign)) {
        assert_eq!(status, 401);
        assert!(challenge.starts_with(r#"Bearer error="invalid_token""#), "{challenge}");
    }
    other.close();
    door.close();
}

#[test]
fn without_the_scope_every_client_is_told_which() {
    let (_folder, door) = demo();
    let token = door.token("something:else");
    for (status, challenge) in first_refusals(&door, Some(&token)) {
        assert_eq!(status, 403);
        assert!(challenge.starts_with(r#"Bearer error="insufficient_scope""#), "{challenge}");
        assert!(challenge.contains(r#"scope="filesystem:read""#) && challenge.contains("resource_metadata="), "{challenge}");
    }
    door.close();
}

#[test]
fn a_refusal_on_the_wire_is_one_header_and_json() {
    let (_folder, door) = demo();
    let ping = json!({"jsonrpc": "2.0", "id": "one", "method": "ping"});
    for token in [None, Some("not.a.token"), Some("x")] {
        let reply = post_message(&door.url, token, &ping);
        assert_eq!(reply.status, 401);
        let challenge = reply.header("www-authenticate").expect("one challenge");
        assert_eq!(challenge.contains("error="), token.is_some(), "`error` only where something was presented: {challenge}");
        assert!(matches!(reply.json()["error"]["code"], Value::Number(_)));
    }
    door.close();
}
