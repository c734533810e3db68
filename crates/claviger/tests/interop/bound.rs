//! Tokens that are bound to a key: the official client makes the key and the proofs, a real identity provider binds the token.

use std::fs;

use serde_json::json;

use crate::support::{Issuer, Setup, SignedIn};

#[test]
fn the_official_client_shows_a_bound_token_with_its_proofs_and_steps_up_with_them() {
    for (era, more) in [("legacy", ""), ("modern", ""), ("modern", "dpop = \"require\"")] {
        let mut issuer = Issuer::start("files:read files:write");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        let configuration = folder.path().join("claviger.toml");
        let text = format!(
            "[[accept]]\nissuer = \"{}\"\n\n[servers.files]\nbuiltin = \"filesystem\"\nroot = \".\"\nscopes = {{ search_files = \"files:write\", \"*\" = \"files:read\" }}\n{more}\n",
            issuer.url
        );
        fs::write(&configuration, text).expect("a file can be written");
        let door = Setup::file(&configuration).within(folder.path()).open();
        let calls = json!([["read_text_file", {"path": "letter.txt"}], ["search_files", {"path": ".", "pattern": "letter*"}]]);
        let seen = SignedIn::client(&door.url, "alice", &json!({"era": era, "calls": calls, "dpop": true}));
        assert_eq!(seen["statuses"], json!([200, 403, 200]), "{era} {more}: {seen}");
        let schemes = seen["schemes"].as_array().expect("a list");
        assert!(schemes.iter().any(|scheme| scheme == "DPoP") && schemes.iter().all(|scheme| scheme != "Bearer"), "{seen}");
        assert_eq!(door.calls_of("read_text_file", 1)[0]["subject"], "alice");
        for token in issuer.given() {
            door.keep_secret(&token);
        }
        door.close();
    }
}
