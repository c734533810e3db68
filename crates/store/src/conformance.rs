//! What must every back-end do? The cases that each of them runs, with a clock that they set.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Clock, Failure, KEY_BYTES, Store, VALUE_BYTES};

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
pub(crate) struct SetClock {
    now: Arc<AtomicU64>,
    server: Option<Server>,
}

/// A server whose own clock decides: time goes on there by itself, and is moved by drawing all ends nearer.
#[derive(Clone)]
struct Server {
    draw_nearer: Arc<dyn Fn(u64) + Send + Sync>,
    /// How long before a moment it is surely still before it, in milliseconds, however slow this machine is.
    grain: u64,
}

impl SetClock {
    /// The clock of a server, which `draw_nearer` makes so many milliseconds later for all that it holds.
    pub(crate) fn of_a_server(grain: u64, draw_nearer: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self { server: Some(Server { draw_nearer: Arc::new(draw_nearer), grain }), ..Self::default() }
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Arc::new(move || now.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, milliseconds: u64) {
        self.now.fetch_add(milliseconds, Ordering::SeqCst);
        if let Some(server) = &self.server {
            (server.draw_nearer)(milliseconds);
        }
    }

    /// The shortest time that can be told from none: a millisecond, where the clock stands still.
    fn grain(&self) -> u64 {
        self.server.as_ref().map_or(1, |server| server.grain)
    }
}

/// A store under test and the clock it reads.
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: SetClock,
}

/// Runs one case on a runtime of its own.
pub(crate) fn run<F: Future<Output = ()>>(case: fn(Subject) -> F, subject: Subject) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(case(subject));
}

/// One test for each case of the suite, against the store that `$subject` makes.
///
/// `$subject` gives a [`Subject`] and something to keep alive while it is used.
macro_rules! conformance {
    ($subject:expr) => {
        crate::conformance::conformance! { $subject =>
            what_was_put_is_got_until_deleted
            a_later_put_replaces_value_and_lifetime
            a_value_ends_with_its_lifetime
            a_lifetime_of_zero_stores_nothing_and_removes_what_was_there
            many_expired_values_do_not_disturb_living_ones
            keys_and_values_of_any_bytes_up_to_the_limits_are_kept
            keys_and_values_beyond_the_limits_are_refused
            a_value_is_taken_once
            of_many_takers_at_once_one_gets_the_value
            living_keys_under_a_prefix_are_listed_in_order
            a_count_begins_at_zero_and_adds_up
            a_count_ends_with_the_lifetime_it_began_with
            many_adders_at_once_lose_nothing
            counting_what_is_not_a_count_is_refused_and_changes_nothing
            a_count_beyond_the_largest_is_refused_and_changes_nothing
            a_swap_happens_only_when_the_value_is_as_expected
            a_swap_for_an_absent_value_creates_and_a_swap_for_nothing_deletes
            a_swap_sees_an_expired_value_as_absent
            of_many_swappers_at_once_one_succeeds
        }
    };
    ($subject:expr => $($case:ident)+) => {
        $(
            #[test]
            fn $case() {
                let (subject, _kept) = $subject;
                crate::conformance::run(crate::conformance::$case, subject);
            }
        )+
    };
}
pub(crate) use conformance;

pub(crate) async fn what_was_put_is_got_until_deleted(Subject { store, .. }: Subject) {
    assert_eq!(store.get("key").await.unwrap(), None);
    store.put("key", b"value", None).await.unwrap();
    store.put("other", b"untouched", None).await.unwrap();
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"value");
    store.delete("key").await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), None);
    store.delete("key").await.unwrap();
    assert_eq!(store.get("other").await.unwrap().unwrap(), b"untouched");
}

pub(crate) async fn a_later_put_replaces_value_and_lifetime(Subject { store, clock }: Subject) {
    store.put("key", b"short", seconds(1)).await.unwrap();
    store.put("key", b"long", seconds(10)).await.unwrap();
    clock.advance(5_000);
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"long");
    store.put("key", b"for ever", None).await.unwrap();
    clock.advance(1_000_000);
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"for ever");
}

pub(crate) async fn a_value_ends_with_its_lifetime(Subject { store, clock }: Subject) {
    store.put("key", b"value", seconds(2)).await.unwrap();
    clock.advance(2_000 - clock.grain());
    assert!(store.get("key").await.unwrap().is_some());
    clock.advance(clock.grain());
    assert_eq!(store.get("key").await.unwrap(), None);
    assert_eq!(store.take("key").await.unwrap(), None);
}

