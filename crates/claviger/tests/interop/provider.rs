//! A real identity provider issues the tokens: discovery, keys, their rotation, and its absence.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Issuer, Setup, get, post_message};

struct Scene {
    issuer: Issuer,
    door: Door,
    _folder: TempDir,
}

impl Scene {
    fn open() -> Self {
        let issuer = Issuer::start("files:read files:write");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        let configuration = folder.path().join("claviger.toml");
        let text = format!(
            r#"
[listen]
address = "127.0.0.1:0"

[[accept]]
issuer = "{}"

[servers.files]
builtin = "filesystem"
root = "."
scopes = {{ "*" = "files:read", "search_files" = ["files:read", "files:write"] }}
"#,
            issuer.url
        );
        fs::write(&configuration, text).expect("a file can be written");
        let door = Setup::file(&configuration).within(folder.path()).open();
        Self { issuer, door, _folder: folder }
    }

    /// A token of the provider for this door.
    fn token(&self, scopes: &str) -> String {
        self.door.keep_secret(&self.issuer.token(&self.door.url, scopes))
    }

    /// The status with which the door answers a bare `initialize` with this token.
    fn status(&self, token: &str) -> u16 {
        let parameters = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "interop", "version": "1"}});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters});
        post_message(&self.door.url, Some(token), &message).status
    }
}

/// The same token, but its header names a key that nobody has.
fn with_unknown_key(token: &str, number: usize) -> String {
    let (header, rest) = token.split_once('.').expect("a JWT has dots");
    let mut header: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).expect("Base64")).expect("JSON");
    header["kid"] = json!(format!("nobody-{number}"));
    format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn its_tokens_open_the_door_for_every_client() {
    let scene = Scene::open();
    let token = scene.token("files:read");
    for client in Client::ALL {
        for era in ["legacy", "auto"] {
            let seen = client.tour(&scene.door.url, &token, era, "read_text_file", &json!({"path": "letter.txt"}));
            assert!(seen["text"].as_str().is_some_and(|text| text.contains("dear reader")), "{client:?} {era}: {seen}");
        }
    }
    let call = &scene.door.calls_of("read_text_file", 1)[0];
    assert_eq!((&call["issuer"], &call["subject"], &call["client"]), (&json!(scene.issuer.url), &json!("robot"), &json!("robot")));
    scene.door.close();
}

#[test]
fn the_metadata_of_the_door_points_to_it() {
    let scene = Scene::open();
    let document = get(&format!("{}/.well-known/oauth-protected-resource/mcp/files", scene.door.origin())).json();
    assert_eq!(document["resource"], scene.door.url);
    assert_eq!(document["authorization_servers"], json!([scene.issuer.url]));
    scene.door.close();
}

#[test]
fn its_token_for_another_server_is_refused() {
    let scene = Scene::open();
    for other in [format!("{}/mcp/other", scene.door.origin()), format!("{}/", scene.door.url), scene.door.origin().to_owned()] {
        let token = scene.door.keep_secret(&scene.issuer.token(&other, "files:read"));
        assert_eq!(scene.status(&token), 401, "{other}");
    }
    assert_eq!(scene.status(&scene.token("files:read")), 200);
    scene.door.close();
}

#[test]
fn all_scopes_of_a_tool_are_asked_for_at_once() {
    let scene = Scene::open();
    let token = scene.token("files:read");
    let settings = json!({"tool": "search_files", "arguments": {"path": ".", "pattern": "*"}});
    let seen = Client::TypeScript.attempt(&scene.door.url, Some(&token), "tour", &settings);
    assert_eq!(seen["refusals"][0]["status"], 403, "{seen}");
    let challenge = seen["refusals"][0]["challenge"].as_str().expect("a challenge is text");
    assert!(challenge.contains(r#"scope="files:read files:write""#), "{challenge}");
    let seen = Client::TypeScript.run(&scene.door.url, &scene.token("files:read files:write"), "tour", &settings);
    assert_eq!(seen["failed"], false, "{seen}");
    scene.door.close();
}

#[test]
fn after_its_keys_change_one_fetch_is_enough() {
    let mut scene = Scene::open();
    let old = scene.token("files:read");
    assert_eq!(scene.status(&old), 200);
    let before = scene.issuer.fetches();
    scene.issuer.rotate();
    let new = scene.token("files:read");
    assert_eq!(scene.status(&new), 200, "a key that the door has not seen is looked for");
    assert_eq!(scene.issuer.fetches(), before + 1);
    for number in 0..20 {
        assert_eq!(scene.status(&with_unknown_key(&new, number)), 401);
    }
    assert!(scene.issuer.fetches() <= before + 2, "unknown keys do not make the door a hammer");
    scene.door.close();
}

#[test]
fn while_it_is_away_the_door_goes_on() {
    let mut scene = Scene::open();
    let tokens = [scene.token("files:read"), scene.token("files:read"), scene.token("files:read files:write")];
    assert_eq!(scene.status(&tokens[0]), 200);
    scene.issuer.close();
    for token in &tokens {
        assert_eq!(scene.status(token), 200);
    }
    assert_eq!(scene.status(&with_unknown_key(&tokens[0], 0)), 401);
    let seen = Client::Python.tour(&scene.door.url, &tokens[1], "legacy", "read_text_file", &json!({"path": "letter.txt"}));
    assert!(seen["text"].as_str().is_some_and(|text| text.contains("dear reader")), "{seen}");
    scene.door.close();
}
