//! A value that is kept, and how old it may become.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::source::Fetched;
use crate::value::Value;

/// A value that was fetched.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) value: Arc<Value>,
    /// What its place calls it.
    pub(crate) version: Option<Arc<str>>,
    /// Counts the different values of one credential, from 1.
    pub(crate) generation: u64,
    /// Unix milliseconds of the fetch.
    pub(crate) since: u64,
    /// Unix milliseconds of the fetch that found it changed; `None` for the first value, of which nobody here knows when it was made.
    pub(crate) changed_at: Option<u64>,
    /// For how long its place says that it is good.
    lifetime: Option<Duration>,
    is_refused: AtomicBool,
}

/// What to do with a kept value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Use it.
    Fresh,
    /// Use it, and fetch the next.
    Ripe,
    /// Do not use it.
    Over,
}

impl Kept {
    pub(super) fn new(fetched: Fetched, generation: u64, changed_at: Option<u64>, now: u64) -> Self {
        let Fetched { value, version, lifetime } = fetched;
        Self { value: Arc::new(value), version, generation, since: now, changed_at, lifetime, is_refused: AtomicBool::new(false) }
    }

    pub(super) fn refuse(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
    }

    /// A clock that went back makes it stale: better one fetch too many than a value kept too long.
    pub(super) fn state(&self, now: u64, max_age: Duration, early: Duration) -> State {
        let end = self.end(max_age);
        match self.age(now) {
            Some(age) if age < end.saturating_sub(early.min(end / 10)) => State::Fresh,
            Some(age) if age < end => State::Ripe,
            _ => State::Over,
        }
    }

    /// How long until it is to be fetched again.
    pub(super) fn until_ripe(&self, now: u64, max_age: Duration, early: Duration) -> Duration {
        let end = self.end(max_age);
        self.age(now).map_or(Duration::ZERO, |age| end.saturating_sub(early.min(end / 10)).saturating_sub(age))
    }

    /// Whether it may be used at this age; what its place says about its life is not stretched.
    pub(super) fn is_usable(&self, now: u64, max_age: Duration) -> bool {
        self.age(now).is_some_and(|age| age < self.end(max_age))
    }

    /// How long until it is that old.
    pub(super) fn good_for(&self, now: u64, max_age: Duration) -> Duration {
        self.age(now).map_or(Duration::ZERO, |age| self.end(max_age).saturating_sub(age))
    }

    fn end(&self, max_age: Duration) -> Duration {
        self.lifetime.map_or(max_age, |lifetime| lifetime.min(max_age))
    }

    fn age(&self, now: u64) -> Option<Duration> {
        if self.is_refused.load(Ordering::Relaxed) { None } else { now.checked_sub(self.since).map(Duration::from_millis) }
    }
}
