//! Does what one replica revokes end on all of them, and does a replica that hears nothing know it?

use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::*;
use crate::Answer;
use crate::conformance::SetClock;
use crate::memory::{Limits, Memory};

/// A store in common, and the line to it, which can be cut.
struct Replica {
    revocations: Arc<Revocations>,
    line: Arc<Line>,
}

struct Line {
    store: Arc<dyn Store>,
    is_cut: AtomicBool,
    reads: AtomicUsize,
}

fn common() -> (Arc<dyn Store>, SetClock) {
    let clock = SetClock::default();
    clock.advance(1_800_000_000_000);
    (Arc::new(Memory::new(clock.clock(), Limits::default())), clock)
}

async fn replica(store: &Arc<dyn Store>, clock: &SetClock) -> Replica {
    let line = Arc::new(Line { store: Arc::clone(store), is_cut: AtomicBool::new(false), reads: AtomicUsize::new(0) });
    let revocations = Arc::new(Revocations::new(Arc::<Line>::clone(&line), clock.clock()));
    revocations.load().await.unwrap();
    Replica { revocations, line }
}

#[tokio::test]
async fn what_one_replica_revokes_ends_on_the_others_when_they_hear_of_it() {
    let (store, clock) = common();
    let (one, other) = (replica(&store, &clock).await, replica(&store, &clock).await);
    assert!(!one.revocations.is_revoked("token"));

    one.revocations.revoke("token", HOUR).await.unwrap();
    assert!(one.revocations.is_revoked("token"));
    assert!(!one.revocations.is_revoked("token "));
    assert!(!other.revocations.is_revoked("token"));
    other.revocations.hear().await.unwrap();
    assert!(other.revocations.is_revoked("token"));
    assert!(!other.revocations.is_revoked("other token"));
}

#[tokio::test(start_paused = true)]
async fn who_follows_hears_of_it_and_wakes_those_who_wait() {
    let (store, clock) = common();
    let (one, other) = (replica(&store, &clock).await, replica(&store, &clock).await);
    let following = Arc::clone(&other.revocations);
    let follower = tokio::spawn(async move { following.follow(Duration::from_millis(250)).await });
    let mut news = other.revocations.changed();
    one.revocations.revoke("token", HOUR).await.unwrap();
    while !other.revocations.is_revoked("token") {
        news.changed().await.unwrap();
    }
    follower.abort();
}

#[tokio::test]
async fn a_replica_that_starts_later_knows_what_was_revoked_before() {
    let (store, clock) = common();
    let one = replica(&store, &clock).await;
    for number in 0..200 {
        one.revocations.revoke(&format!("token {number}"), HOUR).await.unwrap();
    }
    let late = replica(&store, &clock).await;
    assert!((0..200).all(|number| late.revocations.is_revoked(&format!("token {number}"))));
    assert!(!late.revocations.is_revoked("token 200"));
}

