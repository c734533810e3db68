//! A token that is good for too little: the official client signs its person in again, once, and the same call succeeds.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Door, Issuer, Setup, SignedIn};

struct Scene {
    issuer: Issuer,
    door: Door,
    _folder: TempDir,
}

impl Scene {
    /// `more` are further lines of the server's table.
    fn open(more: &str) -> Self {
        let issuer = Issuer::start("files:read files:write files:audit files:all");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        let configuration = folder.path().join("claviger.toml");
        let text = format!(
            r#"
[[accept]]
issuer = "{}"

[servers.files]
builtin = "filesystem"
root = "."
scopes = {{ "search_files" = ["files:write", "files:audit"], "*" = "files:read" }}
implies = {{ "files:all" = ["files:write", "files:audit"], "files:write" = "files:read" }}
{more}
"#,
            issuer.url
        );
        fs::write(&configuration, text).expect("a file can be written");
        let door = Setup::file(&configuration).within(folder.path()).open();
        Self { issuer, door, _folder: folder }
    }

    fn run(&self, era: &str, calls: &Value) -> Value {
        SignedIn::client(&self.door.url, "alice", &json!({"era": era, "calls": calls}))
    }

    fn close(mut self) {
        for token in self.issuer.given() {
            self.door.keep_secret(&token);
        }
        self.door.close();
    }
}

fn read() -> Value {
    json!(["read_text_file", {"path": "letter.txt"}])
}

fn search() -> Value {
    json!(["search_files", {"path": ".", "pattern": "letter*"}])
}

/// The scopes of each authorization, each in order.
fn authorizations(seen: &Value) -> Vec<Vec<String>> {
    let scopes = |one: &Value| {
        let mut scopes: Vec<String> = one.as_str().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        scopes.sort();
        scopes
    };
    seen["authorizations"].as_array().expect("a list").iter().map(scopes).collect()
}

#[test]
fn one_refusal_and_one_more_authorization_are_enough() {
    for (era, more) in [
        ("legacy", ""),
        ("modern", ""),
        ("legacy", "missing_scope = \"challenge_and_result\""),
        ("modern", "missing_scope = \"challenge_and_result\""),
    ] {
        let scene = Scene::open(more);
        let seen = scene.run(era, &json!([read(), search(), search(), read()]));
        assert_eq!(seen["statuses"], json!([200, 403, 200, 200, 200]), "{era} {more}: {seen}");
        let authorizations = authorizations(&seen);
        assert_eq!(authorizations.len(), 2, "{era} {more}: {seen}");
        assert_eq!(authorizations[0], ["files:read"], "at first only what everybody needs");
        assert_eq!(authorizations[1], ["files:audit", "files:read", "files:write"], "then all that it needs, with what was held before");
        for result in seen["results"].as_array().expect("a list") {
            assert_eq!(result["failed"], false, "{seen}");
        }
        scene.close();
    }
}

#[test]
fn a_call_that_needs_everything_at_the_start_needs_one_more_authorization_too() {
    let scene = Scene::open("");
    let seen = scene.run("legacy", &json!([search(), read()]));
    assert_eq!((&seen["statuses"], authorizations(&seen).len()), (&json!([403, 200, 200]), 2), "{seen}");
    scene.close();
}
