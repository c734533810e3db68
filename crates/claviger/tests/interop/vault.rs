//! Secrets of Vault: as rusty_vault keeps them, as hvac understands them, and through the door to a program behind it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::missing::Cause;
use broker::reference::{Kind, Template};
use broker::source::vault::{Method, SecretId, Settings, Vault};
use broker::source::{Environment, Files, OpenFiles, Sources};
use broker::{Clock, Resolver};
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use testkit::vault::ROOT;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::{Client, Person, RustyVault, Setup, everything, pretended_vault, python, repository, to_end};

/// A resolver that asks this Vault, with what it logs in with in a folder.
fn resolver(address: &str, login: Method, folder: &Path) -> Resolver {
    resolver_with(Settings { address: address.to_owned(), namespace: None, authorities: None, login, engines: [].into() }, folder)
}

fn resolver_with(settings: Settings, folder: &Path) -> Resolver {
    let clock = gateway::clock::Clock::system();
    let clock: Clock = Arc::new(move || clock.unix_milliseconds());
    let local = || Sources::local(Environment::default(), Files::new(folder.to_owned(), OpenFiles::Accept));
    let vault = Vault::new(settings, Resolver::new(local(), Arc::clone(&clock)), Arc::clone(&clock));
    Resolver::new(local().with(Kind::Vault, vault), clock)
}

async fn seen(resolver: &Resolver, reference: &str) -> Result<String, Cause> {
    let template = Template::parse_secret(reference).expect("tests write good references");
    let value = resolver.resolve_for_start(&template).await;
    value.map(|value| value.expose_secret().to_owned()).map_err(|missing| missing.cause)
}

fn keep(folder: &Path, name: &str, text: &str) -> Template {
    fs::write(folder.join(name), text).expect("a file can be written");
    Template::parse(&format!("file://./{name}")).expect("it is a reference")
}

fn app_role(folder: &Path, role_id: &Value, secret_id: &Value) -> Method {
    let text = |value: &Value| value.as_str().expect("an id is text").to_owned();
    let secret_id = keep(folder, "secret_id", &text(secret_id));
    let role_id = Template::parse(&text(role_id)).expect("an id is a template");
    Method::AppRole { mount: "approle".to_owned(), role_id, secret_id: Some(SecretId::Plain(secret_id)) }
}

