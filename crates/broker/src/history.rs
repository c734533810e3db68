//! When did a secret change last, before this process began too? The door's store keeps a keyed fingerprint of each value and the time at which it was found changed;
//! never the value, nor a hash that guesses could be tested against.

use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use serde::{Deserialize, Serialize};
use store::{Failure, Store};

use crate::reference::Reference;
use crate::source::Fetched;

/// What was seen of secrets, by the places where they lie.
pub struct History {
    store: Arc<dyn Store>,
    key: hmac::Key,
}

/// The last change that was seen of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSeen {
    /// Unix milliseconds of the fetch that found another value than before; `None`: it was never seen to change.
    pub changed_at: Option<u64>,
    /// What its place called the value.
    pub version: Option<Arc<str>>,
}

/// What the history knows of a value that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// It is another than the last one, which its place called so.
    Changed { version_before: Option<Arc<str>> },
    /// Nobody has seen a value of this place before.
    First,
    /// It was the last one too.
    Same { changed_at: Option<u64> },
}

/// The history of one place.
#[derive(Clone)]
pub(crate) struct PlaceHistory {
    history: Arc<History>,
    place: Box<str>,
}

/// As it stands in the store.
#[derive(Serialize, Deserialize)]
struct Entry {
    fingerprint: Box<str>,
    changed_at: Option<u64>,
    version: Option<Arc<str>>,
}

impl History {
    /// In this store, with a key that belongs to it and to nothing else.
    pub fn new(store: Arc<dyn Store>, key: &[u8; 32]) -> Self {
        Self { store, key: hmac::Key::new(HMAC_SHA256, key) }
    }

    /// What was seen last at the place of a reference.
    pub async fn last_seen(&self, reference: &Reference) -> Result<Option<LastSeen>, Failure> {
        let entry = self.entry(&self.name(&reference.place_name())).await?;
        Ok(entry.map(|Entry { changed_at, version, .. }| LastSeen { changed_at, version }))
    }

    pub(crate) fn of(self: &Arc<Self>, reference: &Reference) -> PlaceHistory {
        PlaceHistory { history: Arc::clone(self), place: reference.place_name().into() }
    }

    /// An entry that cannot be read says as little as none.
    async fn entry(&self, name: &str) -> Result<Option<Entry>, Failure> {
        Ok(self.store.get(name).await?.and_then(|entry| serde_json::from_slice(&entry).ok()))
    }

    fn name(&self, place: &str) -> String {
        format!("secret-changed/{}", self.fingerprint(&[b"place", place.as_bytes()]))
    }

    /// The place is part of it, so that one value at two places is not seen to be one.
    fn fingerprint(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // The length goes first, so that no two rows of parts run together.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
    }
}

impl PlaceHistory {
    /// Holds a value that was fetched against the last one, and keeps it as the last one from now on. `None`: the store does not say, and that is in the log.
    pub(crate) async fn take_in(&self, fetched: &Fetched, now: u64) -> Option<Past> {
        let outcome = self.compare(fetched, now).await;
        outcome.inspect_err(|error| tracing::warn!(%error, "the store does not tell when a secret has changed")).ok()
    }

    async fn compare(&self, fetched: &Fetched, now: u64) -> Result<Past, Failure> {
        let Self { history, place } = self;
        let name = history.name(place);
        let fingerprint = history.fingerprint(&[b"value", place.as_bytes(), fetched.value.expose().as_bytes()]);
        let (past, changed_at) = match history.entry(&name).await? {
            Some(Entry { fingerprint: known, changed_at, .. }) if *known == *fingerprint => return Ok(Past::Same { changed_at }),
            Some(Entry { version, .. }) => (Past::Changed { version_before: version }, Some(now)),
            None => (Past::First, None),
        };
        let entry = Entry { fingerprint: fingerprint.into(), changed_at, version: fetched.version.clone() };
        // There are as many as the operator has references, so none needs an end.
        history.store.put(&name, &serde_json::to_vec(&entry).unwrap_or_default(), None).await?;
        Ok(past)
    }
}

#[cfg(test)]
mod tests {
    use store::memory::{Limits, Memory};

    use super::*;

    fn history(store: &Arc<Memory>, key: u8) -> Arc<History> {
        Arc::new(History::new(Arc::clone(store) as Arc<dyn Store>, &[key; 32]))
    }

    async fn seen(history: &Arc<History>, reference: &str, value: &str, now: u64) -> Past {
        let fetched = Fetched { version: Some(format!("v{now}").into()), ..Fetched::plain(value).unwrap() };
        history.of(&reference.parse().unwrap()).take_in(&fetched, now).await.unwrap()
    }

    #[tokio::test]
    async fn a_change_is_dated_once_and_remembered() {
        let store = Arc::new(Memory::new(Arc::new(|| 0), Limits::default()));
        let reference = "file:///run/secret?ttl=5#password";
        assert_eq!(seen(&history(&store, 1), reference, "one", 10).await, Past::First);
        assert_eq!(seen(&history(&store, 1), reference, "one", 20).await, Past::Same { changed_at: None });
        assert_eq!(seen(&history(&store, 1), reference, "two", 30).await, Past::Changed { version_before: Some("v10".into()) });
        // Another spelling of the same place, in another process.
        assert_eq!(seen(&history(&store, 1), "file:///run/secret", "two", 40).await, Past::Same { changed_at: Some(30) });
        let last = history(&store, 1).last_seen(&reference.parse().unwrap()).await.unwrap();
        assert_eq!(last, Some(LastSeen { changed_at: Some(30), version: Some("v30".into()) }));
        assert_eq!(history(&store, 1).last_seen(&"file:///run/other".parse().unwrap()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn neither_value_nor_place_nor_a_plain_hash_is_in_the_store() {
        let store = Arc::new(Memory::new(Arc::new(|| 0), Limits::default()));
        let (first, second) = (history(&store, 1), history(&store, 2));
        let reference: Reference = "file:///run/secret".parse().unwrap();
        seen(&first, "file:///run/secret", "hunter2", 10).await;
        let name = first.name(&reference.place_name());
        let entry = String::from_utf8(store.get(&name).await.unwrap().unwrap()).unwrap();
        assert!(!entry.contains("hunter2") && !name.contains("run"), "{name} {entry}");
        assert_ne!(second.name(&reference.place_name()), name);
        let value = [&b"value"[..], b"file:///run/secret", b"hunter2"];
        assert_ne!(first.fingerprint(&value), second.fingerprint(&value));
        assert_ne!(first.fingerprint(&[b"value", b"elsewhere", b"hunter2"]), first.fingerprint(&value));
    }
}
