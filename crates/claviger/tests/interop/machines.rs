//! Clients without a person at the door's own authorization server: the official SDK with a key, with a key of its tokens, and with an identity provider's word.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Door, Setup, node, repository, to_end};

struct Scene {
    door: Door,
    /// Where the identity provider will be.
    port: u16,
    _folder: TempDir,
}

impl Scene {
    fn open() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it has an address").port();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        fs::write(folder.path().join("robot.json"), json!({"keys": [public(&key())]}).to_string()).expect("a file can be written");
        let configuration = folder.path().join("claviger.toml");
        let text = format!(
            r#"
[issuer]
grants = {{ staff = "files:read" }}

[issuer.clients.robot]
keys = "robot.json"
scopes = "files:read"

[issuer.clients.agent]
secret = "${{AGENT}}"

[issuer.trusts.acme]
issuer = "http://127.0.0.1:{port}"
groups = "groups"

[servers.files]
builtin = "filesystem"
root = "."
scopes = {{ "*" = "files:read" }}
"#
        );
        fs::write(&configuration, text).expect("a file can be written");
        let door = Setup::file(&configuration).within(folder.path()).variable("AGENT", SECRET).open();
        Self { door, port, _folder: folder }
    }

    fn run(&self, mut settings: Value) -> Value {
        settings["key"] = key();
        settings["call"] = json!(["read_text_file", {"path": "letter.txt"}]);
        let ended = to_end(node().arg(repository().join("interop/drivers/machines.mjs")).arg(&self.door.url).arg(settings.to_string()));
        assert!(ended.success, "{}", ended.stderr);
        let seen: Value = serde_json::from_str(&ended.stdout).expect("the driver prints JSON");
        for token in seen["tokens"].as_array().expect("a list").iter().filter_map(Value::as_str) {
            self.door.keep_secret(token);
        }
        assert!(seen["text"].as_str().is_some_and(|text| text.contains("dear reader")), "{seen}");
        seen
    }
}

#[test]
fn a_client_proves_itself_with_a_key_and_has_its_tokens_bound_to_another() {
    let scene = Scene::open();
    for (dpop, kind) in [(false, "Bearer"), (true, "DPoP")] {
        let seen = scene.run(json!({"way": "key", "client": "robot", "dpop": dpop}));
        assert_eq!(seen["types"], json!([kind]), "{seen}");
        assert!(seen["schemes"].as_array().is_some_and(|schemes| schemes.contains(&json!(kind))), "{seen}");
    }
    scene.door.close();
}

#[test]
fn a_client_brings_the_word_of_its_identity_provider() {
    let scene = Scene::open();
    for dpop in [false, true] {
        let seen = scene.run(json!({"way": "provider", "client": "agent", "secret": SECRET, "port": scene.port, "dpop": dpop}));
        assert_eq!(seen["types"].as_array().map(Vec::len), Some(1), "{seen}");
    }
    let granted = scene.door.events("token.granted", 2);
    assert!(granted.iter().all(|event| event["subject"] == "acme|ada" && event["by"] == "identity assertion"), "{granted:?}");
    scene.door.close();
}

/// The example of RFC 7517 appendix A.2.
fn key() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"})
}

fn public(key: &Value) -> Value {
    let mut key = key.clone();
    key.as_object_mut().expect("a key is an object").remove("d");
    key["alg"] = "ES256".into();
    key
}

const SECRET: &str = "a secret of twenty-four letters";