#[tokio::test]
async fn a_revocation_outlives_what_it_ends_and_is_forgotten_after_that() {
    let (store, clock) = common();
    let (one, other) = (replica(&store, &clock).await, replica(&store, &clock).await);
    one.revocations.revoke("token", HOUR).await.unwrap();
    other.revocations.hear().await.unwrap();
    clock.advance(60 * 60 * 1000);
    assert!(one.revocations.is_revoked("token") && other.revocations.is_revoked("token"));
    clock.advance(5 * 60 * 1000);
    assert!(!one.revocations.is_revoked("token") && !other.revocations.is_revoked("token"));
    assert_eq!(store.keys("revoked/", 10).await.unwrap(), [""; 0]);

    one.revocations.revoke("next", HOUR).await.unwrap();
    other.revocations.hear().await.unwrap();
    assert!(other.revocations.is_revoked("next"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_revocations_by_many_replicas_at_once_none_is_lost() {
    let (store, clock) = common();
    let watcher = replica(&store, &clock).await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let Replica { revocations, .. } = replica(&store, &clock).await;
        tasks.push(tokio::spawn(async move {
            for token in 0..25 {
                revocations.revoke(&format!("token {number} {token}"), HOUR).await.unwrap();
                tokio::task::yield_now().await;
            }
        }));
    }
    // The watcher listens all the while, so that it sees the log in every state.
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        watcher.revocations.hear().await.unwrap();
        tokio::task::yield_now().await;
    }
    watcher.revocations.hear().await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    for (number, token) in (0..8).flat_map(|number| (0..25).map(move |token| (number, token))) {
        assert!(watcher.revocations.is_revoked(&format!("token {number} {token}")), "{number} {token}");
    }
}

#[tokio::test]
async fn a_change_is_heard_of_without_reading_what_is_known() {
    let (store, clock) = common();
    let (one, other) = (replica(&store, &clock).await, replica(&store, &clock).await);
    for number in 0..100 {
        one.revocations.revoke(&format!("token {number}"), HOUR).await.unwrap();
    }
    other.revocations.hear().await.unwrap();
    other.line.reads.store(0, Ordering::SeqCst);
    other.revocations.hear().await.unwrap();
    assert_eq!(other.line.reads.swap(0, Ordering::SeqCst), 1);
    one.revocations.revoke("one more", HOUR).await.unwrap();
    other.revocations.hear().await.unwrap();
    assert!(other.revocations.is_revoked("one more"));
    assert!(other.line.reads.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn a_writer_that_stopped_half_way_is_helped_by_the_next() {
    let (store, clock) = common();
    let (one, other) = (replica(&store, &clock).await, replica(&store, &clock).await);
    one.revocations.revoke("first", HOUR).await.unwrap();
    let half = Ending { until: u64::MAX, digest: Ending::digest("half") };
    store.put("revoked/2", &half.encode(), None).await.unwrap();
    one.revocations.revoke("third", HOUR).await.unwrap();
    other.revocations.hear().await.unwrap();
    assert!(["first", "half", "third"].iter().all(|id| other.revocations.is_revoked(id)));
}

#[tokio::test]
async fn a_log_that_was_lost_or_put_back_is_read_as_a_whole_and_nothing_known_is_forgotten() {
    let (store, clock) = common();
    let (one, other) = (replica(&store, &clock).await, replica(&store, &clock).await);
    for id in ["first", "second", "third"] {
        one.revocations.revoke(id, HOUR).await.unwrap();
    }
    other.revocations.hear().await.unwrap();
    for key in store.keys("revoked", 10).await.unwrap() {
        store.delete(&key).await.unwrap();
    }
    // As many as before, and more, so that the number alone would not tell.
    for count in 3..5 {
        for id in 0..count {
            one.revocations.revoke(&format!("new {count} {id}"), HOUR).await.unwrap();
        }
        other.revocations.hear().await.unwrap();
        assert!((0..count).all(|id| other.revocations.is_revoked(&format!("new {count} {id}"))));
    }
    assert!(["first", "second", "third"].iter().all(|id| other.revocations.is_revoked(id)));
}

#[tokio::test]
async fn who_hears_nothing_knows_for_how_long() {
    let (store, clock) = common();
    let unloaded = Revocations::new(Arc::clone(&store), clock.clock());
    assert_eq!(unloaded.unheard_for(), Duration::MAX);

    let one = replica(&store, &clock).await;
    assert_eq!(one.revocations.unheard_for(), Duration::ZERO);
    one.line.is_cut.store(true, Ordering::SeqCst);
    clock.advance(7_000);
    assert!(one.revocations.hear().await.is_err());
    assert_eq!(one.revocations.unheard_for(), Duration::from_secs(7));
    one.line.is_cut.store(false, Ordering::SeqCst);
    one.revocations.hear().await.unwrap();
    assert_eq!(one.revocations.unheard_for(), Duration::ZERO);
}

#[tokio::test]
async fn what_cannot_be_stored_is_revoked_here_and_stored_at_the_next_try() {
    let (store, clock) = common();
    let (one, other) = (replica(&store, &clock).await, replica(&store, &clock).await);
    one.line.is_cut.store(true, Ordering::SeqCst);
    assert!(one.revocations.revoke("token", HOUR).await.is_err());
    assert!(one.revocations.is_revoked("token"));
    one.line.is_cut.store(false, Ordering::SeqCst);
    one.revocations.revoke("token", HOUR).await.unwrap();
    other.revocations.hear().await.unwrap();
    assert!(other.revocations.is_revoked("token"));
}

#[tokio::test]
async fn revoking_the_same_again_and_again_fills_no_store_and_shortens_nothing() {
    let (store, clock) = common();
    let one = replica(&store, &clock).await;
    one.revocations.revoke("token", HOUR).await.unwrap();
    for _ in 0..100 {
        clock.advance(10);
        one.revocations.revoke("token", HOUR).await.unwrap();
        one.revocations.revoke("token", Duration::ZERO).await.unwrap();
    }
    assert_eq!(store.keys("revoked/", 10).await.unwrap().len(), 1);
    one.revocations.revoke("token", HOUR * 24).await.unwrap();
    assert_eq!(store.keys("revoked/", 10).await.unwrap().len(), 2);
    clock.advance(23 * 60 * 60 * 1000);
    assert!(one.revocations.is_revoked("token"));
}

#[tokio::test]
async fn a_damaged_log_is_a_failure_and_not_an_empty_one() {
    let (store, clock) = common();
    let one = replica(&store, &clock).await;
    one.revocations.revoke("token", HOUR).await.unwrap();
    store.put("revoked/1", b"nothing of ours", None).await.unwrap();
    assert!(
        matches!(Revocations::new(Arc::clone(&store), clock.clock()).load().await, Err(Failure::Damaged { key }) if key == "revoked/1")
    );
    store.put("revoked-epoch", b"7", None).await.unwrap();
    assert!(matches!(one.revocations.hear().await, Err(Failure::Damaged { key }) if key == "revoked-epoch"));
    assert!(matches!(one.revocations.revoke("other", HOUR).await, Err(Failure::Damaged { .. })));
    assert!(one.revocations.is_revoked("other"));
}

#[tokio::test]
async fn a_process_with_a_store_of_its_own_needs_to_follow_nobody() {
    let (store, clock) = common();
    let alone = Revocations::new(store, clock.clock());
    alone.load().await.unwrap();
    alone.follow(Duration::from_millis(250)).await;
    clock.advance(3_600_000);
    assert_eq!(alone.unheard_for(), Duration::ZERO);
    alone.revoke("token", HOUR).await.unwrap();
    assert!(alone.is_revoked("token"));
}

impl Line {
    fn through<'a, T: Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        if self.is_cut.load(Ordering::SeqCst) { Box::pin(async { Err(Failure::Stopped) }) } else { answer }
    }
}

impl Store for Line {
    fn is_shared(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.through(self.store.get(key))
    }

    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.through(self.store.keys(prefix, most))
    }

    fn put<'a>(&'a self, key: &'a str, value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()> {
        self.through(self.store.put(key, value, ttl))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        self.through(self.store.delete(key))
    }

    fn take<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.through(self.store.take(key))
    }

    fn increment<'a>(&'a self, key: &'a str, by: u64, ttl: Option<Duration>) -> Answer<'a, u64> {
        self.through(self.store.increment(key, by, ttl))
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a [u8]>,
        new: Option<&'a [u8]>,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        self.through(self.store.compare_and_swap(key, expected, new, ttl))
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);
