//! Where are the grants kept? In the store that all replicas share, each sealed with a key that is derived for its person, so that a stolen store opens nothing, and
//! one person's entry put in another's place opens nothing either.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use store::Store;
use store::seal::{CannotSeal, InstanceKey, NotOurs, Sealer};
use thiserror::Error;

use super::{Grant, Person, Place};
use crate::slot::Clock;

/// All grants of all people.
pub struct Book {
    store: Arc<dyn Store>,
    key: InstanceKey,
    /// Seals what is said about a grant, and may be read by whoever looks after all of them.
    about: Sealer,
    clock: Clock,
}

/// What is known about a grant, without anything of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The server behind the door.
    pub server: String,
    /// The client, the authorization server that knows it, and where the server behind the door is.
    pub authority: String,
    /// Who vouches for the person.
    pub issuer: String,
    /// The person.
    pub subject: String,
    /// What was granted, where the authorization server said so.
    pub scopes: Option<String>,
    /// Unix milliseconds at which the person gave it.
    pub connected_at: u64,
    /// Unix milliseconds of the last renewal.
    pub renewed_at: u64,
    /// Unix milliseconds of the access token's end, if it has one.
    pub token_ends_at: Option<u64>,
    /// Whether it renews itself.
    pub is_renewable: bool,
}

