//! The very first start: no configuration, an account that the door has made by itself, and a client that knows nothing but the URL.

use std::fs;

use serde_json::json;

use super::{LETTER, TOOL, at_home, link_of, outcome_of};
use crate::support::{Setup, chromium, node, repository};

#[test]
fn the_account_of_the_first_start_is_all_that_it_takes() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("letter.txt"), LETTER).expect("a file can be written");
    let door = Setup::demo(folder.path()).variable("USER", "ada").open();
    let (name, password) = door.first_account();
    let mut command = node();
    command.arg(repository().join("interop/drivers/sign_in.mjs"));
    command.args(["client", &door.url, TOOL, &json!({"path": "letter.txt"}).to_string(), "once"]);
    let client = at_home(&mut command, folder.path());
    let walk = chromium::sign_in(&link_of(&client), &name, &password, door.secrets());
    let consent = &walk.pages[1];
    for words in ["Interop client", "filesystem", "filesystem:read", "Stay signed in", "You go back to 127.0.0.1:"] {
        assert!(consent.contains(words), "`{words}` is not in: {consent}");
    }
    let outcome = outcome_of(&client);
    assert_eq!(outcome["texts"], json!([LETTER]), "{outcome:#}");
    for secret in outcome["secrets"].as_array().expect("a list") {
        door.keep_secret(secret.as_str().expect("a text"));
    }
    door.close();
}
