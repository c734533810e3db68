//! A real identity provider gives the door its tokens, and a server of the official SDK, behind that SDK's own bearer check, takes them.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Issuer, Running, Setup, node, repository};

struct Scene {
    issuer: Issuer,
    server: Running,
    /// The resource behind the door.
    resource: String,
    door: Door,
    _folder: TempDir,
}

impl Scene {
    /// `credential` is the inside of that table; `ISSUER`, `RESOURCE` and `KEY` in it are replaced.
    fn open(credential: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let issuer = Issuer::start_with_key("docs:read docs:write", &folder.path().join("signer.pem"));
        let mut command = node();
        command.arg(repository().join("interop/servers/protected.mjs")).args([issuer.url.as_str(), "docs:read"]);
        let server = Running::start(&mut command);
        let resource = server.line("http://127.0.0.1:").trim().to_owned();
        let credential = credential.replace("ISSUER", &issuer.url).replace("RESOURCE", &resource).replace("KEY", "signer.pem");
        let secret = folder.path().join("secret");
        fs::write(&secret, Issuer::secret_of("door")).expect("a file can be written");
        fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode can be set");
        let text = format!(
            "[listen]\naddress = \"127.0.0.1:0\"\n\n[[accept]]\nissuer = \"{}\"\n\n[servers.docs]\nurl = \"{resource}\"\ncredential = {{ {credential} }}\n",
            issuer.url
        );
        let configuration = folder.path().join("claviger.toml");
        fs::write(&configuration, text).expect("a file can be written");
        let door = Setup::file(&configuration).within(folder.path()).open();
        Self { issuer, server, resource, door, _folder: folder }
    }

    /// What the server says about whoever it thinks this client of the provider is.
    fn seen_as(&self, client: &str, scopes: &str) -> Value {
        let token = self.door.keep_secret(&self.issuer.token_of(client, &self.door.url, scopes));
        let seen = Client::TypeScript.tour(&self.door.url, &token, "legacy", "whoami", &json!({}));
        serde_json::from_str(seen["text"].as_str().expect("the tool answers with text")).expect("the text is JSON")
    }

    /// The same for a call that fails: its outcome.
    fn failure_of(&self, client: &str, scopes: &str) -> Value {
        let token = self.door.keep_secret(&self.issuer.token_of(client, &self.door.url, scopes));
        Client::TypeScript.attempt(&self.door.url, Some(&token), "tour", &json!({"era": "legacy", "tool": "whoami"}))
    }

    fn close(self) {
        self.door.keep_secret(&Issuer::secret_of("door"));
        self.door.close();
    }
}

const OWN: &str = "client_credentials = { issuer = \"ISSUER\", client_id = \"door\", client_secret = \"file://./secret\", resource = \"RESOURCE\", scopes = \"docs:read\" }";
const EXCHANGE: &str =
    "exchange = { issuer = \"ISSUER\", client_id = \"door\", client_secret = \"file://./secret\", resource = \"RESOURCE\" }";

#[test]
fn one_token_in_the_doors_name_serves_all_its_callers() {
    let mut scene = Scene::open(OWN);
    for client in ["robot", "robin", "robot"] {
        let seen = scene.seen_as(client, "");
        assert_eq!(seen, json!({"sub": "door", "aud": scene.resource, "scope": "docs:read", "client": "door"}));
    }
    assert_eq!(scene.issuer.grants(), 1 + 3, "one for the door, three for the callers");
    scene.close();
}

#[test]
fn a_signed_statement_proves_who_the_door_is() {
    let scene = Scene::open(
        "client_credentials = { issuer = \"ISSUER\", client_id = \"signer\", private_key = \"file://./KEY\", key_id = \"signer-1\", resource = \"RESOURCE\", scopes = \"docs:read\" }",
    );
    assert_eq!(scene.seen_as("robot", "")["sub"], "signer");
    scene.close();
}

#[test]
fn a_caller_is_themselves_at_the_server_and_the_door_acts_for_them() {
    let scene = Scene::open(EXCHANGE);
    for client in ["robot", "robin", "robot"] {
        let seen = scene.seen_as(client, "docs:read docs:write");
        let expected =
            json!({"sub": client, "aud": scene.resource, "act": {"sub": "door"}, "scope": "docs:read docs:write", "client": "door"});
        assert_eq!(seen, expected);
    }
    assert_eq!(scene.seen_as("robot", "docs:read")["scope"], "docs:read", "the lesser token is worth no more than it says");
    scene.close();
}

#[test]
fn a_caller_without_the_scope_is_refused_by_the_server_and_not_sent_to_log_in() {
    let scene = Scene::open(EXCHANGE);
    let outcome = scene.failure_of("robot", "docs:write");
    assert_eq!((&outcome["refusals"][0]["status"], &outcome["refusals"][0]["challenge"]), (&json!(502), &Value::Null), "{outcome}");
    scene.close();
}

#[test]
fn a_token_whose_key_is_gone_is_replaced_within_the_call() {
    let mut scene = Scene::open(OWN);
    assert_eq!(scene.seen_as("robot", "")["sub"], "door");
    scene.issuer.rotate();
    scene.server.type_line("forget");
    scene.server.line("forgotten");
    let before = scene.issuer.grants();
    assert_eq!(scene.seen_as("robot", "")["sub"], "door");
    assert_eq!(scene.issuer.grants() - before, 2, "one for the caller, one for the door");
    scene.close();
}

#[test]
fn while_the_provider_is_away_the_tokens_serve_on() {
    let mut scene = Scene::open(EXCHANGE);
    assert_eq!(scene.seen_as("robot", "docs:read")["sub"], "robot");
    let token = scene.door.keep_secret(&scene.issuer.token_of("robot", &scene.door.url, "docs:read"));
    let other = scene.door.keep_secret(&scene.issuer.token_of("robin", &scene.door.url, "docs:read"));
    scene.issuer.close();
    let seen = Client::TypeScript.tour(&scene.door.url, &token, "legacy", "whoami", &json!({}));
    assert!(seen["text"].as_str().is_some_and(|text| text.contains("\"sub\":\"robot\"")), "{seen}");
    let outcome = Client::TypeScript.attempt(&scene.door.url, Some(&other), "tour", &json!({"era": "legacy", "tool": "whoami"}));
    assert_eq!(outcome["refusals"][0]["status"], 502, "nobody is served with somebody else's token: {outcome}");
    scene.issuer.open();
    let back = || {
        let outcome = Client::TypeScript.attempt(&scene.door.url, Some(&other), "tour", &json!({"era": "legacy", "tool": "whoami"}));
        outcome["text"].as_str().is_some_and(|text| text.contains("\"sub\":\"robin\""))
    };
    assert!(crate::support::eventually(back), "when it is back, so is everybody");
    scene.close();
}
