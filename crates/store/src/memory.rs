//! How does one process keep values without a file? In a bounded map that ends with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Answer, Clock, Failure, NEVER, Store, add, check_key, check_value, expiry};

#[cfg(test)]
mod tests;

/// A store that lives and ends with the process.
///
/// When full it first forgets what has expired, then refuses new keys with [`Failure::Full`]. It never
/// evicts a living value: a forgotten revocation or replay mark would open what it had closed.
pub struct Memory {
    clock: Clock,
    limits: Limits,
    shelf: Mutex<Shelf>,
}

/// How much a [`Memory`] holds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most keys at once.
    pub entries: usize,
    /// The most bytes at once, keys and values together.
    pub bytes: usize,
}

impl Default for Limits {
    /// 100 000 entries, 64 MiB.
    fn default() -> Self {
        Self { entries: 100_000, bytes: 64 * 1024 * 1024 }
    }
}

impl Memory {
    /// An empty store that takes its time from `clock`.
    pub fn new(clock: Clock, limits: Limits) -> Self {
        Self { clock, limits, shelf: Mutex::default() }
    }

    /// The shelf without what has expired, and the time at which that was so.
    fn open(&self) -> (MutexGuard<'_, Shelf>, u64) {
        // Nothing can panic between two changes to the shelf, so a poisoned one is still whole.
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        shelf.forget_expired(now);
        (shelf, now)
    }
}

impl Store for Memory {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            check_key(key)?;
            Ok(self.open().0.entries.get(key).map(|entry| entry.value.clone()))
        })
    }

    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let (shelf, _) = self.open();
            let from_prefix = shelf.entries.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            Ok(from_prefix.map(|(key, _)| key).take_while(|key| key.starts_with(prefix)).take(most).cloned().collect())
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()> {
        Box::pin(async move {
            check_key(key)?;
            check_value(value)?;
            let (mut shelf, now) = self.open();
            shelf.put(key, value, expiry(now, ttl), now, self.limits)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            check_key(key)?;
            self.open().0.remove(key);
            Ok(())
        })
    }

    fn take<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            check_key(key)?;
            Ok(self.open().0.remove(key).map(|entry| entry.value))
        })
    }

    fn increment<'a>(&'a self, key: &'a str, by: u64, ttl: Option<Duration>) -> Answer<'a, u64> {
        Box::pin(async move {
            check_key(key)?;
            let (mut shelf, now) = self.open();
            let stored = shelf.entries.get(key);
            let sum = add(key, stored.map(|entry| entry.value.as_slice()), by)?;
            let expires_at = stored.map_or_else(|| expiry(now, ttl), |entry| entry.expires_at);
            shelf.put(key, sum.to_string().as_bytes(), expires_at, now, self.limits)?;
            Ok(sum)
        })
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a [u8]>,
        new: Option<&'a [u8]>,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            check_key(key)?;
            check_value(new.unwrap_or_default())?;
            let (mut shelf, now) = self.open();
            if shelf.entries.get(key).map(|entry| entry.value.as_slice()) != expected {
                return Ok(false);
            }
            match new {
                Some(value) => {
                    shelf.put(key, value, expiry(now, ttl), now, self.limits)?;
                }
                None => {
                    shelf.remove(key);
                }
            }
            Ok(true)
        })
    }
}

#[derive(Default)]
struct Shelf {
    entries: BTreeMap<String, Entry>,
    /// Every entry that will expire, soonest first, so that forgetting never searches.
    expiries: BTreeSet<(u64, String)>,
    bytes: usize,
}

struct Entry {
    value: Vec<u8>,
    expires_at: u64,
}

impl Shelf {
    /// Puts a value in place of what was there; without room for it, that stays.
    fn put(&mut self, key: &str, value: &[u8], expires_at: u64, now: u64, limits: Limits) -> Result<(), Failure> {
        let (entries, bytes) = match self.entries.get(key) {
            None => (self.entries.len(), self.bytes),
            Some(old) => (self.entries.len().saturating_sub(1), self.bytes.saturating_sub(key.len()).saturating_sub(old.value.len())),
        };
        let bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
        if entries >= limits.entries || bytes > limits.bytes {
            return Err(Failure::Full { entries: self.entries.len() });
        }
        self.remove(key);
        if expires_at <= now {
            return Ok(());
        }
        self.bytes = bytes;
        if expires_at != NEVER {
            self.expiries.insert((expires_at, key.to_owned()));
        }
        self.entries.insert(key.to_owned(), Entry { value: value.to_vec(), expires_at });
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.bytes = self.bytes.saturating_sub(key.len()).saturating_sub(entry.value.len());
        if entry.expires_at != NEVER {
            self.expiries.remove(&(entry.expires_at, key));
        }
        Some(entry)
    }

    fn forget_expired(&mut self, now: u64) {
        while let Some((_, key)) = self.expiries.first().filter(|(at, _)| *at <= now).cloned() {
            self.remove(&key);
        }
    }
}