pub(crate) async fn a_lifetime_of_zero_stores_nothing_and_removes_what_was_there(Subject { store, .. }: Subject) {
    store.put("key", b"old", None).await.unwrap();
    store.put("key", b"new", Some(Duration::ZERO)).await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), None);
}

pub(crate) async fn many_expired_values_do_not_disturb_living_ones(Subject { store, clock }: Subject) {
    for number in 0..100 {
        store.put(&format!("brief {number}"), b"x", seconds(1)).await.unwrap();
    }
    store.put("lasting", b"value", seconds(100)).await.unwrap();
    clock.advance(1_000);
    for number in 0..4 {
        store.put(&format!("brief {number}"), b"again", seconds(1)).await.unwrap();
    }
    assert_eq!(store.get("lasting").await.unwrap().unwrap(), b"value");
    assert_eq!(store.get("brief 3").await.unwrap().unwrap(), b"again");
    assert_eq!(store.get("brief 4").await.unwrap(), None);
}

pub(crate) async fn keys_and_values_of_any_bytes_up_to_the_limits_are_kept(Subject { store, .. }: Subject) {
    let value: Vec<u8> = (0..=255).cycle().take(VALUE_BYTES).collect();
    let long = "k".repeat(KEY_BYTES);
    for key in ["a\0b", "ключ", " ", long.as_str()] {
        store.put(key, &value, None).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().unwrap(), value);
        store.put(key, b"", None).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().unwrap(), b"");
    }
    assert_eq!(store.get("a").await.unwrap(), None);
}

pub(crate) async fn keys_and_values_beyond_the_limits_are_refused(Subject { store, .. }: Subject) {
    let long = "k".repeat(KEY_BYTES + 1);
    assert!(matches!(store.get(&long).await, Err(Failure::KeyTooLong { bytes: 513 })));
    assert!(matches!(store.put(&long, b"", None).await, Err(Failure::KeyTooLong { .. })));
    assert!(matches!(store.delete("").await, Err(Failure::EmptyKey)));
    assert!(matches!(store.take("").await, Err(Failure::EmptyKey)));
    assert!(matches!(store.increment("", 1, None).await, Err(Failure::EmptyKey)));

    let large = vec![0; VALUE_BYTES + 1];
    assert!(matches!(store.put("key", &large, None).await, Err(Failure::ValueTooLong { .. })));
    let swap = store.compare_and_swap("key", None, Some(&large), None).await;
    assert!(matches!(swap, Err(Failure::ValueTooLong { .. })));
    assert_eq!(store.get("key").await.unwrap(), None);
}

pub(crate) async fn a_value_is_taken_once(Subject { store, .. }: Subject) {
    store.put("key", b"value", None).await.unwrap();
    assert_eq!(store.take("key").await.unwrap().unwrap(), b"value");
    assert_eq!(store.take("key").await.unwrap(), None);
    assert_eq!(store.get("key").await.unwrap(), None);
}

pub(crate) async fn of_many_takers_at_once_one_gets_the_value(Subject { store, .. }: Subject) {
    store.put("key", b"value", None).await.unwrap();
    let takers = crowd(&store, |store| async move { store.take("key").await.unwrap().is_some() });
    assert_eq!(takers.await, 1);
}

pub(crate) async fn living_keys_under_a_prefix_are_listed_in_order(Subject { store, clock }: Subject) {
    for key in ["b/2", "a/1", "b/10", "b", "c/1"] {
        store.put(key, b"v", None).await.unwrap();
    }
    store.put("b/3", b"v", seconds(1)).await.unwrap();
    assert_eq!(store.keys("b/", 10).await.unwrap(), ["b/10", "b/2", "b/3"]);
    clock.advance(1000);
    store.delete("b/10").await.unwrap();
    assert_eq!(store.keys("b/", 10).await.unwrap(), ["b/2"]);
    assert_eq!(store.keys("", 2).await.unwrap(), ["a/1", "b"]);
    assert_eq!(store.keys("d", 10).await.unwrap(), Vec::<String>::new());
}

pub(crate) async fn a_count_begins_at_zero_and_adds_up(Subject { store, .. }: Subject) {
    assert_eq!(store.increment("count", 0, None).await.unwrap(), 0);
    assert_eq!(store.increment("count", 2, None).await.unwrap(), 2);
    assert_eq!(store.increment("count", 40, None).await.unwrap(), 42);
    assert_eq!(store.get("count").await.unwrap().unwrap(), b"42");
    store.put("count", b"7", None).await.unwrap();
    assert_eq!(store.increment("count", 1, None).await.unwrap(), 8);
}

