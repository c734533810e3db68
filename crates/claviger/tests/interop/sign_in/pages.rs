//! How do the pages look, and can everybody use them? Each from all sides, in every language; the pictures stay in target/pages.

use std::fs;
use std::path::Path;

use issuer::accounts::hash;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::support::{Door, Setup, chromium, post_json, repository};

/// What everybody can come to see, as page_checks.mjs names it, with the first word of its heading in each language.
const PAGES: [(&str, [&str; 2]); 20] = [
    ("sign-in", ["Sign in", "Anmelden"]),
    ("sign-in-wrong", ["Sign in", "Anmelden"]),
    ("sign-in-too-often", ["Sign in", "Anmelden"]),
    ("consent", ["Allow “Writing Desk” to use “The Letters”?", "Darf „Writing Desk“ „The Letters“ benutzen?"]),
    ("consent-program", ["Allow “Notepad” to use “The Letters”?", "Darf „Notepad“ „The Letters“ benutzen?"]),
    ("consent-web", ["Allow “Some App” to use “The Letters”?", "Darf „Some App“ „The Letters“ benutzen?"]),
    ("consent-long", ["Allow “WWWW", "Darf „WWWW"]),
    ("done", ["Allowed", "Erlaubt"]),
    ("done-no", ["Nothing was allowed", "Es wurde nichts erlaubt"]),
    ("device", ["Sign in a device", "Ein Gerät anmelden"]),
    ("device-wrong", ["Sign in a device", "Ein Gerät anmelden"]),
    ("device-consent", ["Allow “Writing Desk” to use “The Letters”?", "Darf „Writing Desk“ „The Letters“ benutzen?"]),
    ("device-done", ["Allowed", "Erlaubt"]),
    ("problem-request", ["The app's question cannot be read", "Die Frage der App ist nicht lesbar"]),
    ("problem-unknown-client", ["This app is not known here", "Diese App ist hier nicht bekannt"]),
    ("problem-redirect", ["This app must not send you here", "Diese App darf Sie nicht hierher schicken"]),
    ("problem-refused", ["The app's question cannot be answered", "Die Frage der App lässt sich nicht beantworten"]),
    ("problem-no-errand", ["This page has ended", "Diese Seite ist abgelaufen"]),
    ("problem-unreadable", ["This form cannot be read", "Dieses Formular ist nicht lesbar"]),
    ("problem-no-page", ["There is no such page", "Diese Seite gibt es nicht"]),
];

/// The door, and what a look at its pages needs to know.
struct Gallery {
    door: Door,
    task: Value,
}

impl Gallery {
    fn open(folder: &Path, more: &str) -> Self {
        fs::write(folder.join("claviger.toml"), format!("{CONFIGURATION}{more}")).expect("a file can be written");
        let password = hash(&SecretString::from(PASSWORD)).expect("a password can be hashed");
        let accounts = format!("[accounts.ada]\nname = \"Ada Lovelace\"\npassword = \"{password}\"\n");
        fs::write(folder.join("accounts.toml"), accounts).expect("a file can be written");
        let door = Setup::file(&folder.join("claviger.toml")).within(folder).open();
        let register = |name: &str, redirect: &str| {
            let client = json!({"client_name": name, "redirect_uris": [redirect], "token_endpoint_auth_method": "none"});
            let registered = post_json(&format!("{}/register", door.origin()), &client).json();
            json!({"id": registered["client_id"], "redirect": redirect})
        };
        let clients = json!({
            "known": {"id": "desk", "redirect": "https://desk.example/back"},
            "program": register("Notepad", "http://127.0.0.1:7777/callback"),
            "web": register("Some App", "https://app.example/callback"),
            "long": register(&"W".repeat(100), &format!("https://{}.example/callback", ["a-long-name"; 12].join("."))),
        });
        let into = repository().join("target/pages");
        let task = json!({
            "into": into, "origin": door.origin(), "resource": door.url, "clients": clients, "username": "ada", "password": PASSWORD,
        });
        Self { door, task }
    }

    /// Looks at a page in one language, and tells what is wrong with it.
    fn faults_of(&self, (name, headings): (&str, [&str; 2]), language: usize) -> Vec<String> {
        let mut task = self.task.clone();
        task["look"] = json!([name]);
        task["language"] = ["en", "de"][language].into();
        let seen = chromium::does(&task);
        let page = seen["pages"].get(0).unwrap_or_else(|| panic!("{seen:#}"));
        let (heading, expected) = (page["heading"].as_str().expect("a text"), headings[language]);
        let faults = page["faults"].as_array().expect("a list").iter().map(|fault| format!("{name}: {fault}"));
        let is_another = !heading.starts_with(expected);
        faults.chain(is_another.then(|| format!("{name}: the heading is `{heading}`, not `{expected}`"))).collect()
    }

    /// Nothing is wrong with any of these.
    fn shows(&self, pages: &[(&str, [&str; 2])]) {
        let each = pages.iter().flat_map(|page| [0, 1].map(|language| self.faults_of(*page, language)));
        let faults: Vec<String> = each.flatten().collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

#[test]
fn everybody_can_use_every_page() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let gallery = Gallery::open(folder.path(), "");
    gallery.shows(&PAGES);
    // What depends on the file of accounts, which the door reads anew when it has changed.
    for (accounts, page) in [
        ("# nobody\n", ("problem-nobody", ["Nobody can sign in yet", "Noch kann sich niemand anmelden"])),
        ("[accounts", ("problem-broken", ["Something went wrong here", "Hier ist etwas schiefgegangen"])),
    ] {
        fs::write(folder.path().join("accounts.toml"), accounts).expect("a file can be written");
        gallery.shows(&[page]);
    }
    gallery.door.close();
}

#[test]
fn who_signs_in_elsewhere_reads_where_before_they_leave() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("secret"), "a secret for a provider that nobody asks").expect("a file can be written");
    fs::set_permissions(folder.path().join("secret"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode can be set");
    let gallery = Gallery::open(folder.path(), FEDERATION);
    gallery.shows(&[("sign-in-elsewhere", ["Sign in", "Anmelden"])]);
    fs::write(folder.path().join("accounts.toml"), "# nobody\n").expect("a file can be written");
    gallery.shows(&[("consent-elsewhere", ["Allow “Notepad” to use “The Letters”?", "Darf „Notepad“ „The Letters“ benutzen?"])]);
    gallery.door.close();
}

const FEDERATION: &str = r#"
[issuer.federate]
name = "sso"
title = "Example SSO"
issuer = "https://sso.example"
client_id = "door"
client_secret = "file://./secret"
"#;
const CONFIGURATION: &str = r#"
[issuer]
accounts = "accounts.toml"
words = { "letters:read" = "Read letters", "letters:write" = "Write letters and delete them" }

[issuer.clients.desk]
name = "Writing Desk"
redirect_uris = ["https://desk.example/back"]

[servers.letters]
title = "The Letters"
builtin = "filesystem"
root = "."
scopes = { "*" = "letters:read", "write_*" = "letters:write" }
"#;
