//! What is revoked, as far as this process knows?

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use super::log::{Digest, Ending};

/// A set that forgets what has had its time, and that costs next to nothing to ask while it is empty.
#[derive(Default)]
pub(super) struct Ended {
    /// How many there are, in front of the lock.
    count: AtomicUsize,
    shelf: RwLock<Shelf>,
}

#[derive(Default)]
struct Shelf {
    entries: HashMap<Digest, Entry>,
    /// The same, soonest first.
    by_end: BTreeSet<(u64, Digest)>,
}

#[derive(Clone, Copy)]
struct Entry {
    until: u64,
    is_stored: bool,
}

impl Ended {
    /// Whether this digest is in the set; digest and time are asked for only when they are needed.
    pub(super) fn contains(&self, digest: impl FnOnce() -> Digest, now: impl FnOnce() -> u64) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        self.entry(&digest()).is_some_and(|entry| entry.until > now())
    }

    /// Whether others can hear of this ending, or of a later one of the same, already.
    pub(super) fn is_in_the_store(&self, ending: &Ending, now: u64) -> bool {
        // A little less than was asked for is enough: a second attempt in the same minute is the same attempt.
        let enough = ending.until.saturating_sub(SAME_MILLISECONDS);
        self.entry(&ending.digest).is_some_and(|entry| entry.is_stored && entry.until > now && entry.until >= enough)
    }

    /// Adds what only this process knows yet.
    pub(super) fn note(&self, ending: Ending, now: u64) {
        self.add(ending, false, now);
    }

    /// Adds what is in the store, and says whether it ends anything that had not ended here.
    pub(super) fn note_stored(&self, ending: Ending, now: u64) -> bool {
        self.add(ending, true, now)
    }

    fn add(&self, ending: Ending, is_stored: bool, now: u64) -> bool {
        if ending.until <= now {
            return false;
        }
        // Nothing can panic between two changes to the shelf, so a poisoned one is still whole.
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        shelf.forget_expired(now);
        let is_news = shelf.add(ending, is_stored);
        self.count.store(shelf.entries.len(), Ordering::Release);
        is_news
    }

    fn entry(&self, digest: &Digest) -> Option<Entry> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).entries.get(digest).copied()
    }
}

impl Shelf {
    /// Of two endings of the same the later one counts.
    fn add(&mut self, ending: Ending, is_stored: bool) -> bool {
        let Ending { until, digest } = ending;
        let before = self.entries.get(&digest).copied();
        match before {
            Some(Entry { until: longer, .. }) if longer > until => return false,
            Some(Entry { until: old, is_stored: was_stored }) => {
                self.by_end.remove(&(old, digest));
                let is_stored = is_stored || (was_stored && old == until);
                self.entries.insert(digest, Entry { until, is_stored });
            }
            None => {
                self.entries.insert(digest, Entry { until, is_stored });
            }
        }
        self.by_end.insert((until, digest));
        before.is_none()
    }

    fn forget_expired(&mut self, now: u64) {
        while let Some((_, digest)) = self.by_end.first().filter(|(until, _)| *until <= now).copied() {
            self.by_end.pop_first();
            self.entries.remove(&digest);
        }
    }
}

const SAME_MILLISECONDS: u64 = 60_000;
