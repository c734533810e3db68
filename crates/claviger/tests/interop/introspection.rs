//! A real identity provider gives tokens that only it can read; the door finds where to ask by itself.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Issuer, Setup, SignedIn};

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
            "[[accept]]\nissuer = \"{}\"\nintrospection = {{ client_id = \"door\", client_secret = \"env://DOOR_SECRET\", cache = \"1s\" }}\n\n[servers.files]\nbuiltin = \"filesystem\"\nroot = \".\"\nscopes = {{ search_files = \"files:write\", \"*\" = \"files:read\" }}\n",
            issuer.url
        );
        fs::write(&configuration, text).expect("a file can be written");
        let setup = Setup::file(&configuration).variable("DOOR_SECRET", &Issuer::secret_of("door")).variable("CLAVIGER_LOG", "trace");
        let door = setup.within(folder.path()).open();
        door.keep_secret(&Issuer::secret_of("door"));
        Self { issuer, door, _folder: folder }
    }

    /// The token with which Alice's client has read the letter.
    fn alices_token(&mut self) -> String {
        let before = self.issuer.given().len();
        let seen = SignedIn::client(&self.door.url, "alice", &json!({"calls": [["read_text_file", {"path": "letter.txt"}]]}));
        assert_eq!(seen["statuses"], json!([200]), "{seen}");
        let token = self.issuer.given().swap_remove(before);
        assert!(!token.contains('.'), "it is no JWT");
        self.door.keep_secret(&token)
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
    let token = scene.alices_token();
    let seen = scene.tour(&token);
    assert_eq!(seen["failed"], false, "{seen}");
    assert!(scene.issuer.asked() >= 1);
    let call = &scene.door.calls_of("read_text_file", 1)[0];
    assert_eq!((&call["issuer"], &call["subject"]), (&json!(scene.issuer.url), &json!("alice")));
    scene.issuer.revoke("caller", &token);
    thread::sleep(TOO_OLD);
    assert_eq!(scene.tour(&token)["refusals"][0]["status"], 401, "it is noticed when the answer about it is too old");
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
fn its_token_for_another_server_stays_outside_and_while_it_is_away_every_token_does() {
    let mut scene = Scene::open();
    let other = scene.door.keep_secret(&scene.issuer.token(&format!("{}/mcp/other", scene.door.origin()), "files:read"));
    assert_eq!(scene.tour(&other)["refusals"][0]["status"], 401);
    let token = scene.alices_token();
    scene.issuer.close();
    thread::sleep(TOO_OLD);
    assert_eq!(scene.tour(&token)["refusals"][0]["status"], 503);
    scene.issuer.open();
    assert_eq!(scene.tour(&token)["failed"], false, "when it is back, so is everybody");
    scene.close();
}

/// No answer is believed for so long.
const TOO_OLD: Duration = Duration::from_millis(2100);
