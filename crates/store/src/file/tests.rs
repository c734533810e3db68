//! Does the store on disk keep the rules of every store, outlive its process and stay private?

use std::sync::Arc;

use redb::{ReadableDatabase, ReadableTable};
use tempfile::TempDir;

use super::shelf::{EXPIRIES, VALUES};
use super::*;
use crate::conformance::{SetClock, Subject, conformance};

fn subject() -> (Subject, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let clock = SetClock::default();
    let store = File::open(&folder.path().join("store.redb"), clock.clock()).unwrap();
    (Subject { store: Arc::new(store), clock }, folder)
}

conformance!(subject());

#[tokio::test]
async fn values_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("store.redb"), SetClock::default());
    let first = File::open(&path, clock.clock()).unwrap();
    first.put("key", b"value", None).await.unwrap();
    first.put("brief", b"value", Some(Duration::from_secs(1))).await.unwrap();
    drop(first);

    clock.advance(1_000);
    let second = File::open(&path, clock.clock()).unwrap();
    assert_eq!(second.get("key").await.unwrap().unwrap(), b"value");
    assert_eq!(second.get("brief").await.unwrap(), None);
}

#[test]
fn a_second_opener_is_told_that_the_file_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let _first = File::open(&path, SetClock::default().clock()).unwrap();
    let refused = File::open(&path, SetClock::default().clock()).err().unwrap();
    assert!(matches!(&refused, Failure::Busy { path: named } if *named == path));
    assert_eq!(refused.to_string(), format!("`{}` is in use by another process", path.display()));
}

#[test]
fn the_file_and_its_folder_are_for_the_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/store.redb");
    drop(File::open(&path, SetClock::default().clock()).unwrap());
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);

    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    drop(File::open(&path, SetClock::default().clock()).unwrap());
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::write(&path, "not a database at all").unwrap();
    assert!(File::open(&path, SetClock::default().clock()).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"not a database at all");

    let folder_as_file = File::open(folder.path(), SetClock::default().clock()).err().unwrap();
    assert!(matches!(folder_as_file, Failure::Open { .. }));
}

#[tokio::test]
async fn a_damaged_entry_is_named_and_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = File::open(&folder.path().join("store.redb"), SetClock::default().clock()).unwrap();
    let transaction = store.database.begin_write().unwrap();
    transaction.open_table(VALUES).unwrap().insert("key", b"short".as_slice()).unwrap();
    transaction.commit().unwrap();

    assert!(matches!(store.get("key").await, Err(Failure::Damaged { key }) if key == "key"));
    store.put("key", b"whole", None).await.unwrap();
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"whole");
}

#[tokio::test]
async fn expired_entries_leave_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let clock = SetClock::default();
    let store = File::open(&folder.path().join("store.redb"), clock.clock()).unwrap();
    for number in 0..70 {
        store.put(&format!("key {number}"), b"x", Some(Duration::from_secs(1))).await.unwrap();
    }
    clock.advance(1_000);
    store.put("first", b"x", None).await.unwrap();
    store.put("second", b"x", None).await.unwrap();

    let transaction = store.database.begin_read().unwrap();
    let left = transaction.open_table(VALUES).unwrap().iter().unwrap().count();
    assert_eq!(left, 2);
    assert!(transaction.open_table(EXPIRIES).unwrap().first().unwrap().is_none());
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
