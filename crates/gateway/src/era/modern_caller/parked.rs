//! Which calls wait for a person? Each under a key that only its caller's `requestState` holds; so many for each caller, and none for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::work::Asker;
use crate::era::agent::Agent;
use crate::era::outward::Told;
use crate::metrics::Metrics;
use crate::principal::PrincipalKey;

/// The calls of one server that wait.
pub(crate) struct Parked {
    calls: Mutex<HashMap<String, Waiting>>,
    per_caller: usize,
    metrics: Arc<Metrics>,
}

struct Waiting {
    owner: PrincipalKey,
    resume: oneshot::Sender<Answers>,
}

/// What a caller brings when they ask again.
pub(super) struct Answers {
    /// `inputResponses` as written.
    pub(super) responses: String,
    pub(super) asker: Asker,
    pub(super) teller: mpsc::Sender<Told>,
    pub(super) agent: Agent,
}

/// The place of a call that waits; given up when dropped.
pub(super) struct Place<'p> {
    among: &'p Parked,
    pub(super) key: String,
    pub(super) answers: oneshot::Receiver<Answers>,
}

impl Parked {
    pub(crate) fn new(per_caller: usize, metrics: Arc<Metrics>) -> Self {
        Self { calls: Mutex::default(), per_caller, metrics }
    }

    /// A place for one more call; `None` when this caller has too many.
    pub(super) fn park(&self, owner: &PrincipalKey) -> Option<Place<'_>> {
        let key = fresh_key()?;
        let (resume, answers) = oneshot::channel();
        let mut calls = self.calls();
        if calls.values().filter(|waiting| waiting.owner == *owner).count() >= self.per_caller {
            return None;
        }
        calls.insert(key.clone(), Waiting { owner: owner.clone(), resume });
        self.metrics.parked_calls.inc();
        Some(Place { among: self, key, answers })
    }

    /// Hands a call the answers that it waits for; `false` when there is no such call of theirs.
    pub(super) fn resume(&self, owner: &PrincipalKey, key: &str, answers: Answers) -> bool {
        let waiting = {
            let mut calls = self.calls();
            if calls.get(key).is_none_or(|waiting| waiting.owner != *owner) {
                return false;
            }
            calls.remove(key)
        };
        waiting.is_some_and(|waiting| waiting.resume.send(answers).is_ok())
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.among.calls().remove(&self.key);
        self.among.metrics.parked_calls.dec();
    }
}

/// 128 random bits.
fn fresh_key() -> Option<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}
