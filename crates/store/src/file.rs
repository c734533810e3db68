//! How does one door keep values on disk? In a single redb file that only it may open.

use std::fs::{DirBuilder, File as SystemFile, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::{Builder, Database, DatabaseError, StorageError};

use self::shelf::Shelf;
use self::writer::Writer;
use crate::failure::database;
use crate::{Answer, Clock, Failure, Store, add, check_key, check_value, expiry};

mod shelf;
#[cfg(test)]
mod tests;
mod writer;

/// A store in one file, for one process.
///
/// Every write is on disk before its future is ready; those that come at once share the trip there. The
/// file and a folder made for it can be read by their owner only. Dropping it waits for the writes
/// that were begun.
pub struct File {
    clock: Clock,
    database: Arc<Database>,
    writer: Writer,
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
        drop(Shelf::open(&transaction).map_err(database)?);
        transaction.commit().map_err(database)?;
        let database = Arc::new(store);
        let writer = Writer::start(Arc::clone(&database), Arc::clone(&clock)).map_err(unopened)?;
        Ok(Self { clock, database, writer })
    }

    fn write<'a, T: Send + 'static>(
        &'a self,
        key: &'a str,
        change: impl FnOnce(&mut Shelf<'_>, &str, u64) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(self.writer.write(key, change))
    }
}

impl Store for File {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        // Here and now, not on a thread that may block: the page is in memory but for the first time, and to hand the question
        // over and back costs ten times as much as to answer it. Readers do not wait for the writer.
        Box::pin(async move {
            check_key(key)?;
            shelf::read(&self.database, key, (self.clock)())
        })
    }

    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let (database, now, prefix) = (Arc::clone(&self.database), (self.clock)(), prefix.to_owned());
            // This may read the whole file.
            let listing = tokio::task::spawn_blocking(move || shelf::keys(&database, &prefix, most, now));
            listing.await.map_err(|_| Failure::Stopped)?
        })
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

/// What the database may keep in memory; its own default is a gibibyte.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
