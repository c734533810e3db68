//! The connections of one upstream that nobody uses, the warmest on top.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::PoolLimits;
use super::connection::Connection;

/// Connections at rest. Each is closed when its time is up, whether anybody calls or not.
pub(super) struct Idle {
    limits: PoolLimits,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// The oldest first.
    kept: Vec<Kept>,
    /// Whether a task is there to close what stands too long.
    is_swept: bool,
}

struct Kept {
    connection: Connection,
    since: Instant,
}

impl Idle {
    pub(super) fn new(limits: PoolLimits) -> Arc<Self> {
        Arc::new(Self { limits, shelf: Mutex::default() })
    }

    /// The warmest connection.
    pub(super) fn take(&self) -> Option<Connection> {
        let kept = self.shelf().kept.pop()?;
        (kept.since.elapsed() < self.limits.idle_timeout).then_some(kept.connection)
    }

    /// Keeps a connection that can be used again, if there is room; closes every other.
    pub(super) fn keep(self: &Arc<Self>, mut connection: Connection) {
        if !connection.rest() {
            return;
        }
        let mut shelf = self.shelf();
        if shelf.kept.len() >= self.limits.max_idle {
            return;
        }
        shelf.kept.push(Kept { connection, since: Instant::now() });
        if !std::mem::replace(&mut shelf.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self), self.limits.idle_timeout));
        }
    }

    /// Closes what has stood too long, and says how long the oldest of the others still has; `None` when nothing is left.
    fn close_stale(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut shelf = self.shelf();
        let fresh = shelf.kept.partition_point(|kept| now.duration_since(kept.since) >= self.limits.idle_timeout);
        let stale: Vec<Kept> = shelf.kept.drain(..fresh).collect();
        let rest = shelf.kept.first().map(|oldest| self.limits.idle_timeout.saturating_sub(now.duration_since(oldest.since)));
        shelf.is_swept = rest.is_some();
        // The system closes them without the lock.
        drop(shelf);
        drop(stale);
        rest
    }

    /// A poisoned shelf is still a shelf.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(idle: Weak<Idle>, mut pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(rest) = idle.upgrade().and_then(|idle| idle.close_stale()) else { return };
        pause = rest;
    }
}
