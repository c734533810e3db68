//! The real keychains of Linux: GNOME Keyring on a bus of its own, with `secret-tool` as a witness that is not ours, and the kernel's keyring in a session of its own.
//!
//! Where a keychain is depends on the process, so each of these tests starts itself again inside the session that it needs. `tools/setup-tests.sh` installs the programs; without
//! them the tests fail and say which.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::*;

/// An empty home, with its own keyrings and its own bus, or none.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(TempDir::new().unwrap());
        fs::create_dir(home.path().join("run")).unwrap();
        fs::set_permissions(home.path().join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs this very test again, behind the words of `launcher`, and waits until it has passed.
    fn run(&self, test: &str, part: &str, launcher: &[&str]) {
        let (program, words) = launcher.split_first().unwrap();
        let output = Command::new(program)
            .args(words)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", &format!("source::keychain::tests::system::{test}"), "--nocapture"])
            .env_clear()
            .env("PATH", path())
            .env("HOME", self.path())
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env(PART, part)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("`{program}` cannot be started ({error}); tools/setup-tests.sh installs it"));
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}

/// Which part of the test is to be played; `None` outside.
fn part() -> Option<String> {
    variable(PART)
}

fn path() -> String {
    variable("PATH").unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test that starts itself again hears of it through a variable")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn secret_tool(words: &[&str], input: &str) -> String {
    use std::io::Write as _;

    let mut child = Command::new("secret-tool").args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn why(keychain: &Keychain) -> (String, String) {
    let get = suite(keychain).get("keychain://claviger/brave").await.unwrap_err();
    let put = suite(keychain).put("keychain://claviger/brave", "hunter2").await.unwrap_err();
    assert!(matches!((&get, &put), (Cause::NoKeychain { .. } | Cause::NotFound, Cause::NoKeychain { .. })), "{get:?} {put:?}");
    (get.to_string(), put.to_string())
}

#[tokio::test]
async fn secret_service_keeps_what_every_writer_promises() {
    if part().is_none() {
        return Home::new().run("secret_service_keeps_what_every_writer_promises", "suite", UNLOCKED);
    }
    let keychain = Keychain::of_the_system();
    suite(&keychain).run(true).await;
    only_item_of_a_service(&suite(&keychain)).await;
}

#[tokio::test]
async fn secret_service_is_the_one_that_others_see() {
    if part().is_none() {
        return Home::new().run("secret_service_is_the_one_that_others_see", "witness", UNLOCKED);
    }
    let keychain = Keychain::of_the_system();
    suite(&keychain).put("keychain://claviger/brave", "hunter2\n").await.unwrap();
    assert_eq!(secret_tool(&["lookup", "service", "claviger", "username", "brave"], ""), "hunter2\n");
    secret_tool(&["store", "--label=theirs", "service", "theirs", "username", "ann"], "hunter3");
    assert_eq!(suite(&keychain).get("keychain://theirs/ann").await.unwrap(), "hunter3");
    // An item without an account can still be the only one of its service.
    secret_tool(&["store", "--label=bare", "service", "bare"], "hunter4");
    assert_eq!(suite(&keychain).get("keychain://bare").await.unwrap(), "hunter4");
    suite(&keychain).delete("keychain://theirs/ann").await.unwrap();
    assert_eq!(suite(&keychain).get("keychain://theirs/ann").await, Err(Cause::NotFound));
}

#[tokio::test]
async fn locked_secret_service_says_so() {
    match part().as_deref() {
        None => {
            let home = Home::new();
            home.run("locked_secret_service_says_so", "fill", UNLOCKED);
            home.run("locked_secret_service_says_so", "locked", ON_A_BUS);
        }
        Some("fill") => suite(&Keychain::of_the_system()).put("keychain://claviger/brave", "hunter2").await.unwrap(),
        Some(_) => {
            let (get, put) = why(&Keychain::of_the_system()).await;
            assert!(get.contains("it is locked") && put.contains("it is locked"), "{get}\n{put}");
        }
    }
}

#[tokio::test]
async fn secret_service_without_a_collection_says_so() {
    if part().is_none() {
        return Home::new().run("secret_service_without_a_collection_says_so", "empty", ON_A_BUS);
    }
    let (_, put) = why(&Keychain::of_the_system()).await;
    assert!(put.contains("no unlocked collection"), "{put}");
}

#[tokio::test]
async fn machine_without_a_bus_says_so() {
    if part().is_none() {
        return Home::new().run("machine_without_a_bus_says_so", "nothing", &["env"]);
    }
    let (get, put) = why(&Keychain::of_the_system()).await;
    assert!(get.contains("no Secret Service answers") && put.contains("[secrets.keychain]"), "{get}\n{put}");
}

#[tokio::test]
async fn kernel_keyring_keeps_what_every_writer_promises() {
    if part().is_none() {
        return Home::new().run("kernel_keyring_keeps_what_every_writer_promises", "suite", &["keyctl", "session", "-"]);
    }
    let keychain = Keychain::of_the_kernel();
    // Every session of one user sees what an earlier one left in the user's persistent keyring.
    let service = format!("claviger-test-{}", std::process::id());
    let (first, second) = (format!("keychain://{service}/brave"), format!("keychain://{service}/git/hub"));
    let suite = Suite { provider: &keychain, first: &first, second: &second };
    suite.run(false).await;
    suite.put(&first, "hunter2").await.unwrap();
    let witness = Command::new("keyctl").args(["pipe", &format!("%user:keyring:brave@{service}")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&witness.stdout), "hunter2");
    suite.delete(&first).await.unwrap();
    let unable = Cause::Unable { what: "look for an item without its account" };
    assert_eq!(suite.get(&format!("keychain://{service}")).await, Err(unable));
    assert!(matches!(suite.put("keychain://a@b/c", "x").await, Err(Cause::NoKeychain { .. })));
}

/// Much as in a service or a container: the session's keyring takes keys, and finds none.
#[tokio::test]
async fn kernel_keyring_without_a_real_session_says_so() {
    if part().is_none() {
        let launcher = ["keyctl", "session", "-", "sh", "-c", "keyctl setperm @s 0x25000000 && exec \"$0\" \"$@\""];
        return Home::new().run("kernel_keyring_without_a_real_session_says_so", "trap", &launcher);
    }
    let (_, put) = why(&Keychain::of_the_kernel()).await;
    assert!(put.contains("keyctl session"), "{put}");
}

/// Says to the test which part it plays.
const PART: &str = "CLAVIGER_TEST_PART";
const UNLOCKED: &[&str] = &[
    "dbus-run-session",
    "--",
    "sh",
    "-c",
    "printf password | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec \"$0\" \"$@\"",
];
const ON_A_BUS: &[&str] = &["dbus-run-session", "--"];