pub(crate) async fn a_count_ends_with_the_lifetime_it_began_with(Subject { store, clock }: Subject) {
    assert_eq!(store.increment("count", 1, seconds(10)).await.unwrap(), 1);
    clock.advance(9_000);
    assert_eq!(store.increment("count", 1, seconds(10)).await.unwrap(), 2);
    clock.advance(1_000);
    assert_eq!(store.increment("count", 1, seconds(10)).await.unwrap(), 1);
}

pub(crate) async fn many_adders_at_once_lose_nothing(Subject { store, .. }: Subject) {
    crowd(&store, |store| async move { store.increment("count", 3, None).await.is_ok() }).await;
    assert_eq!(store.increment("count", 0, None).await.unwrap(), 3 * CROWD);
}

pub(crate) async fn counting_what_is_not_a_count_is_refused_and_changes_nothing(Subject { store, .. }: Subject) {
    for value in ["", "-1", "+1", "007", " 7", "1.5", "many", "9223372036854775808", "18446744073709551615", "9999999999999999999999"] {
        store.put("key", value.as_bytes(), None).await.unwrap();
        let refused = store.increment("key", 1, None).await;
        assert!(matches!(refused, Err(Failure::NotACount { key }) if key == "key"));
        assert_eq!(store.get("key").await.unwrap().unwrap(), value.as_bytes());
    }
}

pub(crate) async fn a_count_beyond_the_largest_is_refused_and_changes_nothing(Subject { store, .. }: Subject) {
    let largest = u64::try_from(i64::MAX).unwrap();
    assert_eq!(store.increment("count", largest, None).await.unwrap(), largest);
    for by in [1, u64::MAX] {
        let refused = store.increment("count", by, None).await;
        assert!(matches!(refused, Err(Failure::CountTooLarge { .. })));
    }
    assert_eq!(store.increment("count", 0, None).await.unwrap(), largest);
}

pub(crate) async fn a_swap_happens_only_when_the_value_is_as_expected(Subject { store, .. }: Subject) {
    store.put("key", b"old", None).await.unwrap();
    for wrong in [None, Some(&b"other"[..]), Some(b""), Some(b"old ")] {
        assert!(!store.compare_and_swap("key", wrong, Some(b"new"), None).await.unwrap());
    }
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"old");
    assert!(store.compare_and_swap("key", Some(b"old"), Some(b"new"), None).await.unwrap());
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"new");
}

pub(crate) async fn a_swap_for_an_absent_value_creates_and_a_swap_for_nothing_deletes(Subject { store, .. }: Subject) {
    assert!(!store.compare_and_swap("key", Some(b""), Some(b"new"), None).await.unwrap());
    assert!(store.compare_and_swap("key", None, Some(b"new"), None).await.unwrap());
    assert!(!store.compare_and_swap("key", None, Some(b"newer"), None).await.unwrap());
    assert!(store.compare_and_swap("key", Some(b"new"), None, None).await.unwrap());
    assert_eq!(store.get("key").await.unwrap(), None);
    assert!(store.compare_and_swap("key", None, None, None).await.unwrap());
}

pub(crate) async fn a_swap_sees_an_expired_value_as_absent(Subject { store, clock }: Subject) {
    store.compare_and_swap("key", None, Some(b"old"), seconds(1)).await.unwrap();
    clock.advance(1_000);
    assert!(!store.compare_and_swap("key", Some(b"old"), Some(b"new"), None).await.unwrap());
    assert!(store.compare_and_swap("key", None, Some(b"new"), None).await.unwrap());
}

pub(crate) async fn of_many_swappers_at_once_one_succeeds(Subject { store, .. }: Subject) {
    let swappers = crowd(&store, |store| async move { store.compare_and_swap("key", None, Some(b"mine"), None).await.unwrap() });
    assert_eq!(swappers.await, 1);
}

/// Lets a crowd of tasks do the same thing at once, and counts those that came away with `true`.
async fn crowd<F>(store: &Arc<dyn Store>, deed: fn(Arc<dyn Store>) -> F) -> u64
where
    F: Future<Output = bool> + Send + 'static,
{
    let tasks: Vec<_> = (0..CROWD).map(|_| tokio::spawn(deed(Arc::clone(store)))).collect();
    let mut successes = 0;
    for task in tasks {
        successes += u64::from(task.await.unwrap());
    }
    successes
}

#[expect(clippy::unnecessary_wraps, reason = "a lifetime is an Option everywhere it is used")]
fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

const CROWD: u64 = 16;
