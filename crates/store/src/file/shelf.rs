//! How do values and their lifetimes lie in the file? In two tables, which change together.

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::failure::database;
use crate::{Failure, NEVER};

/// The two tables, open in one write transaction.
pub(super) struct Shelf<'t> {
    values: Table<'t, &'static str, &'static [u8]>,
    /// Every entry that will expire, soonest first, so that forgetting never searches.
    expiries: Table<'t, (u64, &'static str), ()>,
    is_changed: bool,
}

pub(super) struct Entry {
    pub(super) expires_at: u64,
    pub(super) value: Vec<u8>,
}

impl<'t> Shelf<'t> {
    /// Opens both tables, and makes them where they are missing.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self { values: transaction.open_table(VALUES)?, expiries: transaction.open_table(EXPIRIES)?, is_changed: false })
    }

    /// Whether there is anything to commit.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    pub(super) fn get(&self, key: &str, now: u64) -> Result<Option<Entry>, Failure> {
        let Some(stored) = self.values.get(key).map_err(database)? else { return Ok(None) };
        Ok(decode(key, stored.value())?.filter_living(now))
    }

    pub(super) fn put(&mut self, key: &str, value: &[u8], expires_at: u64, now: u64) -> Result<(), Failure> {
        self.remove(key)?;
        if expires_at <= now {
            return Ok(());
        }
        let mut stored = expires_at.to_be_bytes().to_vec();
        stored.extend_from_slice(value);
        self.is_changed = true;
        self.values.insert(key, stored.as_slice()).map_err(database)?;
        if expires_at != NEVER {
            self.expiries.insert((expires_at, key), ()).map_err(database)?;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &str) -> Result<(), Failure> {
        let Some(removed) = self.values.remove(key).map_err(database)? else { return Ok(()) };
        self.is_changed = true;
        // A damaged entry has no expiry to forget, and deleting or replacing it is the mend.
        if let Ok(Entry { expires_at, .. }) = decode(key, removed.value())
            && expires_at != NEVER
        {
            self.expiries.remove((expires_at, key)).map_err(database)?;
        }
        Ok(())
    }

    /// Deletes what has expired, at most so many entries, soonest first.
    pub(super) fn forget_expired(&mut self, most: usize, now: u64) -> Result<(), redb::Error> {
        for _ in 0..most {
            let (at, key) = match self.expiries.first()? {
                Some((soonest, _)) if soonest.value().0 <= now => (soonest.value().0, soonest.value().1.to_owned()),
                _ => break,
            };
            self.is_changed = true;
            self.values.remove(key.as_str())?;
            self.expiries.remove((at, key.as_str()))?;
        }
        Ok(())
    }
}

impl Entry {
    fn filter_living(self, now: u64) -> Option<Self> {
        (self.expires_at > now).then_some(self)
    }
}

/// The value under `key` as it was last committed.
pub(super) fn read(store: &Database, key: &str, now: u64) -> Result<Option<Vec<u8>>, Failure> {
    let transaction = store.begin_read().map_err(database)?;
    let values = transaction.open_table(VALUES).map_err(database)?;
    let Some(stored) = values.get(key).map_err(database)? else { return Ok(None) };
    Ok(decode(key, stored.value())?.filter_living(now).map(|entry| entry.value))
}

/// The keys under `prefix` as they were last committed: the first `most`.
pub(super) fn keys(store: &Database, prefix: &str, most: usize, now: u64) -> Result<Vec<String>, Failure> {
    let transaction = store.begin_read().map_err(database)?;
    let values = transaction.open_table(VALUES).map_err(database)?;
    let mut keys = Vec::new();
    for entry in values.range(prefix..).map_err(database)? {
        let (key, stored) = entry.map_err(database)?;
        if !key.value().starts_with(prefix) || keys.len() >= most {
            break;
        }
        if decode(key.value(), stored.value())?.filter_living(now).is_some() {
            keys.push(key.value().to_owned());
        }
    }
    Ok(keys)
}

/// An entry is its expiry (Unix milliseconds, eight bytes, big-endian) and then the value.
fn decode(key: &str, stored: &[u8]) -> Result<Entry, Failure> {
    let (expires_at, value) = stored.split_first_chunk().ok_or_else(|| Failure::Damaged { key: key.to_owned() })?;
    Ok(Entry { expires_at: u64::from_be_bytes(*expires_at), value: value.to_vec() })
}

pub(super) const VALUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("values");
pub(super) const EXPIRIES: TableDefinition<'static, (u64, &str), ()> = TableDefinition::new("expiries");
