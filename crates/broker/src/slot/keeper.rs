//! Who fetches what nobody asks for? A program got its secrets when it started and never asks again; so while somebody listens for changes, a task fetches the
//! value before its end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Boarding, Slot};

impl Slot {
    /// Counts the values from now on; while the receiver lives, the value is fetched in time, as for a user who lets it become `max_age` old.
    pub(crate) fn watch(self: &Arc<Self>, max_age: Duration) -> watch::Receiver<u64> {
        self.watched_age.fetch_min(u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let changes = self.changes.subscribe();
        let mut is_watched = self.is_kept_watch.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_watched {
            *is_watched = true;
            tokio::spawn(keep_watch(Arc::clone(self)));
        }
        drop(is_watched);
        self.poke.notify_one();
        changes
    }

    /// Whether nobody listens any more; then the watch is over.
    fn is_unwatched(&self) -> bool {
        let mut is_watched = self.is_kept_watch.lock().unwrap_or_else(PoisonError::into_inner);
        if self.changes.receiver_count() > 0 {
            return false;
        }
        *is_watched = false;
        self.watched_age.store(u64::MAX, Ordering::Relaxed);
        true
    }

    /// How long until the value should be fetched.
    fn until_due(&self) -> Duration {
        let now = self.now();
        if let Some(failure) = &self.flight().failure {
            return failure.wait_left(now);
        }
        let max_age = Duration::from_millis(self.watched_age.load(Ordering::Relaxed));
        self.kept.load().as_ref().map_or(Duration::ZERO, |kept| kept.until_ripe(now, max_age, self.around.habits.early))
    }
}

async fn keep_watch(slot: Arc<Slot>) {
    loop {
        if slot.is_unwatched() {
            return;
        }
        let seen = slot.kept();
        let pause = slot.until_due();
        if pause.is_zero() {
            if let Boarding::Aboard(landing) = slot.board(slot.now(), seen.as_ref()) {
                let _outcome = slot.landed(landing).await;
            }
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(pause.min(GLANCE)) => {}
            () = slot.poke.notified() => {}
        }
    }
}

/// How often it is looked whether anybody still listens, and whether the clock was set.
const GLANCE: Duration = Duration::from_secs(30);