/// Why the book cannot be read or written.
#[derive(Debug, Error)]
pub enum BookFailure {
    /// The store fails.
    #[error("the store does not answer")]
    Store(#[from] store::Failure),
    /// Nothing can be sealed.
    #[error(transparent)]
    Seal(#[from] CannotSeal),
    /// Somebody else holds on to the grant.
    #[error("another process has held this grant for over {} s", .0.as_secs())]
    Held(Duration),
}

/// A grant as it was found: its very bytes say later whether it is still the same.
pub(super) struct Kept {
    pub(super) grant: Grant,
    pub(super) connected_at: u64,
    stored: Vec<u8>,
}

/// That nobody else changes a grant; to be given back.
pub(super) struct Lock {
    key: String,
    mine: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    about: String,
    grant: String,
}

impl Book {
    /// The book in this store.
    pub fn new(store: Arc<dyn Store>, instance: &InstanceKey, clock: Clock) -> Result<Self, CannotSeal> {
        let key = InstanceKey::from_bytes(&instance.derive("connections", ""));
        Ok(Self { about: Sealer::new(&key, "about")?, store, key, clock })
    }

    /// Every connection that this instance's key opens.
    pub async fn list(&self) -> Result<Vec<Connection>, BookFailure> {
        let mut found = Vec::new();
        for key in self.store.keys(ENTRIES, MOST).await? {
            // What ended since the names were read is left out.
            let Some(stored) = self.store.get(&key).await? else { continue };
            match self.about(&key, &stored) {
                Ok((connection, _)) => found.push(connection),
                Err(NotOurs) => say_unreadable(),
            }
        }
        found.sort_by(|a, b| (&a.server, &a.issuer, &a.subject).cmp(&(&b.server, &b.issuer, &b.subject)));
        Ok(found)
    }

    /// Forgets a connection of a server that is no longer there to take it back; whether there was one.
    pub async fn forget(&self, connection: &Connection) -> Result<bool, BookFailure> {
        let person = Person { issuer: connection.issuer.as_str().into(), subject: connection.subject.as_str().into() };
        let place = Place { server: connection.server.as_str().into(), authority: connection.authority.as_str().into(), person };
        Ok(self.store.take(&key_of(&place)).await?.is_some())
    }

    pub(super) async fn find(&self, place: &Place) -> Result<Option<Kept>, BookFailure> {
        let key = key_of(place);
        let Some(stored) = self.store.get(&key).await? else { return Ok(None) };
        let sealer = self.sealer(&place.person)?;
        let opened = self.about(&key, &stored).and_then(|(about, entry)| {
            let grant = sealer.open(&entry.grant, key.as_bytes())?;
            Ok((about, Grant::from_bytes(&grant).ok_or(NotOurs)?))
        });
        let Ok((about, grant)) = opened else {
            // Nobody can use it any more; the person connects anew, over it.
            say_unreadable();
            return Ok(None);
        };
        Ok(Some(Kept { grant, connected_at: about.connected_at, stored }))
    }

    fn about(&self, key: &str, stored: &[u8]) -> Result<(Connection, Entry), NotOurs> {
        let entry: Entry = serde_json::from_slice(stored).map_err(|_| NotOurs)?;
        let about = self.about.open(&entry.about, key.as_bytes())?;
        Ok((serde_json::from_slice(&about).map_err(|_| NotOurs)?, entry))
    }

    pub(super) async fn put(&self, place: &Place, grant: &Grant) -> Result<(), BookFailure> {
        let entry = self.entry(place, grant, (self.clock)())?;
        Ok(self.store.put(&key_of(place), &entry, None).await?)
    }

    /// Puts what a renewal gave in place of what it was renewed from; `false`: that is no longer there, for the person has taken it back.
    pub(super) async fn renew(&self, place: &Place, before: &Kept, grant: &Grant) -> Result<bool, BookFailure> {
        let entry = self.entry(place, grant, before.connected_at)?;
        Ok(self.store.compare_and_swap(&key_of(place), Some(&before.stored), Some(&entry), None).await?)
    }

    /// Removes this very grant, and none that came in its place.
    pub(super) async fn strike(&self, place: &Place, kept: &Kept) -> Result<(), BookFailure> {
        self.store.compare_and_swap(&key_of(place), Some(&kept.stored), None, None).await?;
        Ok(())
    }

    pub(super) async fn remove(&self, place: &Place) -> Result<(), BookFailure> {
        Ok(self.store.delete(&key_of(place)).await?)
    }

    /// Waits until nobody else, in whatever process, changes this grant. A holder that has ended without a word holds it for [`HELD_FOR`] at most.
    pub(super) async fn lock(&self, place: &Place) -> Result<Lock, BookFailure> {
        let mut name = [0; 16];
        rand::fill(&mut name).map_err(|_| CannotSeal)?;
        let lock = Lock { key: format!("{LOCKS}{}", name_of(place)), mine: URL_SAFE_NO_PAD.encode(name) };
        let taken = async {
            while !self.store.compare_and_swap(&lock.key, None, Some(lock.mine.as_bytes()), Some(HELD_FOR)).await? {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(())
        };
        tokio::time::timeout(HELD_FOR + PAUSE, taken).await.map_err(|_| BookFailure::Held(HELD_FOR))?.map(|()| lock)
    }

    pub(super) async fn unlock(&self, lock: Lock) {
        if let Err(error) = self.store.compare_and_swap(&lock.key, Some(lock.mine.as_bytes()), None, None).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(target: "connections", error, "a lock could not be given back; it ends by itself in {} s", HELD_FOR.as_secs());
        }
    }

    fn entry(&self, place: &Place, grant: &Grant, connected_at: u64) -> Result<Vec<u8>, BookFailure> {
        let key = key_of(place);
        let about = Connection {
            server: place.server.to_string(),
            authority: place.authority.to_string(),
            issuer: place.person.issuer.to_string(),
            subject: place.person.subject.to_string(),
            scopes: grant.scopes.clone(),
            connected_at,
            renewed_at: grant.given_at,
            token_ends_at: grant.ends_at,
            is_renewable: grant.refresh.is_some(),
        };
        let about = serde_json::to_vec(&about).map_err(|_| CannotSeal)?;
        let entry = Entry {
            about: self.about.seal(&about, key.as_bytes())?,
            grant: self.sealer(&place.person)?.seal(&grant.to_bytes(), key.as_bytes())?,
        };
        Ok(serde_json::to_vec(&entry).map_err(|_| CannotSeal)?)
    }

    fn sealer(&self, person: &Person) -> Result<Sealer, CannotSeal> {
        // Neither of the two holds a control character, so no two people are written alike.
        Sealer::of_owner(&self.key, "grant", &format!("{}\u{1f}{}", person.issuer, person.subject))
    }
}

fn say_unreadable() {
    tracing::warn!(target: "connections", "a connection was not sealed with this instance's key, or was changed since: it counts as none");
}

fn key_of(place: &Place) -> String {
    format!("{ENTRIES}{}", name_of(place))
}

/// The store's keys tell nobody who is connected to what.
fn name_of(place: &Place) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in [&*place.server, &*place.authority, &*place.person.issuer, &*place.person.subject] {
        // The length first, so that no two places write the same.
        context.update(&text.len().to_be_bytes());
        context.update(text.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

const ENTRIES: &str = "connection/";
const LOCKS: &str = "connection-lock/";
/// How many are listed at most.
const MOST: usize = 100_000;
/// Longer than all that is done under it may take: a login at a vault, one request of at most 30 s, and keeping what it gave.
const HELD_FOR: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);
