//! What do replicas share? Values with a lifetime, taken once, counted, compared and swapped; sealed.
//!
//! [`Store`] is the small set of operations that everything which must outlive a process goes
//! through. [`memory::Memory`], [`file::File`] and [`redis::Redis`] are the back-ends, held to one conformance suite.
//! [`revocation::Revocations`] is what all replicas hear of at once: what was ended before its time.
//! Values that are secret are sealed first ([`seal::Sealer`]), so that a stolen store opens nothing.

mod failure;
pub mod file;
pub mod memory;
pub mod redis;
pub mod revocation;
pub mod seal;

#[cfg(test)]
mod conformance;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use failure::Failure;

/// Unix time in milliseconds, asked for whenever a lifetime is set or checked.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What every operation of a [`Store`] returns: a future, boxed so that the trait can be a `dyn`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// The longest key, in bytes.
pub const KEY_BYTES: usize = 512;

/// The longest value, in bytes.
pub const VALUE_BYTES: usize = 1024 * 1024;

/// Values under keys, each with an optional lifetime.
///
/// Every operation is atomic: two callers never both succeed in what only one of them may do.
/// A key is at most [`KEY_BYTES`] bytes and not empty, a value at most [`VALUE_BYTES`].
/// A `ttl` of `None` keeps the value until it is deleted; a `ttl` of zero stores nothing.
/// A value whose lifetime has passed is never seen again, whether or not it still takes up room.
///
/// Dropping a returned future before it is ready leaves the operation either done or not done,
/// never half done.
pub trait Store: Send + Sync {
    /// Whether other processes read and write the same values.
    fn is_shared(&self) -> bool {
        false
    }

    /// The value under `key`, if there is one that still lives.
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>>;

    /// The keys that begin with `prefix` and have a value that lives: the first `most` in their order.
    ///
    /// For people who look at what there is: it reads through all of them.
    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>>;

    /// Puts `value` under `key`, in place of what was there.
    fn put<'a>(&'a self, key: &'a str, value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()>;

    /// Removes the value under `key`; that there was none is no failure.
    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()>;

    /// Removes the value under `key` and returns it: of many callers at once, one gets it.
    fn take<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>>;

    /// Adds `by` to the count under `key` and returns the sum.
    ///
    /// An absent count begins at zero. `ttl` runs from the addition that began the count; later
    /// ones do not prolong it. The count is kept as decimal text, at most [`i64::MAX`].
    fn increment<'a>(&'a self, key: &'a str, by: u64, ttl: Option<Duration>) -> Answer<'a, u64>;

    /// Replaces the value under `key` by `new` if it is `expected`, and says whether it did.
    ///
    /// `expected` of `None` means that there must be no value; `new` of `None` deletes.
    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a [u8]>,
        new: Option<&'a [u8]>,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool>;
}

/// Refuses keys that a back-end could not keep.
fn check_key(key: &str) -> Result<(), Failure> {
    match key.len() {
        0 => Err(Failure::EmptyKey),
        bytes if bytes > KEY_BYTES => Err(Failure::KeyTooLong { bytes }),
        _ => Ok(()),
    }
}

/// Refuses values that a back-end could not keep.
fn check_value(value: &[u8]) -> Result<(), Failure> {
    match value.len() {
        bytes if bytes > VALUE_BYTES => Err(Failure::ValueTooLong { bytes }),
        _ => Ok(()),
    }
}

/// The moment, in Unix milliseconds, at which a value stored at `now` stops living.
fn expiry(now: u64, ttl: Option<Duration>) -> u64 {
    match ttl {
        None => NEVER,
        Some(ttl) => now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(NEVER)),
    }
}

/// The sum of a stored count and `by`; `None` where no count was stored.
fn add(key: &str, stored: Option<&[u8]>, by: u64) -> Result<u64, Failure> {
    let count = match stored {
        None => 0,
        Some(text) => count(text).ok_or_else(|| Failure::NotACount { key: key.to_owned() })?,
    };
    count.checked_add(by).filter(|sum| is_countable(*sum)).ok_or_else(|| Failure::CountTooLarge { key: key.to_owned() })
}

/// A count is written in one way only: `007` is none, nor is `+7`.
fn count(text: &[u8]) -> Option<u64> {
    let count = std::str::from_utf8(text).ok()?.parse().ok().filter(|count| is_countable(*count))?;
    (count.to_string().as_bytes() == text).then_some(count)
}

/// Redis counts in signed 64-bit numbers; every back-end keeps to what all can hold.
fn is_countable(count: u64) -> bool {
    i64::try_from(count).is_ok()
}

/// The expiry of a value without a lifetime.
const NEVER: u64 = u64::MAX;
