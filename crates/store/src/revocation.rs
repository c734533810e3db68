//! What has been ended before its time, on every replica? Kept in the store, heard of by all, and answered from memory.
//!
//! [`Revocations`] is asked for every call, so it asks nobody. What one replica revokes the others hear
//! of through a numbered log in the store, which [`Revocations::follow`] reads as it grows. Who has heard
//! nothing for too long must not believe what is in memory: see [`Revocations::unheard_for`].

mod ended;
mod log;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use self::ended::Ended;
use self::log::{Ending, Head, Log};
use crate::{Clock, Failure, Store, expiry};

#[cfg(test)]
mod tests;

/// What was revoked, by ids that the caller makes up: of a token, a family of tokens, a session, a person.
///
/// Ids are kept as hashes only. An entry stays for its lifetime and a little longer, because the clocks of
/// replicas differ.
pub struct Revocations {
    log: Log,
    ended: Ended,
    clock: Clock,
    is_shared: bool,
    /// How far the log has been read.
    read: Mutex<Option<Head>>,
    /// Unix milliseconds at which the store was last asked and answered; zero before the first time.
    heard_at: AtomicU64,
    news: watch::Sender<u64>,
}

impl Revocations {
    /// Those of `store`, of which nothing is known before [`Revocations::load`].
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        let is_shared = store.is_shared();
        let (log, ended) = (Log::new(store), Ended::default());
        Self { log, ended, clock, is_shared, read: Mutex::default(), heard_at: AtomicU64::new(0), news: watch::Sender::new(0) }
    }

    /// Reads all that is in the store. Needed once, before the first question.
    pub async fn load(&self) -> Result<(), Failure> {
        let asked_at = self.now();
        let mut read = self.read.lock().await;
        let head = self.log.head().await?;
        self.learn(self.log.everything().await?);
        *read = head;
        self.heard_at.store(asked_at, Ordering::Release);
        Ok(())
    }

    /// Whether `id` was revoked. Asks memory only; while nothing is revoked at all that is one load of a number.
    pub fn is_revoked(&self, id: &str) -> bool {
        self.ended.contains(|| Ending::digest(id), || self.now())
    }

    /// Revokes `id` for as long as what it stands for could still live.
    ///
    /// Holds in this process from the first moment on, whatever the store says; on the other replicas when
    /// they have heard of it. After a failure the others may never hear of it: try again.
    pub async fn revoke(&self, id: &str, lives: Duration) -> Result<(), Failure> {
        let lives = lives.saturating_add(SPARE);
        let now = self.now();
        let ending = Ending { until: expiry(now, Some(lives)), digest: Ending::digest(id) };
        // Whoever tries a revoked token again and again must not fill the store.
        if self.ended.is_in_the_store(&ending, now) {
            return Ok(());
        }
        self.ended.note(ending, now);
        self.tell();
        self.log.append(ending, lives).await?;
        self.ended.note_stored(ending, now);
        Ok(())
    }

    /// Hears of what other replicas revoke, by looking `every` so often; never ends where there are others.
    ///
    /// Returns at once where the store is this process's own: then all that is revoked is in memory already.
    pub async fn follow(&self, every: Duration) {
        if !self.is_shared {
            return;
        }
        let mut is_heard = true;
        loop {
            tokio::time::sleep(every).await;
            let heard = self.hear().await;
            match &heard {
                Err(error) if is_heard => {
                    tracing::error!(target: "door", error = error as &dyn std::error::Error, "the store does not say what was revoked");
                }
                Ok(()) if !is_heard => tracing::info!(target: "door", "the store says again what was revoked"),
                _ => {}
            }
            is_heard = heard.is_ok();
        }
    }

    /// For how long nothing was heard from the store: what other replicas revoked since then is not known here.
    ///
    /// [`Duration::MAX`] before [`Revocations::load`]; zero from then on where there are no other replicas.
    pub fn unheard_for(&self) -> Duration {
        match self.heard_at.load(Ordering::Acquire) {
            0 => Duration::MAX,
            _ if !self.is_shared => Duration::ZERO,
            heard_at => Duration::from_millis(self.now().saturating_sub(heard_at)),
        }
    }

    /// Tells of every revocation from now on. Take it before asking [`Revocations::is_revoked`], and none is missed.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Reads what the log has more than was read before.
    async fn hear(&self) -> Result<(), Failure> {
        let asked_at = self.now();
        let mut read = self.read.lock().await;
        let head = self.log.head().await?;
        if head != *read {
            let fresh = match self.log.since(*read, head).await? {
                Some(fresh) => fresh,
                None => self.log.everything().await?,
            };
            self.learn(fresh);
            *read = head;
        }
        self.heard_at.store(asked_at, Ordering::Release);
        Ok(())
    }

    fn learn(&self, endings: Vec<Ending>) {
        let now = self.now();
        let mut is_news = false;
        for ending in endings {
            is_news |= self.ended.note_stored(ending, now);
        }
        if is_news {
            self.tell();
        }
    }

    fn tell(&self) {
        self.news.send_modify(|times| *times = times.wrapping_add(1));
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }
}

/// How much longer than needed an entry stays: by more the clocks of two replicas must not differ.
const SPARE: Duration = Duration::from_secs(5 * 60);
