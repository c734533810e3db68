//! Does the store in memory keep the rules of every store, and its own bounds?

use std::sync::Arc;

use super::*;
use crate::conformance::{SetClock, Subject, conformance};

fn subject() -> (Subject, ()) {
    let clock = SetClock::default();
    let store = Memory::new(clock.clock(), Limits::default());
    (Subject { store: Arc::new(store), clock }, ())
}

conformance!(subject());

#[tokio::test]
async fn a_full_store_refuses_new_keys_and_keeps_the_old() {
    let store = small(&SetClock::default());
    store.put("first", b"1", None).await.unwrap();
    store.put("second", b"2", None).await.unwrap();
    assert!(matches!(store.put("third", b"3", None).await, Err(Failure::Full { entries: 2 })));
    assert!(matches!(store.increment("third", 1, None).await, Err(Failure::Full { .. })));
    assert_eq!(store.get("first").await.unwrap().unwrap(), b"1");
    store.put("second", b"two", None).await.unwrap();
    store.delete("first").await.unwrap();
    store.put("third", b"3", None).await.unwrap();
}

#[tokio::test]
async fn a_value_too_large_for_the_room_leaves_the_old_one() {
    let store = small(&SetClock::default());
    store.put("key", b"small", None).await.unwrap();
    assert!(matches!(store.put("key", &[0; 61], None).await, Err(Failure::Full { .. })));
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"small");
    store.put("key", &[0; 60], None).await.unwrap();
}

#[tokio::test]
async fn what_has_expired_makes_room() {
    let clock = SetClock::default();
    let store = small(&clock);
    store.put("first", &[0; 20], Some(Duration::from_secs(1))).await.unwrap();
    store.put("second", &[0; 20], Some(Duration::from_secs(1))).await.unwrap();
    assert!(store.put("third", b"3", None).await.is_err());
    clock.advance(1_000);
    store.put("third", &[0; 50], None).await.unwrap();
}

/// Room for two entries and 63 bytes.
fn small(clock: &SetClock) -> Memory {
    Memory::new(clock.clock(), Limits { entries: 2, bytes: 63 })
}
