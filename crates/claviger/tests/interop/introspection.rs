//! A real identity provider gives tokens that only it can read; the door finds where to ask by itself.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Issuer, Setup, SignedIn, eventually};

struct Scene {
    issuer: Issuer,
    door: Door,
    _folder: TempDir,
}

impl Scene {
    fn open() -> Self {
        let mut issuer = Issuer::start("files:read files:write");
        issuer.become_opaque();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        let configuration = folder.path().join("claviger.toml");
        let text = format!(
            "[[accept]]\nissuer = \"{}\"\nclient_headers = true\nintrospection = {{ client_id = \"door\", client_secret = \"env://DOOR_SECRET\", cache = \"1s\" }}\n\n[servers.files]\nbuiltin = \"filesystem\"\nroot = \".\"\nscopes = {{ search_files = \"files:write\", \"*\" = \"files:read\" }}\n",
            issuer.url
        );
        fs::write(&configuration, text).expect("a file can be written");
        let setup = Setup::file(&configuration).variable("DOOR_SECRET", &Issuer::secret_of("door")).variable("CLAVIGER_LOG", "trace");
        let door = setup.within(folder.path()).open();
        door.keep_secret(&Issuer::secret_of("door"));
        Self { issuer, door, _folder: folder }
    }

    fn token(&self, scopes: &str) -> String {
        let token = self.door.keep_secret(&self.issuer.token(&self.door.url, scopes));
        assert!(!token.contains('.'), "it is no JWT");
        token
    }

    fn tour(&self, token: &str) -> Value {
        let settings = json!({"tool": "read_text_file", "arguments": {"path": "letter.txt"}});
        Client::TypeScript.attempt(&self.door.url, Some(token), "tour", &settings)
    }

    fn close(mut self) {
        for token in self.issuer.given() {
            self.door.keep_secret(&token);
        }
        self.door.close();
    }
}

#[test]
fn its_opaque_tokens_open_the_door_until_they_are_taken_back() {
    let mut scene = Scene::open();
    let token = scene.token("files:read");
    let seen = scene.tour(&token);
    assert_eq!(seen["failed"], false, "{seen}");
    assert!(scene.issuer.asked() >= 1);
    let call = &scene.door.calls_of("read_text_file", 1)[0];
    assert_eq!((&call["issuer"], &call["subject"]), (&json!(scene.issuer.url), &json!("robot")));
    scene.issuer.revoke("robot", &token);
    assert!(eventually(|| scene.tour(&token)["refusals"][0]["status"] == 401), "it is noticed when the answer about it is too old");
    scene.close();
}

#[test]
fn a_person_signs_in_and_steps_up_with_opaque_tokens() {
    let scene = Scene::open();
    let calls = json!([["read_text_file", {"path": "letter.txt"}], ["search_files", {"path": ".", "pattern": "letter*"}]]);
    let seen = SignedIn::client(&scene.door.url, "alice", &json!({"calls": calls}));
    assert_eq!(seen["statuses"], json!([200, 403, 200]), "{seen}");
    assert_eq!(scene.door.calls_of("read_text_file", 1)[0]["subject"], "alice");
    scene.close();
}

#[test]
fn a_client_that_shows_its_secret_may_be_given_an_opaque_token_too() {
    let scene = Scene::open();
    let secret = scene.door.keep_secret(&Issuer::secret_of("robot"));
    let shown = json!({"X-Client-Id": "robot", "X-Client-Secret": secret});
    let settings = json!({"tool": "read_text_file", "arguments": {"path": "letter.txt"}, "shown": shown});
    let seen = Client::TypeScript.attempt(&scene.door.url, None, "tour", &settings);
    assert!(seen["failed"] == false || seen["refusals"][0]["status"] == 403, "{seen}");
    scene.close();
}

#[test]
fn its_token_for_another_server_and_while_it_is_away_every_new_one_stays_outside() {
    let mut scene = Scene::open();
    let other = scene.door.keep_secret(&scene.issuer.token(&format!("{}/mcp/other", scene.door.origin()), "files:read"));
    assert_eq!(scene.tour(&other)["refusals"][0]["status"], 401);
    let token = scene.token("files:read");
    scene.issuer.close();
    assert_eq!(scene.tour(&token)["refusals"][0]["status"], 503);
    scene.issuer.open();
    assert!(eventually(|| scene.tour(&token)["failed"] == false), "when it is back, so is everybody");
    scene.close();
}
