//! What has Vault lent us? Credentials that it made: renewed while they are used, replaced before they must end, given back when nobody needs them.
//!
//! What Vault makes is taken in by a task of its own, so that a credential which nobody waited for is found by the next who asks.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::OwnedMutexGuard;

use super::Wire;
use super::login::Session;
use super::server::{Answer, Question};
use super::{Secret, closed, object};
use crate::missing::Cause;
use crate::source::Fetched;
use crate::value::Value;

/// Leases by the path that was asked.
#[derive(Default)]
pub(super) struct Leases {
    places: Mutex<HashMap<Box<str>, Arc<Place>>>,
    /// Replaced, and not yet given back.
    retired: Mutex<Vec<SecretString>>,
}

#[derive(Default)]
struct Place {
    lease: Arc<tokio::sync::Mutex<Option<Lease>>>,
    /// The credential was refused where it was used.
    is_refused: AtomicBool,
}

/// A credential that was lent. Times are Unix milliseconds.
struct Lease {
    /// Whoever knows it may look at the lease and end it, so it is treated as a secret.
    id: SecretString,
    value: Value,
    version: Arc<str>,
    /// The token that it ends with.
    session: u64,
    /// Its life when it was new.
    full: Duration,
    ends: u64,
    is_renewable: bool,
}

#[derive(Deserialize)]
struct Extended {
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

impl Leases {
    /// What a path gives that may be lent.
    pub(super) async fn fetch(wire: &Arc<Wire>, path: &str) -> Result<Fetched, Cause> {
        let place = Arc::clone(wire.leases.places().entry(path.into()).or_default());
        let held = Arc::clone(&place.lease).lock_owned().await;
        let (wire, path): (_, Box<str>) = (Arc::clone(wire), path.into());
        let task = tokio::spawn(async move {
            let is_refused = place.is_refused.swap(false, Ordering::Relaxed);
            let outcome = wire.lent(&path, held, is_refused).await;
            if outcome.is_err() {
                place.is_refused.fetch_or(is_refused, Ordering::Relaxed);
            }
            outcome
        });
        task.await.unwrap_or_else(|_| Err(Cause::Unavailable { detail: "the question was given up".into() }))
    }

    /// The credential of this path was refused where it was used: it is not renewed.
    pub(super) fn refuse(&self, path: &str) {
        if let Some(place) = self.places().get(path) {
            place.is_refused.store(true, Ordering::Relaxed);
        }
    }

    /// Every lease there is, taken out of use.
    pub(super) async fn take_all(&self) -> Vec<SecretString> {
        let places: Vec<Arc<Place>> = self.places().drain().map(|(_, place)| place).collect();
        let mut ids = std::mem::take(&mut *self.retired());
        for place in places {
            ids.extend(place.lease.lock().await.take().map(|lease| lease.id));
        }
        ids
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retired(&self) -> MutexGuard<'_, Vec<SecretString>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    fn life_left(&self, now: u64) -> Duration {
        Duration::from_millis(self.ends.saturating_sub(now))
    }

    /// The value once more, good for no longer than lease and token are.
    fn fetched(&self, session: &Session, now: u64) -> Result<Fetched, Cause> {
        let left = self.life_left(now);
        let lifetime = session.life_left(now).map_or(left, |of_token| of_token.min(left));
        let value = Value::new(self.value.expose()).map_err(|_| Cause::NoMemory)?;
        Ok(Fetched { value, version: Some(Arc::clone(&self.version)), lifetime: Some(lifetime) })
    }
}

impl Wire {
    /// The lease there is with a longer life, or a new one in its place.
    async fn lent(self: &Arc<Self>, path: &str, mut held: OwnedMutexGuard<Option<Lease>>, is_refused: bool) -> Result<Fetched, Cause> {
        // Behind the lock: who closes waits for it, and takes what is there by then.
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        let session = self.login.session(self).await?;
        if let Some(lease) = held.as_mut().filter(|lease| !is_refused && lease.session == session.number)
            && self.extend(lease, &session).await?
        {
            return lease.fetched(&session, self.now());
        }
        let (answer, session) = self.ask(&Question::get(path)).await?;
        match self.lease_of(&answer.of_success()?, &session)? {
            Taken::Kept(fetched) => {
                if let Some(old) = held.take() {
                    self.retire(old);
                }
                Ok(fetched)
            }
            Taken::Lent(lease) => {
                let fetched = lease.fetched(&session, self.now());
                if let Some(old) = held.replace(lease) {
                    self.retire(old);
                }
                fetched
            }
        }
    }

