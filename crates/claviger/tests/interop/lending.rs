//! What a command was lent by a vault is given back when the command ends: tokens that it logged in for, and leases. However it ends.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::vault::{ROOT, Vault};

use crate::support::{Running, ask_vault, eventually, pretended_vault, to_end};

/// A Vault that counts what it has lent, and a folder with configurations that ask it as an AppRole.
struct Lender {
    vault: Arc<Vault>,
    address: String,
    folder: TempDir,
}

impl Lender {
    fn start() -> Self {
        let (vault, address) = pretended_vault();
        let lender = Self { vault, address, folder: tempfile::tempdir().expect("a temporary folder can be made") };
        lender.ask("POST", "database/roles/readonly", &json!({"db_name": "db", "default_ttl": "1h"}));
        lender.ask("POST", "secret/data/short", &json!({"data": {"value": "too-short"}}));
        lender.ask("POST", "auth/approle/role/door", &json!({"token_ttl": "1h"}));
        let role_id = &lender.ask("GET", "auth/approle/role/door/role-id", &Value::Null)["data"]["role_id"];
        let secret_id = &lender.ask("POST", "auth/approle/role/door/secret-id", &json!({}))["data"]["secret_id"];
        lender.keep("secret-id", secret_id.as_str().expect("an id is text"));
        let vault = format!(
            "[secrets.vault]\naddress = {:?}\nauth = {{ approle = {{ role_id = {role_id}, secret_id = \"file://./secret-id\" }} }}\n",
            lender.address
        );
        let accepts = |secrets: &str| format!("[[accept]]\nserver = \"files\"\nshared_secret = [{secrets}]\n");
        let files = "[servers.files]\nbuiltin = \"filesystem\"\n";
        lender.keep("claviger.toml", &vault);
        lender.keep("good.toml", &format!("{}{files}{vault}", accepts(&format!("{CREDENTIAL:?}"))));
        lender.keep("hanging.toml", &format!("{}{files}{vault}", accepts(&format!("{CREDENTIAL:?}, \"command://sleep 60\""))));
        lender.keep("weak.toml", &format!("{}{files}{vault}", accepts(&format!("{CREDENTIAL:?}, {SHORT:?}"))));
        lender.keep("hook.toml", &format!("{}{files}[secrets]\nwebhook = {SHORT:?}\n{vault}", accepts(&format!("{CREDENTIAL:?}"))));
        lender.vault.asked();
        lender
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = ask_vault(method, &self.address, path, ROOT, &body);
        assert!(matches!(reply.status, 200 | 204), "{path}: {}", reply.status);
        if reply.status == 204 { Value::Null } else { reply.json() }
    }

    /// Writes a file that only its owner reads.
    fn keep(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("a file can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode can be set");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.args(words).current_dir(&self.folder).env("HOME", self.folder.path()).env("CLAVIGER_STATE", "state");
        command
    }

    /// Runs a command that asks Vault, to its end.
    fn run(&self, words: &[&str]) -> bool {
        let ended = to_end(&mut self.command(words));
        assert!(self.vault.asked().contains(&"POST auth/approle/login".to_owned()), "{words:?}: {}", ended.stderr);
        ended.success
    }

    /// Starts a command, and waits until Vault has lent it something.
    fn start_borrowing(&self, words: &[&str]) -> Running {
        let running = Running::start(&mut self.command(words));
        assert!(eventually(|| self.vault.lent() == (1, 1)), "{words:?}: {}", running.said());
        running
    }
}

#[test]
fn a_command_that_ends_gives_everything_back() {
    let lender = Lender::start();
    let taken = TcpListener::bind("127.0.0.1:0").and_then(|listener| Ok((listener.local_addr()?.to_string(), listener)));
    let (taken, _listener) = taken.expect("a port is free");
    let variable = format!("P={CREDENTIAL}");
    for (words, is_done) in [
        (&["secrets", "get", CREDENTIAL][..], true),
        (&["secrets", "get", "vault://database/creds/readonly#absent"], false),
        (&["secrets", "migrate", CREDENTIAL, "file://./copy"], true),
        (&["config", "check", "-c", "good.toml"], true),
        (&["config", "check", "-c", "weak.toml"], false),
        (&["run", "-c", "claviger.toml", "--env", &variable, "--", "sh", "-c", "test -n \"$P\""], true),
        (&["run", "-c", "claviger.toml", "--env", &variable, "--env", "Q=vault://secret/absent#x", "--", "true"], false),
        (&["run", "-c", "claviger.toml", "--env", &variable, "--", "/no/such/program"], false),
        (&["run", "-c", "claviger.toml", "--on-rotation", "leave", "--env", &variable, "--", "/no/such/program"], false),
        (&["serve", "-c", "weak.toml"], false),
        (&["serve", "-c", "hook.toml"], false),
        (&["serve", "-c", "good.toml", "--listen", &taken], false),
    ] {
        assert_eq!((lender.run(words), lender.vault.lent()), (is_done, (0, 0)), "{words:?}");
    }
}

