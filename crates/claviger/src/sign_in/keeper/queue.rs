//! Who wants something of one account, and whose turn is it? One after the other, in the order in which they came.

use std::sync::Arc;

use broker::account::visitor::Destination;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

/// All who want something of one account.
pub(super) struct Queue {
    turn: Arc<Mutex<()>>,
    waiting: watch::Sender<usize>,
    visit: watch::Sender<Option<Destination>>,
}

/// One who waits, or whose turn it is; over when dropped.
pub(super) struct Waiting(Arc<Queue>);

/// A person who was sent, and has not come back; over when dropped.
pub(super) struct Away(Arc<Queue>);

impl Queue {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { turn: Arc::default(), waiting: watch::Sender::new(0), visit: watch::Sender::new(None) })
    }

    pub(super) fn join(self: &Arc<Self>) -> Waiting {
        self.waiting.send_modify(|count| *count += 1);
        Waiting(Arc::clone(self))
    }

    /// Waits for one's turn, which lasts as long as the guard.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    pub(super) fn is_waited_in(&self) -> bool {
        *self.waiting.borrow() > 0
    }

    /// Waits until nobody waits any more.
    pub(super) async fn is_deserted(&self) {
        let mut waiting = self.waiting.subscribe();
        drop(waiting.wait_for(|&count| count == 0).await);
    }

    /// Lets everybody in the queue know where the person was sent.
    pub(super) fn send(self: &Arc<Self>, to: Destination) -> Away {
        self.visit.send_replace(Some(to));
        Away(Arc::clone(self))
    }

    /// Where the person was sent, from when somebody was.
    pub(super) async fn visit(&self) -> Option<Destination> {
        let mut visits = self.visit.subscribe();
        let found = visits.wait_for(Option::is_some).await.ok()?;
        found.clone()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|count| *count -= 1);
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        self.0.visit.send_replace(None);
    }
}
