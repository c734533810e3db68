//! A client of a real identity provider shows its id and secret in headers; the door finds the token endpoint by itself.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Issuer, Setup};

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
            "[[accept]]\nissuer = \"{}\"\nclient_headers = {{ scopes = \"files:read\" }}\n\n[servers.files]\nbuiltin = \"filesystem\"\nroot = \".\"\nscopes = {{ \"*\" = \"files:read\", search_files = \"files:write\" }}\n",
            issuer.url
        );
        fs::write(&configuration, text).expect("a file can be written");
        let door = Setup::file(&configuration).variable("CLAVIGER_LOG", "trace").within(folder.path()).open();
        Self { issuer, door, _folder: folder }
    }

    /// What the official client sees that shows these in place of a token.
    fn seen_as(&self, id: &str, secret: &str, era: &str, tool: &str, arguments: &Value) -> Value {
        let secret = self.door.keep_secret(secret);
        let shown = json!({"X-Client-Id": id, "X-Client-Secret": secret});
        Client::TypeScript.attempt(&self.door.url, None, "tour", &json!({"era": era, "tool": tool, "arguments": arguments, "shown": shown}))
    }

    fn close(mut self) {
        for token in self.issuer.given() {
            self.door.keep_secret(&token);
        }
        self.door.close();
    }
}

#[test]
fn a_client_of_the_provider_is_itself_behind_the_door() {
    let mut scene = Scene::open();
    let letter = json!({"path": "letter.txt"});
    for (client, era) in [("robot", "legacy"), ("robot", "auto"), ("robin", "legacy")] {
        let seen = scene.seen_as(client, &Issuer::secret_of(client), era, "read_text_file", &letter);
        assert!(seen["text"].as_str().is_some_and(|text| text.contains("dear reader")), "{client} {era}: {seen}");
    }
    assert_eq!(scene.issuer.grants(), 2, "once for each client");
    let calls = scene.door.calls_of("read_text_file", 3);
    let callers: Vec<&Value> = calls.iter().map(|call| &call["client"]).collect();
    assert_eq!(callers, [&json!("robot"), &json!("robot"), &json!("robin")]);
    let refused = scene.seen_as("robot", &Issuer::secret_of("robot"), "legacy", "search_files", &json!({"path": ".", "pattern": "*"}));
    assert_eq!(refused["refusals"][0]["status"], 403, "its scopes are those of its token: {refused}");
    scene.close();
}

#[test]
fn whoever_the_provider_does_not_know_stays_outside() {
    let scene = Scene::open();
    for (client, secret) in
        [("robot", "a-secret-of-nobody"), ("nobody", "a-secret-of-the-interop-tests-for-nobody"), ("people", &Issuer::secret_of("people"))]
    {
        let seen = scene.seen_as(client, secret, "legacy", "read_text_file", &json!({"path": "letter.txt"}));
        assert_eq!(seen["refusals"][0]["status"], 401, "{client}: {seen}");
    }
    scene.close();
}

#[test]
fn while_the_provider_is_away_a_client_that_is_in_goes_on_and_no_other_comes_in() {
    let mut scene = Scene::open();
    let letter = json!({"path": "letter.txt"});
    let seen = scene.seen_as("robot", &Issuer::secret_of("robot"), "legacy", "read_text_file", &letter);
    assert_eq!(seen["failed"], false, "{seen}");
    scene.issuer.close();
    let seen = scene.seen_as("robot", &Issuer::secret_of("robot"), "legacy", "read_text_file", &letter);
    assert_eq!(seen["failed"], false, "{seen}");
    let seen = scene.seen_as("robin", &Issuer::secret_of("robin"), "legacy", "read_text_file", &letter);
    assert_eq!(seen["refusals"][0]["status"], 503, "{seen}");
    scene.issuer.open();
    scene.close();
}
