//! How do the pages of the authorization server look, and can everybody use them?

use std::fs;
use std::path::Path;

use issuer::accounts::hash;
use rcgen::{CertificateParams, KeyPair};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::support::{Door, Issuer, Running, Setup, gallery, node, post_json, repository};

/// What everybody can come to see.
const PAGES: [gallery::Shown<'_>; 20] = [
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
        Self::with_variables(folder, more, &[])
    }

    fn with_variables(folder: &Path, more: &str, variables: &[(&str, &str)]) -> Self {
        fs::write(folder.join("claviger.toml"), format!("{CONFIGURATION}{more}")).expect("a file can be written");
        let password = hash(&SecretString::from(PASSWORD)).expect("a password can be hashed");
        let accounts = format!("[accounts.ada]\nname = \"Ada Lovelace\"\npassword = \"{password}\"\n");
        fs::write(folder.join("accounts.toml"), accounts).expect("a file can be written");
        let setup = Setup::file(&folder.join("claviger.toml")).within(folder);
        let door = variables.iter().fold(setup, |setup, (name, value)| setup.variable(name, value)).open();
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
        let task = json!({"origin": door.origin(), "resource": door.url, "clients": clients, "username": "ada", "password": PASSWORD});
        Self { door, task }
    }

    /// Nothing is wrong with any of these.
    fn shows(&self, pages: &[gallery::Shown<'_>]) {
        gallery::shows(&self.task, pages);
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
    let provider = Issuer::start("unused");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = folder.path().join("secret");
    fs::write(&secret, Issuer::secret_of("federated")).expect("a file can be written");
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode can be set");
    let federation = format!("{FEDERATION}issuer = \"{}\"\n", provider.url);
    let gallery = Gallery::open(folder.path(), &federation);
    gallery.shows(&[("sign-in-elsewhere", ["Sign in", "Anmelden"])]);
    fs::write(folder.path().join("accounts.toml"), "# nobody\n").expect("a file can be written");
    gallery.shows(&[
        ("consent-elsewhere", ["Allow “Notepad” to use “The Letters”?", "Darf „Notepad“ „The Letters“ benutzen?"]),
        ("leaving", ["Sign in with Example SSO", "Mit Example SSO anmelden"]),
    ]);
    gallery.door.close();
}

#[test]
fn people_see_who_answers_for_the_name_of_a_client() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = KeyPair::generate().expect("a key can be made");
    let names = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = names.self_signed(&key).expect("a certificate can be signed").pem();
    let [certificate_file, key_file] = [("certificate.pem", certificate), ("key.pem", key.serialize_pem())].map(|(name, text)| {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file can be written");
        file.to_str().expect("a path in UTF-8").to_owned()
    });
    let server = Running::start(node().arg(repository().join("interop/servers/description.mjs")).args([&certificate_file, &key_file]));
    let id = server.line("https://").trim().to_owned();
    let networks = "[outbound]\nallowed_networks = [\"127.0.0.0/8\", \"::1\"]\n";
    let mut gallery = Gallery::with_variables(folder.path(), networks, &[("SSL_CERT_FILE", &certificate_file)]);
    gallery.task["clients"]["described"] = json!({"id": id, "redirect": "https://inkwell.example/callback"});
    gallery.shows(&[("consent-described", ["Allow “Inkwell” to use “The Letters”?", "Darf „Inkwell“ „The Letters“ benutzen?"])]);
    gallery.door.close();
}

const FEDERATION: &str = r#"
[issuer.federate]
name = "sso"
title = "Example SSO"
client_id = "federated"
client_secret = "file://./secret"
"#;
const CONFIGURATION: &str = r#"
[issuer]
accounts = "accounts.toml"
words = { "letters:read" = "Read letters", "letters:write" = "Write letters and delete them" }

[issuer.clients.desk]
name = "Writing Desk"
redirect_uris = ["https://desk.example/back"]
devices = true

[servers.letters]
title = "The Letters"
builtin = "filesystem"
root = "."
scopes = { "*" = "letters:read", "write_*" = "letters:write" }
"#;
