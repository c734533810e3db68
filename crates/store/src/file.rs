//! How does one door keep values on disk? In a single redb file that only it may open.

use std::fs::{DirBuilder, File as SystemFile, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition};

use crate::failure::database;
use crate::{Answer, Clock, Failure, NEVER, Store, add, check_key, check_value, expiry};

#[cfg(test)]
mod tests;

/// A store in one file, for one process.
///
/// Every write is on disk before its future is ready. The file and a folder made for it can be read
/// by their owner only. Needs a tokio runtime: the blocking work runs on its blocking threads.
pub struct File {
    clock: Clock,
    database: Arc<Database>,
}

impl File {
    /// Opens the file at `path`, or makes it; takes its time from `clock`.
    ///
    /// Blocks: call it before the runtime is busy. Fails with [`Failure::Busy`] while another
    /// process, or another `File` in this one, has it open.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, Failure> {
        let unopened = |source| Failure::Open { path: path.to_owned(), source };
        let file = open_private(path).map_err(unopened)?;
        let opened = Builder::new().set_cache_size(CACHE_BYTES).create_file(file);
        let store = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Failure::Busy { path: path.to_owned() },
            DatabaseError::Storage(StorageError::Io(source)) => unopened(source),
            other => database(other),
        })?;
        // Both tables exist from the first moment on, so that a reader never finds them missing.
        let transaction = store.begin_write().map_err(database)?;
        transaction.open_table(VALUES).map_err(database)?;
        transaction.open_table(EXPIRIES).map_err(database)?;
        transaction.commit().map_err(database)?;
        Ok(Self { clock, database: Arc::new(store) })
    }

    fn read(&self, key: &str) -> Answer<'_, Option<Vec<u8>>> {
        let key = key.to_owned();
        self.run(move |database, now| {
            check_key(&key)?;
            read(database, &key, now)
        })
    }

    /// Runs `change` in one transaction, committed if it succeeds and undone if it fails.
    fn write<T: Send + 'static>(
        &self,
        key: &str,
        change: impl FnOnce(&mut Shelf<'_>, &str, u64) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        let key = key.to_owned();
        self.run(move |store, now| {
            check_key(&key)?;
            let transaction = store.begin_write().map_err(database)?;
            let outcome = {
                let mut shelf = Shelf {
                    values: transaction.open_table(VALUES).map_err(database)?,
                    expiries: transaction.open_table(EXPIRIES).map_err(database)?,
                };
                shelf.forget_expired(now)?;
                change(&mut shelf, &key, now)?
            };
            transaction.commit().map_err(database)?;
            Ok(outcome)
        })
    }

    fn run<T: Send + 'static>(&self, work: impl FnOnce(&Database, u64) -> Result<T, Failure> + Send + 'static) -> Answer<'_, T> {
        Box::pin(async move {
            let (database, clock) = (Arc::clone(&self.database), Arc::clone(&self.clock));
            tokio::task::spawn_blocking(move || work(&database, clock())).await.map_err(|_| Failure::Stopped)?
        })
    }
}

impl Store for File {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.read(key)
    }

    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>> {
        let prefix = prefix.to_owned();
        self.run(move |database, now| keys(database, &prefix, most, now))
    }

    fn put<'a>(&'a self, key: &'a str, value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()> {
        let value = value.to_vec();
        self.write(key, move |shelf, key, now| {
            check_value(&value)?;
            shelf.put(key, &value, expiry(now, ttl), now)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        self.write(key, |shelf, key, _| shelf.remove(key))
    }

    fn take<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.write(key, |shelf, key, now| {
            let entry = shelf.get(key, now)?;
            shelf.remove(key)?;
            Ok(entry.map(|entry| entry.value))
        })
    }

    fn increment<'a>(&'a self, key: &'a str, by: u64, ttl: Option<Duration>) -> Answer<'a, u64> {
        self.write(key, move |shelf, key, now| {
            let stored = shelf.get(key, now)?;
            let sum = add(key, stored.as_ref().map(|entry| entry.value.as_slice()), by)?;
            let expires_at = stored.map_or_else(|| expiry(now, ttl), |entry| entry.expires_at);
            shelf.put(key, sum.to_string().as_bytes(), expires_at, now)?;
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
        let (expected, new) = (expected.map(<[u8]>::to_vec), new.map(<[u8]>::to_vec));
        self.write(key, move |shelf, key, now| {
            check_value(new.as_deref().unwrap_or_default())?;
            if shelf.get(key, now)?.map(|entry| entry.value) != expected {
                return Ok(false);
            }
            match new {
                Some(value) => shelf.put(key, &value, expiry(now, ttl), now)?,
                None => shelf.remove(key)?,
            }
            Ok(true)
        })
    }
}

/// The two tables, open in one write transaction.
struct Shelf<'t> {
    values: Table<'t, &'static str, &'static [u8]>,
    /// Every entry that will expire, soonest first, so that forgetting never searches.
    expiries: Table<'t, (u64, &'static str), ()>,
}

