//! How often a source is asked, by the clock and by the crowd.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::missing::Cause;

/// Counts fetches; each waits for a ticket, and is answered with its number or, on demand, not at all.
struct Counting {
    fetches: AtomicUsize,
    fails: std::sync::atomic::AtomicBool,
    tickets: Semaphore,
}

impl Source for Arc<Counting> {
    fn fetch<'a>(&'a self, reference: &'a Reference) -> Fetching<'a> {
        Box::pin(async move {
            let number = self.fetches.fetch_add(1, Ordering::SeqCst);
            self.tickets.acquire().await.unwrap().forget();
            if self.fails.load(Ordering::SeqCst) {
                return Err(Missing { reference: reference.clone(), cause: Cause::NotSet });
            }
            Ok(SecretString::from(format!("value {number}")))
        })
    }
}

struct Bench {
    source: Arc<Counting>,
    now: Arc<AtomicU64>,
    cached: Arc<Cached<Arc<Counting>>>,
}

impl Bench {
    fn new(tickets: usize) -> Self {
        let source = Arc::new(Counting { fetches: AtomicUsize::new(0), fails: false.into(), tickets: Semaphore::new(tickets) });
        let now = Arc::new(AtomicU64::new(1_000_000));
        let clock: Clock = Arc::new({
            let now = Arc::clone(&now);
            move || now.load(Ordering::SeqCst)
        });
        Self { cached: Arc::new(Cached::new(Arc::clone(&source), clock)), source, now }
    }

    async fn get(&self, reference: &str) -> Result<String, Missing> {
        let value = self.cached.fetch(&reference.parse().unwrap()).await?;
        Ok(value.expose_secret().to_owned())
    }

    fn fetches(&self) -> usize {
        self.source.fetches.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn value_is_kept_for_its_lifetime_and_not_longer() {
    for (reference, milliseconds) in [("file:///a", 60_000), ("file:///a?ttl=5", 5_000), ("env://A", 60_000)] {
        let bench = Bench::new(10);
        assert_eq!(bench.get(reference).await.unwrap(), "value 0");
        bench.now.fetch_add(milliseconds - 1, Ordering::SeqCst);
        assert_eq!(bench.get(reference).await.unwrap(), "value 0");
        bench.now.fetch_add(1, Ordering::SeqCst);
        assert_eq!(bench.get(reference).await.unwrap(), "value 1", "{reference}");
    }
}

#[tokio::test]
async fn clock_that_goes_back_makes_a_value_stale() {
    let bench = Bench::new(10);
    assert_eq!(bench.get("env://A").await.unwrap(), "value 0");
    bench.now.fetch_sub(1, Ordering::SeqCst);
    assert_eq!(bench.get("env://A").await.unwrap(), "value 1");
}

#[tokio::test]
async fn references_do_not_share_values() {
    let bench = Bench::new(10);
    for reference in ["file:///a", "file:///a#f", "file:///a?ttl=5", "env://a"] {
        bench.get(reference).await.unwrap();
    }
    assert_eq!(bench.fetches(), 4);
}

#[tokio::test]
async fn failure_is_kept_for_a_second() {
    let bench = Bench::new(10);
    bench.source.fails.store(true, Ordering::SeqCst);
    assert_eq!(bench.get("env://A").await.unwrap_err().code(), "not_set");
    bench.source.fails.store(false, Ordering::SeqCst);
    bench.now.fetch_add(999, Ordering::SeqCst);
    assert!(bench.get("env://A").await.is_err());
    bench.now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(bench.get("env://A").await.unwrap(), "value 1");
}

#[tokio::test]
async fn refused_value_is_fetched_anew() {
    let bench = Bench::new(10);
    bench.cached.forget(&"env://A".parse().unwrap()).await;
    assert_eq!(bench.get("env://A").await.unwrap(), "value 0");
    bench.cached.forget(&"env://A".parse().unwrap()).await;
    assert_eq!(bench.get("env://A").await.unwrap(), "value 1");
    assert_eq!(bench.get("env://A").await.unwrap(), "value 1");
}

#[tokio::test]
async fn many_waiting_calls_are_one_fetch() {
    let bench = Arc::new(Bench::new(0));
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { bench.get("env://A").await.unwrap() })
        })
        .collect();
    while bench.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    bench.source.tickets.add_permits(1);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "value 0");
    }
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn caller_that_goes_away_while_fetching_leaves_nobody_hanging() {
    let bench = Arc::new(Bench::new(0));
    let spawn = || {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.get("env://A").await.unwrap() })
    };
    let first = spawn();
    while bench.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    let second = spawn();
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    bench.source.tickets.add_permits(1);
    assert_eq!(second.await.unwrap(), "value 1");
}