    /// Whether the lease may go on being used. Not if less than half of its first life can be had: then its last end is near.
    async fn extend(&self, lease: &mut Lease, session: &Session) -> Result<bool, Cause> {
        let left = lease.life_left(self.now());
        if left.is_zero() {
            return Ok(false);
        }
        if !lease.is_renewable {
            return Ok(left >= lease.full / 2);
        }
        let increment = lease.full.as_secs().to_string();
        let question = Question::post("sys/leases/renew", &[("lease_id", lease.id.expose_secret()), ("increment", &increment)])?;
        let answer = match self.server.send(&question, Some(&session.token)).await?.of_success() {
            Ok(answer) => answer,
            Err(cause) if cause.is_transient() => return Err(cause),
            // The lease has ended, or we may not renew: ask for another.
            Err(_) => return Ok(false),
        };
        let Extended { lease_duration, renewable } = answer.read()?;
        let granted = Duration::from_secs(lease_duration);
        lease.ends = end_of(self.now(), granted);
        lease.is_renewable = renewable;
        Ok(granted >= lease.full / 2)
    }

    fn lease_of(&self, answer: &Answer, session: &Session) -> Result<Taken, Cause> {
        let secret: Secret<'_> = answer.read()?;
        let value = object(secret.data)?;
        let life = Duration::from_secs(secret.lease_duration);
        if secret.lease_id.is_empty() {
            // For KV 1 this is how soon its writer wants it to be read again.
            return Ok(Taken::Kept(Fetched { value, version: None, lifetime: (!life.is_zero()).then_some(life) }));
        }
        Ok(Taken::Lent(Lease {
            version: short_name(&secret.lease_id),
            id: SecretString::from(&*secret.lease_id),
            value,
            session: session.number,
            full: life,
            ends: end_of(self.now(), life),
            is_renewable: secret.renewable,
        }))
    }

    /// Gives a replaced lease back when calls under way have had their time.
    fn retire(self: &Arc<Self>, lease: Lease) {
        let mut retired = self.leases.retired();
        retired.push(lease.id);
        drop(retired);
        let wire = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(RETIREMENT).await;
            // The oldest: each waits as long as the others.
            let id = {
                let mut retired = wire.leases.retired();
                if retired.is_empty() { None } else { Some(retired.remove(0)) }
            };
            if let Some(id) = id
                && let Ok(session) = wire.login.session(&wire).await
            {
                wire.give_back(&id, &session).await;
            }
        });
    }

    /// Ends a lease. If that fails it ends by itself, a little later.
    pub(super) async fn give_back(&self, id: &SecretString, session: &Session) {
        let lease = short_name(id.expose_secret());
        let Ok(question) = Question::post("sys/leases/revoke", &[("lease_id", id.expose_secret())]) else { return };
        match self.server.send(&question, Some(&session.token)).await.and_then(Answer::of_success) {
            Ok(_) => tracing::debug!(%lease, "a lease was given back to Vault"),
            Err(cause) => tracing::info!(%lease, %cause, "a lease could not be given back to Vault; it ends by itself"),
        }
    }
}

/// What an answer holds.
enum Taken {
    /// Something that was written there.
    Kept(Fetched),
    /// Something that was made for us.
    Lent(Lease),
}

fn end_of(now: u64, life: Duration) -> u64 {
    now.saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX))
}

/// Tells leases apart in a log, where the id itself has no business.
fn short_name(id: &str) -> Arc<str> {
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    let mut name = String::from("lease-");
    for byte in hash.as_ref().iter().take(4) {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.into()
}

/// As long as the longest call that is usual (`timeouts.call`).
const RETIREMENT: Duration = Duration::from_secs(300);
