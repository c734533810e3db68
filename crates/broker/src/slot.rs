//! How is one credential kept? Fetched once for however many wait, fetched again before it is too old, and used a little longer while its place is away.
//!
//! A fetch is a task of its own: whoever waits may go away without harm, and what a place has given is never lost between its answer and here.

mod keeper;
mod kept;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use policy::quota::Bucket;
use tokio::sync::{Notify, watch};

pub(crate) use self::kept::Kept;
use self::kept::State;
use crate::history::{Past, PlaceHistory};
use crate::missing::{Cause, Missing};
use crate::observer::{Observer, Rotation};
use crate::source::{Fetched, Source};

/// Unix time in milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// For how long values are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// How long before its end a value is fetched again, at most; and never more than a tenth of its life.
    pub early: Duration,
    /// For how long beyond its end a value is used while its place is away. A place that says no ends it at once.
    pub grace: Duration,
}

impl Default for Habits {
    fn default() -> Self {
        Self { early: Duration::from_secs(300), grace: Duration::from_secs(300) }
    }
}

/// What all slots share.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Clock,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) habits: Habits,
}

/// One credential.
pub(crate) struct Slot {
    name: Arc<str>,
    source: Box<dyn Source>,
    around: Surroundings,
    kept: ArcSwapOption<Kept>,
    flight: Mutex<Flight>,
    /// Counts the values; whoever must act on a new one listens here.
    changes: watch::Sender<u64>,
    /// The shortest lifetime that a listener asked for, in milliseconds.
    watched_age: AtomicU64,
    is_kept_watch: Mutex<bool>,
    poke: Notify,
    refusals: Bucket,
    history: Option<PlaceHistory>,
}

/// The fetch under way, and what came of the last.
#[derive(Default)]
struct Flight {
    running: Option<watch::Receiver<Landed>>,
    failure: Option<Failed>,
}

/// `None` while the fetch is under way.
type Landed = Option<Result<Arc<Kept>, Missing>>;

struct Failed {
    missing: Missing,
    /// Unix milliseconds.
    at: u64,
    in_a_row: u32,
    wait: Duration,
}

/// What a caller who needs a fetch is told.
enum Boarding {
    Aboard(watch::Receiver<Landed>),
    /// A fetch has landed since the caller looked.
    Landed(Arc<Kept>),
    /// The last fetch failed too short a time ago.
    TooEarly(Missing),
}

impl Slot {
    pub(crate) fn new(name: Arc<str>, source: Box<dyn Source>, around: Surroundings) -> Self {
        Self {
            name,
            source,
            around,
            kept: ArcSwapOption::empty(),
            flight: Mutex::default(),
            changes: watch::Sender::new(0),
            watched_age: AtomicU64::new(u64::MAX),
            is_kept_watch: Mutex::default(),
            poke: Notify::new(),
            refusals: Bucket::default(),
            history: None,
        }
    }

    /// The same with the memory of what was seen before this process began.
    pub(crate) fn remembering(self, history: Option<PlaceHistory>) -> Self {
        Self { history, ..self }
    }

    /// What is kept now, whatever its age.
    pub(crate) fn kept(&self) -> Option<Arc<Kept>> {
        self.kept.load_full()
    }

    /// Why the last fetch gave nothing, if it did not.
    pub(crate) fn missing(&self) -> Option<Missing> {
        self.flight().failure.as_ref().map(|failure| failure.missing.clone())
    }

    /// The value, not older than `max_age`; a little older while its place is away.
    pub(crate) async fn value(self: &Arc<Self>, max_age: Duration) -> Result<Arc<Kept>, Missing> {
        let now = self.now();
        let seen = self.kept.load_full();
        if let Some(kept) = seen.clone() {
            match kept.state(now, max_age, self.around.habits.early) {
                State::Fresh => {
                    self.around.observer.used(&self.name);
                    return Ok(kept);
                }
                State::Ripe => {
                    let _in_the_background = self.board(now, seen.as_ref());
                    self.around.observer.used(&self.name);
                    return Ok(kept);
                }
                State::Over => {}
            }
        }
        self.fetched(now, max_age, seen.as_ref()).await
    }

