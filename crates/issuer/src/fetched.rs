//! What have we fetched lately from places that others chose? Kept for a while, fetched once for many who wait, and never in a loop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

/// What was fetched from many places, each under its address.
pub(crate) struct Fetched<T> {
    places: StdMutex<HashMap<String, Arc<Place<T>>>>,
    most: usize,
}

/// One place. Held while fetching: whoever waits finds the result when it is free. Dropping the holder frees it, so nobody hangs.
type Place<T> = Mutex<Known<T>>;

struct Known<T> {
    last: Option<Last<T>>,
    /// Why the last attempt gave nothing, and until when that is not tried again.
    failed: Option<(Unfetched, u64)>,
}

struct Last<T> {
    value: Arc<T>,
    /// Unix seconds, as everywhere here.
    fetched_at: u64,
    fresh_until: u64,
}

/// What a fetch brings.
pub(crate) struct Fresh<T> {
    pub(crate) value: T,
    /// For how long it may be kept, in the opinion of who gave it.
    pub(crate) max_age: Option<Duration>,
}

/// How new it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// As fresh as its server asks for.
    Fresh,
    /// Fetched just now, for the one at hand lacks something that may have been added.
    Newer,
}

/// Why nothing usable was fetched. Strangers hear it, so it tells nothing about the networks around us: the log says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfetched {
    /// There is nothing, or it may not be fetched.
    #[error("it cannot be fetched")]
    Absent,
    /// It could not be fetched this time.
    #[error("it cannot be fetched")]
    Away,
    /// What was found is not what it should be.
    #[error("{0}")]
    Unusable(&'static str),
    /// What was found is no description of a client.
    #[error(transparent)]
    NotADocument(#[from] oauth::client_metadata_document::InvalidDocument),
    /// Somebody has had too much fetched.
    #[error("too much was asked of that server; try again in a few minutes")]
    TooOften,
}

impl<T> Fetched<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { places: StdMutex::default(), most }
    }

    /// What is at `address`: kept, or fetched now. A server that is away does not take from us what it gave within a day.
    pub(crate) async fn get<F>(
        &self,
        address: &str,
        now: u64,
        demand: Demand,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<Arc<T>, Unfetched>
    where
        F: Future<Output = Result<Fresh<T>, Unfetched>> + Send,
    {
        let place = self.place(address, now);
        let mut known = place.lock().await;
        if let Some(last) = known.last.as_ref().filter(|last| last.is_enough(demand, now)) {
            return Ok(Arc::clone(&last.value));
        }
        let failure = match known.failed.filter(|(_, until)| now < *until) {
            Some((failure, _)) => failure,
            None => match fetch().await {
                Ok(fresh) => return Ok(known.keep(fresh, now)),
                // One who asks too much does not keep the others from asking.
                Err(Unfetched::TooOften) => Unfetched::TooOften,
                Err(failure) => {
                    known.failed = Some((failure, now.saturating_add(PAUSE)));
                    failure
                }
            },
        };
        let is_passing = matches!(failure, Unfetched::Away | Unfetched::TooOften);
        let old = known.last.as_ref().filter(|last| is_passing && now < last.fetched_at.saturating_add(LONGEST));
        old.map(|last| Arc::clone(&last.value)).ok_or(failure)
    }

    fn place(&self, address: &str, now: u64) -> Arc<Place<T>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(address) {
            return Arc::clone(place);
        }
        if places.len() >= self.most {
            make_room(&mut places, self.most, now);
        }
        let place = Arc::new(Mutex::new(Known { last: None, failed: None }));
        places.insert(address.to_owned(), Arc::clone(&place));
        place
    }
}

impl<T> Known<T> {
    fn keep(&mut self, fresh: Fresh<T>, now: u64) -> Arc<T> {
        let kept_for = fresh.max_age.map_or(USUAL, |age| age.as_secs()).clamp(SHORTEST, LONGEST);
        let value = Arc::new(fresh.value);
        self.last = Some(Last { value: Arc::clone(&value), fetched_at: now, fresh_until: now.saturating_add(kept_for) });
        self.failed = None;
        value
    }
}

impl<T> Last<T> {
    fn is_enough(&self, demand: Demand, now: u64) -> bool {
        match demand {
            Demand::Fresh => now < self.fresh_until,
            Demand::Newer => now < self.fetched_at.saturating_add(PAUSE),
        }
    }
}

/// Forgets the places that have nothing to give, or else the one whose gift gets old first. One that is being fetched from stays.
fn make_room<T>(places: &mut HashMap<String, Arc<Place<T>>>, most: usize, now: u64) {
    let fresh_until = |place: &Arc<Place<T>>| match place.try_lock() {
        Ok(known) => known.last.as_ref().map_or(0, |last| last.fresh_until),
        Err(_) => u64::MAX,
    };
    places.retain(|_, place| fresh_until(place) > now);
    let oldest = places.iter().min_by_key(|(_, place)| fresh_until(place)).map(|(address, _)| address.clone());
    if let Some(address) = oldest.filter(|_| places.len() >= most) {
        places.remove(&address);
    }
}