struct Entry {
    expires_at: u64,
    value: Vec<u8>,
}

impl Shelf<'_> {
    fn get(&self, key: &str, now: u64) -> Result<Option<Entry>, Failure> {
        let Some(stored) = self.values.get(key).map_err(database)? else { return Ok(None) };
        Ok(decode(key, stored.value())?.filter_living(now))
    }

    fn put(&mut self, key: &str, value: &[u8], expires_at: u64, now: u64) -> Result<(), Failure> {
        self.remove(key)?;
        if expires_at <= now {
            return Ok(());
        }
        let mut stored = expires_at.to_be_bytes().to_vec();
        stored.extend_from_slice(value);
        self.values.insert(key, stored.as_slice()).map_err(database)?;
        if expires_at != NEVER {
            self.expiries.insert((expires_at, key), ()).map_err(database)?;
        }
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Result<(), Failure> {
        let Some(removed) = self.values.remove(key).map_err(database)? else { return Ok(()) };
        // A damaged entry has no expiry to forget, and deleting or replacing it is the mend.
        if let Ok(Entry { expires_at, .. }) = decode(key, removed.value())
            && expires_at != NEVER
        {
            self.expiries.remove((expires_at, key)).map_err(database)?;
        }
        Ok(())
    }

    /// Deletes what has expired, a little with every write, so that no single one pays for all.
    fn forget_expired(&mut self, now: u64) -> Result<(), Failure> {
        for _ in 0..FORGOTTEN_PER_WRITE {
            let (at, key) = match self.expiries.first().map_err(database)? {
                Some((soonest, _)) if soonest.value().0 <= now => (soonest.value().0, soonest.value().1.to_owned()),
                _ => break,
            };
            self.values.remove(key.as_str()).map_err(database)?;
            self.expiries.remove((at, key.as_str())).map_err(database)?;
        }
        Ok(())
    }
}

impl Entry {
    fn filter_living(self, now: u64) -> Option<Self> {
        (self.expires_at > now).then_some(self)
    }
}

fn read(store: &Database, key: &str, now: u64) -> Result<Option<Vec<u8>>, Failure> {
    let transaction = store.begin_read().map_err(database)?;
    let values = transaction.open_table(VALUES).map_err(database)?;
    let Some(stored) = values.get(key).map_err(database)? else { return Ok(None) };
    Ok(decode(key, stored.value())?.filter_living(now).map(|entry| entry.value))
}

fn keys(store: &Database, prefix: &str, most: usize, now: u64) -> Result<Vec<String>, Failure> {
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

/// Opens or makes a file, and the folder for it, that nobody but the owner can read.
fn open_private(path: &Path) -> io::Result<SystemFile> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    // A file from elsewhere (a backup put back, say) may be more open than one we made.
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

const VALUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("values");
const EXPIRIES: TableDefinition<'static, (u64, &str), ()> = TableDefinition::new("expiries");

/// What the database may keep in memory; its own default is a gibibyte.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// How many expired entries one write deletes at most.
const FORGOTTEN_PER_WRITE: usize = 64;