    /// For how long what is kept may still be used by somebody who was given it, the time that its place may be away included.
    pub(crate) fn good_for(&self, max_age: Duration) -> Duration {
        let grace = match self.missing() {
            Some(missing) if !missing.cause.is_transient() => Duration::ZERO,
            _ => self.around.habits.grace,
        };
        self.kept.load().as_ref().map_or(Duration::ZERO, |kept| kept.good_for(self.now(), max_age + grace))
    }

    /// Fetches now, whatever is kept. Joins no fetch that began before.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<Arc<Kept>, Missing> {
        let under_way = self.flight().running.clone();
        if let Some(landing) = under_way {
            let _outcome = self.landed(landing).await;
        }
        let seen = self.kept.load_full();
        self.flight().failure = None;
        match self.board(self.now(), seen.as_ref()) {
            Boarding::Aboard(landing) => self.landed(landing).await,
            Boarding::Landed(kept) => Ok(kept),
            Boarding::TooEarly(missing) => Err(missing),
        }
    }

    /// Has the next use fetch anew, because the value of this generation was refused where it was used. Ten times a minute at most: a place that refuses
    /// everything must not make us ask the vault for each call.
    pub(crate) fn refuse(&self, generation: u64) {
        let Some(kept) = self.kept.load_full().filter(|kept| kept.generation == generation) else { return };
        let rate = policy::quota::Rate::per_minute(REFUSALS_PER_MINUTE);
        if self.refusals.spend(rate, self.now().saturating_mul(1_000_000)).is_ok() {
            kept.refuse();
            self.source.refuse();
        }
    }

    /// Has the next fetch not wait for its time after a failure, because what made the last one fail may be over.
    pub(crate) fn hurry(&self) {
        if let Some(failure) = &mut self.flight().failure {
            failure.wait = Duration::ZERO;
        }
    }

    async fn fetched(self: &Arc<Self>, now: u64, max_age: Duration, seen: Option<&Arc<Kept>>) -> Result<Arc<Kept>, Missing> {
        let known = self.missing();
        match (known.and_then(|missing| self.in_grace(&missing, now, max_age)), self.board(now, seen)) {
            // The place is known to be away: nobody waits for it to be found away once more.
            (Some(kept), _) | (None, Boarding::Landed(kept)) => Ok(kept),
            (None, Boarding::TooEarly(missing)) => Err(missing),
            (None, Boarding::Aboard(landing)) => {
                self.landed(landing).await.or_else(|missing| self.in_grace(&missing, now, max_age).ok_or(missing))
            }
        }
    }

    fn in_grace(&self, missing: &Missing, now: u64, max_age: Duration) -> Option<Arc<Kept>> {
        if !missing.cause.is_transient() {
            return None;
        }
        let kept = self.kept.load_full().filter(|kept| kept.is_usable(now, max_age + self.around.habits.grace))?;
        self.around.observer.used_in_grace(&self.name);
        Some(kept)
    }

    /// Joins the fetch under way, or begins one for a caller who has seen what was kept. Fetches land under the same lock, so that none is missed between the two.
    fn board(self: &Arc<Self>, now: u64, seen: Option<&Arc<Kept>>) -> Boarding {
        let mut flight = self.flight();
        if let Some(kept) = self.kept.load_full().filter(|kept| seen.is_none_or(|seen| !Arc::ptr_eq(seen, kept))) {
            return Boarding::Landed(kept);
        }
        // A fetch whose task has ended without a word leaves a closed channel.
        if let Some(landing) = flight.running.as_ref().filter(|landing| landing.has_changed().is_ok()) {
            return Boarding::Aboard(landing.clone());
        }
        if let Some(failure) = &flight.failure
            && !failure.wait_left(now).is_zero()
        {
            return Boarding::TooEarly(failure.missing.clone());
        }
        let (land, landing) = watch::channel(None);
        flight.running = Some(landing.clone());
        tokio::spawn(Arc::clone(self).fly(land));
        Boarding::Aboard(landing)
    }

    async fn fly(self: Arc<Self>, land: watch::Sender<Landed>) {
        let fetched = self.source.fetch().await;
        let past = match &fetched {
            Ok(fetched) => self.past_of(fetched).await,
            Err(_) => None,
        };
        let outcome = self.land(fetched, past.as_ref());
        land.send_replace(Some(outcome));
        self.poke.notify_one();
    }

    /// What the history says of a value that is not the one that is kept already.
    async fn past_of(&self, fetched: &Fetched) -> Option<Past> {
        let history = self.history.as_ref()?;
        let is_known = self.kept().is_some_and(|kept| *kept.value == fetched.value);
        if is_known { None } else { history.take_in(fetched, self.now()).await }
    }

    fn land(&self, fetched: Result<Fetched, Cause>, past: Option<&Past>) -> Result<Arc<Kept>, Missing> {
        // Its age counts from now, not from when the fetch began: the place may have kept us waiting.
        let now = self.now();
        let mut flight = self.flight();
        flight.running = None;
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(cause) => {
                let missing = Missing { credential: Arc::clone(&self.name), cause };
                let in_a_row = flight.failure.as_ref().map_or(0, |failure| failure.in_a_row).saturating_add(1);
                flight.failure = Some(Failed { missing: missing.clone(), at: now, in_a_row, wait: backoff(in_a_row) });
                drop(flight);
                self.around.observer.missing(&missing, in_a_row);
                return Err(missing);
            }
        };
        let was_missing = flight.failure.take().is_some();
        let before = self.kept.load_full();
        let is_same = before.as_ref().is_some_and(|before| *before.value == fetched.value);
        let generation = before.as_ref().map_or(1, |before| before.generation + u64::from(!is_same));
        let changed_at = match (&before, past) {
            (Some(before), _) if is_same => before.changed_at,
            (_, Some(Past::Same { changed_at })) => *changed_at,
            (Some(_), _) | (None, Some(Past::Changed { .. })) => Some(now),
            (None, Some(Past::First) | None) => None,
        };
        let kept = Arc::new(Kept::new(fetched, generation, changed_at, now));
        self.kept.store(Some(Arc::clone(&kept)));
        drop(flight);
        self.around.observer.fetched(&self.name);
        if was_missing {
            self.around.observer.recovered(&self.name);
        }
        let version_before = match (&before, past) {
            (Some(before), _) if !is_same => Some(before.version.as_deref()),
            // It changed while nobody was here to see it.
            (None, Some(Past::Changed { version_before })) => Some(version_before.as_deref()),
            _ => None,
        };
        if let Some(version_before) = version_before {
            let version = kept.version.as_deref();
            self.around.observer.rotated(&Rotation { credential: &self.name, version_before, version });
            self.changes.send_replace(generation);
        }
        Ok(kept)
    }

    async fn landed(&self, mut landing: watch::Receiver<Landed>) -> Result<Arc<Kept>, Missing> {
        let outcome = match landing.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        let detail = || "the fetch was given up".into();
        outcome.unwrap_or_else(|| Err(Missing { credential: Arc::clone(&self.name), cause: Cause::Unavailable { detail: detail() } }))
    }

    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        (self.around.clock)()
    }
}

impl Failed {
    /// A clock that went back lets the next try begin.
    fn wait_left(&self, now: u64) -> Duration {
        let passed = now.checked_sub(self.at).map_or(Duration::MAX, Duration::from_millis);
        self.wait.saturating_sub(passed)
    }
}

/// One second after the first failure, twice as long after each further one, half a minute at most; up to half of it is left to chance, so that replicas do
/// not ask all at once.
fn backoff(in_a_row: u32) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << in_a_row.saturating_sub(1).min(5)).min(LONGEST_WAIT);
    let mut chance = [0];
    // Without randomness all wait alike, which is no harm.
    let _ = aws_lc_rs::rand::fill(&mut chance);
    let [chance] = chance;
    full.saturating_sub(full.mul_f64(f64::from(chance) / 512.0))
}

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const REFUSALS_PER_MINUTE: std::num::NonZeroU32 = std::num::NonZeroU32::new(10).unwrap();

#[cfg(test)]
mod tests;