/// Seconds after a failure, or after a fetch, before the same place is asked again: a stranger cannot make us ask in a loop.
const PAUSE: u64 = 30;
/// Seconds for which something is kept at least, whatever its server says.
const SHORTEST: u64 = 60;
/// Where its server says nothing.
const USUAL: u64 = 300;
/// Seconds after which nothing is believed any more that was not fetched anew.
const LONGEST: u64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A place that gives how often it was asked, kept for so long; the count.
    async fn ask(fetched: &Fetched<usize>, count: &AtomicUsize, now: u64, demand: Demand, max_age: Option<u64>) -> usize {
        let fetch = || async {
            tokio::task::yield_now().await;
            Ok(Fresh { value: count.fetch_add(1, Ordering::SeqCst) + 1, max_age: max_age.map(Duration::from_secs) })
        };
        *fetched.get("place", now, demand, fetch).await.unwrap()
    }

    async fn fail(fetched: &Fetched<usize>, now: u64, failure: Unfetched) -> Result<usize, Unfetched> {
        fetched.get("place", now, Demand::Fresh, || async move { Err(failure) }).await.map(|value| *value)
    }

    #[tokio::test]
    async fn something_is_kept_for_as_long_as_its_server_says_within_bounds() {
        for (max_age, kept_for) in [(None, USUAL), (Some(0), SHORTEST), (Some(100), 100), (Some(10 * LONGEST), LONGEST)] {
            let (fetched, count) = (Fetched::new(4), AtomicUsize::new(0));
            assert_eq!(ask(&fetched, &count, 1000, Demand::Fresh, max_age).await, 1);
            assert_eq!(ask(&fetched, &count, 999 + kept_for, Demand::Fresh, max_age).await, 1, "{max_age:?}");
            assert_eq!(ask(&fetched, &count, 1000 + kept_for, Demand::Fresh, max_age).await, 2, "{max_age:?}");
        }
    }

    #[tokio::test]
    async fn many_at_once_are_one_fetch() {
        let (fetched, count) = (Arc::new(Fetched::new(4)), Arc::new(AtomicUsize::new(0)));
        let crowd: Vec<_> = (0..100)
            .map(|_| {
                let (fetched, count) = (Arc::clone(&fetched), Arc::clone(&count));
                tokio::spawn(async move { ask(&fetched, &count, 5, Demand::Fresh, None).await })
            })
            .collect();
        for each in crowd {
            assert_eq!(each.await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn who_lacks_something_gets_a_newer_one_but_not_in_a_loop() {
        let (fetched, count) = (Fetched::new(4), AtomicUsize::new(0));
        assert_eq!(ask(&fetched, &count, 0, Demand::Fresh, Some(3600)).await, 1);
        assert_eq!(ask(&fetched, &count, PAUSE - 1, Demand::Newer, Some(3600)).await, 1);
        assert_eq!(ask(&fetched, &count, PAUSE, Demand::Newer, Some(3600)).await, 2);
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_a_moment_and_no_longer() {
        let (fetched, count) = (Fetched::new(4), AtomicUsize::new(0));
        assert_eq!(fail(&fetched, 0, Unfetched::Absent).await, Err(Unfetched::Absent));
        let again = fetched.get("place", PAUSE - 1, Demand::Fresh, || async { Ok(Fresh { value: 7, max_age: None }) }).await;
        assert_eq!(again.unwrap_err(), Unfetched::Absent);
        assert_eq!(ask(&fetched, &count, PAUSE, Demand::Fresh, None).await, 1);
        // Who asks too much is told so, and nobody else.
        let fetched = Fetched::new(4);
        assert_eq!(fail(&fetched, 0, Unfetched::TooOften).await, Err(Unfetched::TooOften));
        assert_eq!(ask(&fetched, &count, 0, Demand::Fresh, None).await, 2);
    }

    #[tokio::test]
    async fn a_server_that_is_away_takes_nothing_back_within_a_day_and_one_that_says_no_does() {
        let (fetched, count) = (Fetched::new(4), AtomicUsize::new(0));
        ask(&fetched, &count, 0, Demand::Fresh, None).await;
        assert_eq!(fail(&fetched, USUAL, Unfetched::Away).await, Ok(1));
        assert_eq!(fail(&fetched, LONGEST - 1, Unfetched::Away).await, Ok(1));
        assert_eq!(fail(&fetched, LONGEST + PAUSE, Unfetched::Away).await, Err(Unfetched::Away));
        let fetched = Fetched::new(4);
        ask(&fetched, &count, 0, Demand::Fresh, None).await;
        assert_eq!(fail(&fetched, USUAL, Unfetched::Absent).await, Err(Unfetched::Absent));
    }

    #[tokio::test]
    async fn there_is_room_for_so_many_and_no_more() {
        let fetched = Fetched::new(3);
        for (address, max_age) in [("a", 100), ("b", 200), ("c", 300), ("d", 400)] {
            let fresh = Fresh { value: 0, max_age: Some(Duration::from_secs(max_age)) };
            fetched.get(address, 0, Demand::Fresh, || async { Ok(fresh) }).await.unwrap();
        }
        let kept: std::collections::BTreeSet<_> = fetched.places.lock().unwrap().keys().cloned().collect();
        assert_eq!(kept, ["b", "c", "d"].map(str::to_owned).into());
    }
}