#[tokio::test]
async fn rusty_vault_gives_its_secrets_and_may_go_away_and_come_back() {
    let mut vault = RustyVault::start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    vault.write("secret/github", &json!({"token": "ghp_1", "nested": {"key": "k"}}));
    vault.write("sys/mounts/versioned", &json!({"type": "kv"}));
    vault.write("versioned/data/github", &json!({"data": {"token": "ghp_2"}, "metadata": {"version": 1, "destroyed": false}}));
    let address = vault.address.clone();
    let resolver_as = |token: &str| resolver(&address, Method::Token(keep(folder.path(), token, token)), folder.path());
    let root = resolver_as(&vault.root);
    assert_eq!(seen(&root, "vault://secret/github#token").await.as_deref(), Ok("ghp_1"));
    assert_eq!(seen(&root, "vault://secret/github#nested.key").await.as_deref(), Ok("k"));
    assert_eq!(seen(&root, "vault://versioned/github#token").await.as_deref(), Ok("ghp_2"));
    assert_eq!(seen(&root, "vault://secret/gitlab#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&root, "vault://secret/github#other").await, Err(Cause::FieldAbsent));
    vault.stop();
    let cause = seen(&root, "vault://secret/github#token").await.expect_err("nobody answers");
    assert!(matches!(cause, Cause::Unavailable { .. }), "{cause}");
    vault.start_again();
    assert_eq!(seen(&root, "vault://secret/github#token").await.as_deref(), Ok("ghp_1"));

    let stranger = resolver_as("wrong");
    let cause = seen(&stranger, "vault://secret/github#token").await.expect_err("the token is wrong");
    assert!(matches!(cause, Cause::Refused { .. }), "{cause}");
}

#[test]
fn a_person_puts_finds_lists_and_moves_secrets_of_rusty_vault() {
    let vault = RustyVault::start();
    vault.write("secret/db", &json!({"user": "ann", "password": "old", "port": 5432}));
    let configuration = |engines: &str| {
        format!(
            "[secrets.keychain]\nstore = \"file\"\n[secrets.vault]\naddress = \"{}\"\nauth = {{ token = \"env://ROOT\" }}\n{engines}",
            vault.address
        )
    };
    // It does not tell what its mounts are, and nothing is written by a guess.
    let unsure = Person::new(&configuration(""), &[("ROOT", &vault.root)]);
    let ended = unsure.pipes("new", &["put", "vault://secret/db#password"]);
    assert!(!ended.success && ended.stderr.contains("write it under `engines`"), "{}", ended.stderr);

    let person = Person::new(&configuration("engines = { secret = \"kv1\" }\n"), &[("ROOT", &vault.root)]);
    person.puts("vault://secret/db#password", "new");
    assert_eq!(vault.get("secret/db")["data"], json!({"user": "ann", "password": "new", "port": 5432}));
    person.puts("vault://secret/team/inner#token", "ghp_1");
    person.finds("vault://secret/team/inner#token", "ghp_1");
    let members = ["vault://secret/db#password", "vault://secret/db#port", "vault://secret/db#user", "vault://secret/team/inner#token"];
    person.lists("vault://secret", &members);
    person.lists("vault://secret/team", &["vault://secret/team/inner#token"]);
    for name in ["password", "user", "port"] {
        let moved = person.types(&["migrate", &format!("vault://secret/db#{name}"), &format!("keychain://db/{name}"), "--delete"]);
        assert!(moved.success, "{}", moved.stderr);
        person.finds_nothing(&format!("vault://secret/db#{name}"));
    }
    person.finds("keychain://db/password", "new");
    person.lists("vault://secret", &["vault://secret/team/inner#token"]);
}

#[test]
fn a_key_of_rusty_vault_is_rotated_beside_its_neighbours() {
    let vault = RustyVault::start();
    vault.write("secret/db", &json!({"user": "ann", "password": "old"}));
    let configuration = format!(
        "[secrets.vault]\naddress = \"{}\"\nauth = {{ token = \"env://ROOT\" }}\nengines = {{ secret = \"kv1\" }}\n",
        vault.address
    );
    let person = Person::new(&configuration, &[("ROOT", &vault.root)]);
    let words = ["rotate", "vault://secret/db#password", "--guide"];
    let switched = person.pipes("new", &words);
    assert!(switched.success, "{}", switched.stderr);
    assert_eq!(vault.get("secret/db")["data"], json!({"user": "ann", "password": "new", "password.previous": "old"}));
    let done = person.types(&[&words[..], &["--revoked"]].concat());
    assert!(done.success, "{}", done.stderr);
    assert_eq!(vault.get("secret/db")["data"], json!({"user": "ann", "password": "new"}));
}

#[test]
fn a_key_with_versions_is_rotated_and_switched_back() {
    let (fake, address) = pretended_vault();
    let configuration = format!("[secrets.vault]\naddress = \"{address}\"\nauth = {{ token = \"env://ROOT\" }}\n");
    let person = Person::new(&configuration, &[("ROOT", ROOT)]);
    person.puts("vault://secret/orders#token", "old");
    person.puts("vault://secret/orders#user", "ann");
    let words = ["rotate", "vault://secret/orders#token", "--guide"];
    let switched = person.pipes("new", &words);
    assert!(switched.success, "{}", switched.stderr);
    let members = ["vault://secret/orders#token", "vault://secret/orders#token.previous", "vault://secret/orders#user"];
    person.lists("vault://secret", &members);
    person.finds("vault://secret/orders#token", "new");
    person.finds("vault://secret/orders#token.previous", "old");
    let back = person.types(&[&words[..], &["--abort"]].concat());
    assert!(back.success && back.stderr.contains("revoke the new key at its provider"), "{}", back.stderr);
    person.finds("vault://secret/orders#token", "old");
    person.lists("vault://secret", &["vault://secret/orders#token", "vault://secret/orders#user"]);
    // Vault still knows what there was.
    person.finds("vault://secret/orders?version=1#token", "old");
    let made = person.types(&["rotate", "vault://database/creds/readonly#password", "--guide"]);
    assert!(!made.success && made.stderr.contains("Vault makes these secrets itself"), "{}", made.stderr);
    assert!(!fake.asked().iter().any(|question| question == "GET database/creds/readonly"), "nothing was lent for it");
}

#[tokio::test]
async fn rusty_vaults_short_tokens_are_replaced_by_logging_in_again() {
    let vault = RustyVault::start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    vault.write("secret/github", &json!({"token": "ghp_1"}));
    vault.write("sys/auth/approle", &json!({"type": "approle"}));
    vault.write("auth/approle/role/door", &json!({"token_ttl": "3s"}));
    let role_id = &vault.get("auth/approle/role/door/role-id")["data"]["role_id"];
    let secret_id = &vault.write("auth/approle/role/door/secret-id", &json!({}))["data"]["secret_id"];
    let door = resolver(&vault.address, app_role(folder.path(), role_id, secret_id), folder.path());
    // Three lives of a token.
    for _ in 0..9 {
        assert_eq!(seen(&door, "vault://secret/github#token").await.as_deref(), Ok("ghp_1"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let wrong = app_role(folder.path(), role_id, &json!("00000000-0000-0000-0000-000000000000"));
    let cause = seen(&resolver(&vault.address, wrong, folder.path()), "vault://secret/github#token").await.expect_err("it is wrong");
    assert!(matches!(cause, Cause::Refused { .. }), "{cause}");
}

#[tokio::test]
async fn what_hvac_understands_we_understand() {
    let (_fake, address) = pretended_vault();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = python();
    let ended = to_end(command.arg(repository().join("interop/drivers/vault.py")).arg(&address).env("TOKEN", ROOT));
    assert!(ended.success, "hvac does not understand testkit's Vault:\n{}", ended.stderr);
    let told: Value = serde_json::from_str(&ended.stdout).expect("the driver prints JSON");
    let door = resolver(&address, app_role(folder.path(), &told["role_id"], &told["secret_id"]), folder.path());
    assert_eq!(seen(&door, "vault://secret/github#token").await.as_deref(), Ok("three"));
    assert_eq!(seen(&door, "vault://secret/github?version=1#token").await.as_deref(), Ok("one"));
    assert_eq!(seen(&door, "vault://secret/github?version=2#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&door, "vault://secret/gone#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&door, "vault://kv/brave#key").await.as_deref(), Ok("k-1"));
    assert!(seen(&door, "vault://database/creds/readonly#password").await.is_ok_and(|password| password.starts_with("password-")));
    door.sources().close().await;
}

/// Puts TLS before a server on loopback, with a certificate that it writes into the folder.
async fn with_tls(address: &str, folder: &Path) -> String {
    let key = KeyPair::generate().expect("a key can be made");
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("it is a name");
    let certificate = parameters.self_signed(&key).expect("it can be signed");
    fs::write(folder.join("ca.pem"), certificate.pem()).expect("a file can be written");
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions fit");
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).expect("key and certificate fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let behind = address.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever does not trust the certificate hangs up.
            let Ok(mut before) = acceptor.accept(stream).await else { continue };
            let mut behind = TcpStream::connect(&behind).await.expect("the server accepts");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut before, &mut behind).await });
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test]
async fn over_https_the_authority_must_be_known() {
    let (_fake, address) = pretended_vault();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let address = with_tls(&address, folder.path()).await;
    let settings = |authorities| {
        let login = Method::Token(keep(folder.path(), "root", ROOT));
        Settings { address: address.clone(), namespace: None, authorities, login, engines: [].into() }
    };
    let stranger = resolver_with(settings(None), folder.path());
    let cause = seen(&stranger, "vault://kv/a#key").await.expect_err("nobody vouches for it");
    assert!(matches!(&cause, Cause::Unavailable { detail } if detail.contains("no TLS session")), "{cause}");
    let known = resolver_with(settings(Some(folder.path().join("ca.pem"))), folder.path());
    assert_eq!(seen(&known, "vault://kv/a#key").await, Err(Cause::NotFound));
}

fn configuration(address: &str, folder: &Path, value: &str) -> std::path::PathBuf {
    let command = serde_json::to_string(&everything()).expect("words are JSON, and TOML");
    let text = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n\n[secrets.vault]\naddress = \"{address}\"\n\
         auth = {{ approle = {{ role_id = \"file://./role_id\", secret_id = \"file://./secret_id\" }} }}\n\n\
         [servers.everything]\ncommand = {command}\nenv = {{ SEEN = \"{value}\" }}\n"
    );
    let path = folder.join("claviger.toml");
    fs::write(&path, text).expect("a file can be written");
    path
}

#[test]
fn a_program_behind_the_door_gets_a_credential_that_is_given_back_at_the_end() {
    let (fake, address) = pretended_vault();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = python();
    let ended = to_end(command.arg(repository().join("interop/drivers/vault.py")).arg(&address).env("TOKEN", ROOT));
    let told: Value = serde_json::from_str(&ended.stdout).expect("the driver prints JSON");
    for name in ["role_id", "secret_id"] {
        fs::write(folder.path().join(name), told[name].as_str().expect("an id is text")).expect("a file can be written");
    }
    let path = configuration(&address, folder.path(), "user ${vault://database/creds/readonly#username}");
    fake.asked();
    let door = Setup::file(&path).within(folder.path()).open();
    assert_eq!(fake.asked(), Vec::<String>::new(), "nothing is asked before it is needed");
    let token = door.token("");
    let seen = Client::Python.tour(&door.url, &token, "legacy", "get-env", &json!({}));
    assert!(seen["text"].as_str().is_some_and(|text| text.contains("user v-token-")), "{seen}");
    door.close();
    let asked = fake.asked();
    let count = |question: &str| asked.iter().filter(|known| *known == question).count();
    assert_eq!((count("POST auth/approle/login"), count("GET database/creds/readonly")), (1, 1), "{asked:?}");
    assert_eq!(asked[asked.len() - 2..], ["POST sys/leases/revoke", "POST auth/token/revoke-self"]);
}

#[test]
fn a_door_without_references_to_it_leaves_vault_alone() {
    let (fake, address) = pretended_vault();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // What it would log in with is not even there.
    let path = configuration(&address, folder.path(), "plain");
    let door = Setup::file(&path).within(folder.path()).open();
    let token = door.token("");
    let seen = Client::Python.tour(&door.url, &token, "legacy", "get-env", &json!({}));
    assert!(seen["text"].as_str().is_some_and(|text| text.contains("plain")), "{seen}");
    door.close();
    assert_eq!(fake.asked(), Vec::<String>::new());
}
