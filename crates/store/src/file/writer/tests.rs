//! Do writes that share a transaction keep apart, keep their order, and share its fate?

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use redb::backends::InMemoryBackend;
use redb::{Builder, ReadableDatabase, ReadableTableMetadata, StorageBackend, WriteTransaction};
use tempfile::TempDir;

use super::*;
use crate::conformance::SetClock;
use crate::file::File;
use crate::file::shelf::VALUES;
use crate::{Answer, Store};

/// A store whose writer is held up, so that writes gather behind it; let go by dropping the transaction.
fn held_up() -> (File, WriteTransaction, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = File::open(&folder.path().join("store.redb"), SetClock::default().clock()).unwrap();
    let held = store.database.begin_write().unwrap();
    (store, held, folder)
}

/// Begins what a future does, without waiting for it.
fn begin<F: Future + ?Sized>(future: Pin<&mut F>) {
    assert!(matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
}

#[tokio::test]
async fn a_write_that_fails_harms_none_of_those_that_share_its_transaction() {
    let (store, held, _folder) = held_up();
    let (keys, swapped): (Vec<String>, _) = ((0..50).map(|number| format!("key {number}")).collect(), b"swapped".as_slice());
    let mut puts: Vec<Answer<'_, ()>> = keys.iter().map(|key| store.put(key, b"value", None)).collect();
    let mut name = store.put("name", b"ada", None);
    let mut full = store.increment("full", i64::MAX.unsigned_abs(), None);
    let (mut not_a_count, mut too_large) = (store.increment("name", 1, None), store.increment("full", 1, None));
    let (mut other, mut last) = (store.compare_and_swap("name", Some(b"eve"), Some(swapped), None), store.increment("last", 7, None));
    for put in &mut puts {
        begin(put.as_mut());
    }
    begin(name.as_mut());
    begin(full.as_mut());
    begin(not_a_count.as_mut());
    begin(too_large.as_mut());
    begin(other.as_mut());
    begin(last.as_mut());
    drop(held);

    for put in puts {
        put.await.unwrap();
    }
    name.await.unwrap();
    full.await.unwrap();
    assert!(matches!(not_a_count.await, Err(Failure::NotACount { key }) if key == "name"));
    assert!(matches!(too_large.await, Err(Failure::CountTooLarge { key }) if key == "full"));
    assert!(!other.await.unwrap());
    assert_eq!(last.await.unwrap(), 7);
    for key in &keys {
        assert_eq!(store.get(key).await.unwrap().unwrap(), b"value");
    }
    assert_eq!(store.get("name").await.unwrap().unwrap(), b"ada");
    assert_eq!(store.get("full").await.unwrap().unwrap(), i64::MAX.to_string().as_bytes());
}

#[tokio::test]
async fn writes_happen_in_the_order_in_which_they_were_begun() {
    let (store, held, _folder) = held_up();
    let values: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let steps = values.iter().zip(values.iter().skip(1));
    let mut first = store.put("key", b"0", None);
    let mut swaps: Vec<_> =
        steps.map(|(old, new)| store.compare_and_swap("key", Some(old.as_bytes()), Some(new.as_bytes()), None)).collect();
    begin(first.as_mut());
    for swap in &mut swaps {
        begin(swap.as_mut());
    }
    drop(held);

    // The last is asked first: who waits when decides nothing.
    for swap in swaps.into_iter().rev() {
        assert!(swap.await.unwrap());
    }
    first.await.unwrap();
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"49");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_writers_than_the_queue_holds_all_come_through() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(File::open(&folder.path().join("store.redb"), SetClock::default().clock()).unwrap());
    let adders = (0..TOGETHER * 3).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.increment(&format!("count {}", number % 10), 1, None).await.map(drop) })
    });
    for adder in adders.collect::<Vec<_>>() {
        adder.await.unwrap().unwrap();
    }
    let mut sum = 0;
    for number in 0..10 {
        sum += store.increment(&format!("count {number}"), 0, None).await.unwrap();
    }
    assert_eq!(sum, u64::try_from(TOGETHER * 3).unwrap());
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_done_before_the_store_is_gone() {
    let (store, held, folder) = held_up();
    let keys: Vec<String> = (0..20).map(|number| format!("key {number}")).collect();
    for key in &keys {
        begin(store.put(key, b"value", None).as_mut());
    }
    let gone = std::thread::spawn(move || drop(store));
    drop(held);
    gone.join().unwrap();

    let again = File::open(&folder.path().join("store.redb"), SetClock::default().clock()).unwrap();
    for key in &keys {
        assert_eq!(again.get(key).await.unwrap().unwrap(), b"value", "{key}");
    }
}

#[tokio::test]
async fn a_transaction_in_which_nothing_changed_is_not_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = File::open(&folder.path().join("store.redb"), SetClock::default().clock()).unwrap();
    store.put("key", b"value", None).await.unwrap();
    let before = std::fs::read(folder.path().join("store.redb")).unwrap();
    assert!(!store.compare_and_swap("key", None, Some(b"new"), None).await.unwrap());
    store.delete("absent").await.unwrap();
    assert_eq!(store.take("absent").await.unwrap(), None);
    assert!(std::fs::read(folder.path().join("store.redb")).unwrap() == before);
}

#[tokio::test]
async fn when_the_disk_fails_everyone_in_the_transaction_is_told_and_nothing_of_it_stays() {
    let disk = FailingDisk::default();
    let fails = Arc::clone(&disk.fails);
    let database = Arc::new(Builder::new().create_with_backend(disk).unwrap());
    let writer = Writer::start(Arc::clone(&database), SetClock::default().clock()).unwrap();
    let put = |key: &'static str| writer.write(key, |shelf, key, now| shelf.put(key, b"value", u64::MAX, now));
    put("before").await.unwrap();

    let held = database.begin_write().unwrap();
    let (mut one, mut other) = (pin!(put("one")), pin!(put("other")));
    begin(one.as_mut());
    begin(other.as_mut());
    fails.store(true, Ordering::SeqCst);
    drop(held);
    assert!(matches!(one.await, Err(Failure::Database(_))));
    assert!(matches!(other.await, Err(Failure::Database(_))));
    assert!(matches!(put("later").await, Err(Failure::Database(_))));
    let values = database.begin_read().unwrap().open_table(VALUES).unwrap();
    assert_eq!(values.len().unwrap(), 1);
    assert!(values.get("before").unwrap().is_some());
}

/// Memory that stops taking what is written when told to.
#[derive(Debug, Default)]
struct FailingDisk {
    memory: InMemoryBackend,
    fails: Arc<AtomicBool>,
}

impl FailingDisk {
    fn check(&self) -> io::Result<()> {
        if self.fails.load(Ordering::SeqCst) { Err(io::Error::other("the disk is full")) } else { Ok(()) }
    }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.memory.write(offset, data)
    }
}