#[test]
fn a_command_with_a_token_of_its_own_gives_back_what_it_was_lent_and_keeps_the_token() {
    let lender = Lender::start();
    let mut command = lender.command(&["token", "mint", "--aud", "files", "--secret-ref", CREDENTIAL]);
    let ended = to_end(command.env("VAULT_ADDR", &lender.address).env("VAULT_TOKEN", ROOT));
    assert!(ended.success, "{}", ended.stderr);
    assert!(lender.vault.asked().contains(&"POST sys/leases/revoke".to_owned()));
    assert_eq!(lender.vault.lent(), (0, 0));
    lender.ask("GET", "auth/token/lookup-self", &Value::Null);
}

#[test]
fn a_command_that_is_given_up_gives_everything_back() {
    let lender = Lender::start();
    let variable = format!("P={CREDENTIAL}");
    let run = ["run", "-c", "claviger.toml", "--env", &variable, "--env", "Q=command://sleep 60"];
    for words in [
        &[&run[..], &["--", "true"]].concat()[..],
        &[&run[..], &["--on-rotation", "leave", "--", "true"]].concat(),
        &["config", "check", "-c", "hanging.toml"],
    ] {
        let mut interrupted = lender.start_borrowing(words);
        interrupted.interrupt();
        interrupted.line("given up");
        assert_eq!((interrupted.stop().code(), lender.vault.lent()), (Some(130), (0, 0)), "{words:?}");
        let mut terminated = lender.start_borrowing(words);
        assert_eq!((terminated.stop().code(), lender.vault.lent()), (Some(143), (0, 0)), "{words:?}");
    }
}

#[test]
fn a_door_that_is_stopped_before_it_is_open_gives_everything_back_and_ends_well() {
    let lender = Lender::start();
    let mut opening = lender.start_borrowing(&["serve", "-c", "hanging.toml"]);
    let status = opening.stop();
    assert!(opening.said().contains("stopped before the door was open"), "{}", opening.said());
    assert_eq!((status.code(), lender.vault.lent()), (Some(0), (0, 0)));
}

#[test]
fn what_a_program_uses_is_given_back_when_the_program_ends_and_not_before() {
    let lender = Lender::start();
    let variable = format!("P={CREDENTIAL}");
    let program = ["--", "sh", "-c", "trap '' TERM; echo started; read -r _"];
    let run = ["run", "-c", "claviger.toml", "--env", &variable];
    let mut supervised = Running::start(&mut lender.command(&[&run[..], &program].concat()));
    supervised.line("started");
    assert_eq!(lender.vault.lent(), (1, 1));
    supervised.type_line("");
    assert!(eventually(|| lender.vault.lent() == (0, 0)), "{}", supervised.said());
    assert!(supervised.stop().success());
    // Who becomes the program is not there any more to give anything back.
    let mut left = Running::start(&mut lender.command(&[&run[..], &["--on-rotation", "leave"], &program].concat()));
    left.line("started");
    left.type_line("");
    assert!(left.stop().success());
    assert_eq!(lender.vault.lent(), (1, 1));
}

#[test]
fn a_reload_gives_back_what_it_was_lent_whether_it_is_accepted_or_refused() {
    let lender = Lender::start();
    let copy = |name: &str| fs::read_to_string(lender.folder.path().join(name)).expect("the file is there");
    lender.keep("door.toml", &copy("good.toml"));
    let mut door = lender.start_borrowing(&["serve", "-c", "door.toml", "--listen", "127.0.0.1:0"]);
    door.line("http://127.0.0.1:");
    for (name, outcome) in [("hook.toml", "the door goes on with the configuration that it had"), ("good.toml", "configuration reloaded")] {
        lender.vault.asked();
        lender.keep("door.toml", &copy(name));
        door.line(outcome);
        assert!(lender.vault.asked().contains(&"POST auth/approle/login".to_owned()), "{name}");
        assert_eq!(lender.vault.lent(), (1, 1), "{name}: the door's own");
    }
    assert!(door.stop().success(), "{}", door.said());
    assert_eq!(lender.vault.lent(), (0, 0));
}

const CREDENTIAL: &str = "vault://database/creds/readonly#password";
const SHORT: &str = "vault://secret/short#value";
