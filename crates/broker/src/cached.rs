//! How long is a value kept, and who fetches it? At most its lifetime; one fetch for however many wait.
//!
//! The one who holds a reference's lock fetches; the others wait for the lock and find the value. A caller that goes away while it
//! fetches lets go of the lock, and the next fetches instead: nobody waits for somebody who has gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::missing::Missing;
use crate::reference::Reference;
use crate::source::{Fetching, Source};

/// Unix time in milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A source that remembers: a value for its `ttl`, or 60 seconds if the reference says nothing; a failure for one second, so that many
/// waiting calls do not ask one after the other in vain. Values are wiped when they go.
pub struct Cached<S> {
    source: S,
    clock: Clock,
    slots: Mutex<HashMap<Reference, Arc<Slot>>>,
}

type Slot = tokio::sync::Mutex<Option<Kept>>;

struct Kept {
    outcome: Result<SecretString, Missing>,
    since: u64,
    is_refused: bool,
}

impl<S: Source> Cached<S> {
    /// Remembers what `source` says.
    pub fn new(source: S, clock: Clock) -> Self {
        Self { source, clock, slots: Mutex::default() }
    }

    /// Has the next call fetch: for when the value was refused where it was used.
    pub async fn forget(&self, reference: &Reference) {
        if let Some(kept) = self.slot(reference).lock().await.as_mut() {
            kept.is_refused = true;
        }
    }

    async fn fetch_once(&self, reference: &Reference) -> Result<SecretString, Missing> {
        let slot = self.slot(reference);
        let mut slot = slot.lock().await;
        if let Some(kept) = slot.as_ref()
            && kept.is_fresh(reference, (self.clock)())
        {
            return kept.outcome.clone();
        }
        let outcome = self.source.fetch(reference).await;
        if let (Some(Kept { outcome: Ok(before), .. }), Ok(now)) = (slot.as_ref(), &outcome)
            && before.expose_secret() != now.expose_secret()
        {
            tracing::info!(%reference, "the credential has been rotated");
        }
        // Its age counts from now, not from when the fetch began: the source may have kept us waiting.
        *slot = Some(Kept { outcome: outcome.clone(), since: (self.clock)(), is_refused: false });
        outcome
    }

    fn slot(&self, reference: &Reference) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(reference) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(reference.clone()).or_default())
    }
}

impl<S: Source> Source for Cached<S> {
    fn fetch<'a>(&'a self, reference: &'a Reference) -> Fetching<'a> {
        Box::pin(self.fetch_once(reference))
    }
}

impl Kept {
    /// A clock that went back makes it stale: better one fetch too many than a value kept too long.
    fn is_fresh(&self, reference: &Reference, now: u64) -> bool {
        let lifetime = match self.outcome {
            Ok(_) => reference.ttl().unwrap_or(DEFAULT_LIFETIME),
            Err(_) => FAILURE_LIFETIME,
        };
        !self.is_refused && now.checked_sub(self.since).is_some_and(|age| u128::from(age) < lifetime.as_millis())
    }
}

const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
const FAILURE_LIFETIME: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
