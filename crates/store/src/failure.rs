//! What can go wrong with a store?

use std::path::PathBuf;
use std::sync::Arc;

/// Why a store did not do what it was asked. Names keys, never values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Another process has the file open; one file serves one process.
    #[error("`{}` is in use by another process", path.display())]
    Busy {
        /// The store's file.
        path: PathBuf,
    },
    /// Others were quicker, again and again.
    #[error("the value under `{key}` changes too often to be changed")]
    Contended {
        /// The key of the value.
        key: String,
    },
    /// A count would pass [`i64::MAX`].
    #[error("the count under `{key}` would be too large")]
    CountTooLarge {
        /// The key of the count.
        key: String,
    },
    /// The file holds an entry that this program did not write.
    #[error("the entry under `{key}` is damaged")]
    Damaged {
        /// The key of the entry.
        key: String,
    },
    /// The database could not read or write.
    #[error("the store's database failed")]
    Database(#[source] Arc<redb::Error>),
    /// A key of no bytes.
    #[error("a key must not be empty")]
    EmptyKey,
    /// The server throws values away when it is full.
    #[error("the server would throw values away when it is full: `maxmemory-policy` is `{policy}`, and must be `noeviction`")]
    Evicts {
        /// Its policy.
        policy: Box<str>,
    },
    /// There is no room for another value, and nothing has expired.
    #[error("the store is full ({entries} entries)")]
    Full {
        /// How many entries it holds.
        entries: usize,
    },
    /// A key over [`KEY_BYTES`](crate::KEY_BYTES).
    #[error("a key of {bytes} bytes is too long (at most {})", crate::KEY_BYTES)]
    KeyTooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Counting was asked for where something else is stored.
    #[error("the value under `{key}` is not a count")]
    NotACount {
        /// The key of the value.
        key: String,
    },
    /// The file could not be opened or made.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The server does not do what it was asked.
    #[error("the store's server refused: {code}")]
    Refused {
        /// Its own word for the reason.
        code: Box<str>,
    },
    /// The work was given up: the program is stopping, or the database broke off.
    #[error("the store's work was broken off")]
    Stopped,
    /// The server did not answer in time; what it was asked may have been done nevertheless.
    #[error("the store's server does not answer")]
    TimedOut,
    /// There is no connection to the server.
    #[error("the store's server cannot be reached")]
    Unreachable(#[source] redis::RedisError),
    /// A value over [`VALUE_BYTES`](crate::VALUE_BYTES).
    #[error("a value of {bytes} bytes is too long (at most {})", crate::VALUE_BYTES)]
    ValueTooLong {
        /// Its length in bytes.
        bytes: usize,
    },
}

/// Wraps whichever of its many errors the database gave.
pub(crate) fn database(error: impl Into<redb::Error>) -> Failure {
    Failure::Database(Arc::new(error.into()))
}
