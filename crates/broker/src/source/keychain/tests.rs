//! The sealed file, and what all keychains have in common. `system` asks the real ones.

#[cfg(all(feature = "keychain", target_os = "linux"))]
mod system;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::source::conformance::Suite;

fn sealed(folder: &Path) -> Keychain {
    Keychain::sealed_file(folder.join("state/keychain.json"), folder.join("state/instance.key"))
}

fn suite(keychain: &Keychain) -> Suite<'_> {
    Suite { provider: keychain, first: "keychain://claviger/brave", second: "keychain://claviger/git/hub" }
}

#[tokio::test]
async fn sealed_file_keeps_what_every_writer_promises() {
    let folder = TempDir::new().unwrap();
    suite(&sealed(folder.path())).run(true).await;
}

#[tokio::test]
async fn service_without_account_means_its_only_item() {
    let folder = TempDir::new().unwrap();
    let keychain = sealed(folder.path());
    only_item_of_a_service(&suite(&keychain)).await;
}

/// For every store that can look for the items of a service.
async fn only_item_of_a_service(suite: &Suite<'_>) {
    let none = Cause::WhichAccount { accounts: [].into() };
    assert_eq!(suite.put("keychain://claviger", "x").await, Err(none));
    suite.put("keychain://claviger/brave", "hunter2").await.unwrap();
    assert_eq!(suite.get("keychain://claviger").await.unwrap(), "hunter2");
    suite.put("keychain://claviger", "hunter3").await.unwrap();
    assert_eq!(suite.get("keychain://claviger/brave").await.unwrap(), "hunter3");
    suite.put("keychain://claviger/github", "x").await.unwrap();
    suite.put("keychain://other/github", "x").await.unwrap();
    let two = || Cause::WhichAccount { accounts: ["brave".into(), "github".into()].into() };
    assert_eq!(suite.get("keychain://claviger").await, Err(two()));
    assert_eq!(suite.put("keychain://claviger", "x").await, Err(two()));
    assert_eq!(suite.delete("keychain://claviger").await, Err(two()));
    suite.delete("keychain://claviger/github").await.unwrap();
    suite.delete("keychain://claviger").await.unwrap();
    assert_eq!(suite.get("keychain://claviger").await, Err(Cause::NotFound));
    assert_eq!(suite.get("keychain://other").await.unwrap(), "x");
}

#[tokio::test]
async fn sealed_file_is_its_owners_and_shows_no_value() {
    let folder = TempDir::new().unwrap();
    let keychain = sealed(folder.path());
    suite(&keychain).put("keychain://claviger/brave", "hunter2hunter2").await.unwrap();
    let path = folder.path().join("state/keychain.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("brave") && !text.contains("hunter2"), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(folder.path().join("state")).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refusal(&keychain).await.contains("is open to others"));
}

#[tokio::test]
async fn sealed_file_that_was_changed_gives_nothing() {
    let folder = TempDir::new().unwrap();
    let keychain = sealed(folder.path());
    suite(&keychain).put("keychain://claviger/brave", "hunter2").await.unwrap();
    suite(&keychain).put("keychain://claviger/github", "hunter3").await.unwrap();
    let path = folder.path().join("state/keychain.json");
    let text = fs::read_to_string(&path).unwrap();

    // Two items exchanged: each is sealed for its own name.
    fs::write(&path, text.replace("brave", "x").replace("github", "brave")).unwrap();
    assert!(refusal(&keychain).await.contains("changed since"));
    fs::write(&path, &text[1..]).unwrap();
    assert!(refusal(&keychain).await.contains("is damaged"));
    fs::write(&path, " ".repeat(1024 * 1024 + 1)).unwrap();
    assert!(refusal(&keychain).await.contains("is too large"));
    assert!(matches!(suite(&keychain).put("keychain://claviger/brave", "x").await, Err(Cause::NoKeychain { .. })));
}

#[tokio::test]
async fn sealed_file_needs_its_key_and_a_read_makes_none() {
    let folder = TempDir::new().unwrap();
    let keychain = sealed(folder.path());
    let key = folder.path().join("state/instance.key");
    assert_eq!(suite(&keychain).get("keychain://claviger/brave").await, Err(Cause::NotFound));
    assert!(!key.exists());
    suite(&keychain).put("keychain://claviger/brave", "hunter2").await.unwrap();
    let good = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    assert!(refusal(&keychain).await.contains("that is gone"));
    assert!(!key.exists());
    fs::write(&key, [7; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(refusal(&keychain).await.contains("another instance key"));
    fs::write(&key, good).unwrap();
    assert_eq!(suite(&keychain).get("keychain://claviger/brave").await.unwrap(), "hunter2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_once_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let tasks = (0..8).map(|number| {
        let keychain = sealed(folder.path());
        tokio::spawn(async move {
            let suite = suite(&keychain);
            suite.put(&format!("keychain://claviger/account-{number}"), &format!("value-{number}")).await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let keychain = sealed(folder.path());
    for number in 0..8 {
        let value = suite(&keychain).get(&format!("keychain://claviger/account-{number}")).await;
        assert_eq!(value, Ok(format!("value-{number}")));
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("state")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "no draft is left behind: {left:?}");
}

#[test]
fn names_that_no_reference_can_hold_are_not_listed() {
    assert_eq!(reference("claviger", "git/hub").unwrap().to_string(), "keychain://claviger/git/hub");
    for (service, account) in [("a/b", "c"), ("a?b", "c"), ("a", "b#c"), ("a", "b?ttl=5"), ("", "b"), ("a", ""), ("a", "b\nc")] {
        assert_eq!(reference(service, account), None, "{service} {account}");
    }
}

/// Takes everything and keeps nothing, as the kernel's keyring does in some sessions.
struct Forgetful;

impl Items for Forgetful {
    fn read(&self, _: &KeychainItem) -> Result<Zeroizing<Vec<u8>>, Cause> {
        Err(Cause::NotFound)
    }

    fn write(&self, _: &KeychainItem, _: &str) -> Result<(), Cause> {
        Ok(())
    }

    fn remove(&self, _: &KeychainItem) -> Result<(), Cause> {
        Ok(())
    }

    fn names(&self) -> Result<Vec<(String, String)>, Cause> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn value_that_does_not_come_back_was_not_put() {
    let keychain = Keychain { items: Arc::new(Forgetful) };
    let cause = suite(&keychain).put("keychain://claviger/brave", "hunter2").await.unwrap_err();
    assert_eq!(cause.to_string(), "the keychain cannot be used: it took the value and does not give it back: there is no such secret");
}

async fn refusal(keychain: &Keychain) -> String {
    match suite(keychain).get("keychain://claviger/brave").await {
        Err(Cause::NoKeychain { detail }) => detail.to_string(),
        other => panic!("{other:?}"),
    }
}
