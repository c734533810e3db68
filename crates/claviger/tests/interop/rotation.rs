//! A real program behind the door under steady calls, while the secret that it was started with changes in a real vault every other second.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::{LegacySession, RustyVault, Setup, alive, eventually, everything};

/// How many call, and how long each of them rests after a call: about 200 calls a second together.
const CALLERS: usize = 10;
const REST: Duration = Duration::from_millis(40);
const ROTATION: Duration = Duration::from_secs(2);

/// What callers and the one who rotates know of each other.
#[derive(Default)]
struct Load {
    /// The version that the vault holds.
    newest: AtomicUsize,
    /// How many versions one may lag behind while the vault is there; without a vault the last known value is good.
    lag: AtomicUsize,
    /// The newest version that a caller saw.
    seen: AtomicUsize,
    calls: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    fn call_until_over(&self, session: &LegacySession) {
        while !self.over.load(Ordering::SeqCst) {
            let (newest, lag) = (self.newest.load(Ordering::SeqCst), self.lag.load(Ordering::SeqCst));
            let reply = session.call("get-env");
            assert_eq!(reply.status, 200, "{}", reply.text());
            let version = version(reply.text());
            assert!(version + lag >= newest, "{version} is too old: {newest} was there before the call");
            self.seen.fetch_max(version, Ordering::SeqCst);
            self.calls.fetch_add(1, Ordering::SeqCst);
            thread::sleep(REST);
        }
    }

    fn rotate(&self, vault: &RustyVault) {
        let version = self.newest.load(Ordering::SeqCst) + 1;
        write(vault, version);
        self.newest.store(version, Ordering::SeqCst);
    }

    fn rotate_for(&self, vault: &RustyVault, span: Duration) {
        for _ in 0..span.as_secs() / ROTATION.as_secs() {
            thread::sleep(ROTATION);
            self.rotate(vault);
        }
    }

    /// Sends the vault away for half a minute. How soon its next version is seen is a matter of the back-off.
    fn lose(&self, vault: &mut RustyVault) {
        self.lag.store(usize::MAX / 2, Ordering::SeqCst);
        vault.stop();
        thread::sleep(Duration::from_secs(30));
        vault.start_again();
        self.rotate(vault);
        let newest = self.newest.load(Ordering::SeqCst);
        assert!(eventually(|| self.seen.load(Ordering::SeqCst) == newest), "nobody noticed that the vault is back");
        self.lag.store(LAG, Ordering::SeqCst);
    }
}

/// A value, once replaced, may be served for its lifetime of a second and one refresh.
const LAG: usize = 2;

fn write(vault: &RustyVault, version: usize) {
    vault.write("secret/load", &json!({"value": format!("value-{version}.")}));
}

fn version(text: &str) -> usize {
    let value = text.split_once("value-").and_then(|(_, rest)| rest.split_once('.'));
    value.and_then(|(version, _)| version.parse().ok()).unwrap_or_else(|| panic!("no version in {text}"))
}

fn under_load(mark: &str, events: impl FnOnce(&Load, &mut RustyVault)) {
    let mut vault = RustyVault::start();
    write(&vault, 0);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("token"), &vault.root).expect("a file can be written");
    let mark = format!("claviger-{mark}-{}", std::process::id());
    let command = [everything(), vec![mark.clone()]].concat();
    let text = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n\n[secrets.vault]\naddress = \"{}\"\nauth = {{ token = \"file://./token\" }}\n\n\
         [servers.everything]\ncommand = {}\nenv = {{ SEEN = \"vault://secret/load?ttl=1#value\" }}\n",
        vault.address,
        json!(command),
    );
    let path = folder.path().join("claviger.toml");
    fs::write(&path, text).expect("a file can be written");
    let door = Setup::file(&path).within(folder.path()).open();
    let session = LegacySession::begin(&door.url, &door.token(""));
    // The program and its guard.
    let one_instance = alive(&mark).len();
    let load = Load::default();
    load.lag.store(LAG, Ordering::SeqCst);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| load.call_until_over(&session));
        }
        // Callers stop too when this fails.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| events(&load, &mut vault)));
        load.over.store(true, Ordering::SeqCst);
        outcome.unwrap_or_else(|why| std::panic::resume_unwind(why));
    });
    let (calls, versions) = (load.calls.into_inner(), load.newest.into_inner());
    println!("{calls} calls, {versions} rotations, no call failed");
    assert!(calls > 20 * versions, "that was no load");
    assert!(eventually(|| alive(&mark).len() == one_instance), "old instances are left behind: {:?}", alive(&mark));
    door.close();
    assert!(eventually(|| alive(&mark).is_empty()), "left behind: {:?}", alive(&mark));
}

#[test]
fn a_minute_of_rotation_fails_no_call() {
    under_load("rotation", |load, vault| load.rotate_for(vault, Duration::from_secs(60)));
}

#[test]
fn half_a_minute_without_the_vault_fails_no_call() {
    under_load("without-vault", |load, vault| {
        load.rotate_for(vault, Duration::from_secs(16));
        load.lose(vault);
        load.rotate_for(vault, Duration::from_secs(14));
    });
}
