//! How do writes that come at once share one trip to the disk? One thread takes all that wait, and commits them together.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::shelf::Shelf;
use crate::{Clock, Failure, check_key};

#[cfg(test)]
mod tests;

/// The thread that writes, and the queue to it.
pub(super) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Box<dyn Write>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(store: Arc<Database>, clock: Clock) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(TOGETHER);
        let thread = thread::Builder::new().name("store".to_owned()).spawn(move || write_all(&store, &clock, waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Carries out `change` after all that waits already. Ready when it is on disk.
    ///
    /// A change that fails must have changed nothing: it is committed with its neighbours all the same.
    pub(super) async fn write<T, C>(&self, key: &str, change: C) -> Result<T, Failure>
    where
        T: Send + 'static,
        C: FnOnce(&mut Shelf<'_>, &str, u64) -> Result<T, Failure> + Send + 'static,
    {
        check_key(key)?;
        let (answer, answered) = oneshot::channel();
        let pending = Pending { key: key.to_owned(), change: Some(change), outcome: Err(Failure::Stopped), answer };
        let queue = self.queue.as_ref().ok_or(Failure::Stopped)?;
        queue.send(Box::new(pending)).await.map_err(|_| Failure::Stopped)?;
        answered.await.map_err(|_| Failure::Stopped)?
    }
}

impl Drop for Writer {
    /// Waits for what is in the queue: it is done, and the file is free for the next to open it.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has left nothing half done: its transaction was never committed.
            let _ = thread.join();
        }
    }
}

/// Something to do to the shelf, and somebody who waits to hear what came of it.
trait Write: Send {
    /// An error is the database's own; then nothing of this transaction may stay.
    fn carry_out(&mut self, shelf: &mut Shelf<'_>, now: u64) -> Result<(), Spoilt>;

    /// Tells what came of it, after the commit.
    fn answer(self: Box<Self>, committed: &Result<(), Spoilt>);
}

/// Why a transaction was not committed: one cause for all who were part of it.
type Spoilt = Arc<redb::Error>;

struct Pending<T, C> {
    key: String,
    change: Option<C>,
    outcome: Result<T, Failure>,
    answer: oneshot::Sender<Result<T, Failure>>,
}

impl<T, C> Write for Pending<T, C>
where
    T: Send,
    C: FnOnce(&mut Shelf<'_>, &str, u64) -> Result<T, Failure> + Send,
{
    fn carry_out(&mut self, shelf: &mut Shelf<'_>, now: u64) -> Result<(), Spoilt> {
        let Some(change) = self.change.take() else { return Ok(()) };
        self.outcome = change(shelf, &self.key, now);
        match &self.outcome {
            Err(Failure::Database(cause)) => Err(Arc::clone(cause)),
            _ => Ok(()),
        }
    }

    fn answer(self: Box<Self>, committed: &Result<(), Spoilt>) {
        let outcome = match committed {
            Ok(()) => self.outcome,
            Err(cause) => Err(Failure::Database(Arc::clone(cause))),
        };
        // Nobody may be waiting any more; then it is done, and not heard of.
        let _ = self.answer.send(outcome);
    }
}

/// The thread's whole life: it ends when the queue is closed and empty.
fn write_all(store: &Database, clock: &Clock, mut waiting: mpsc::Receiver<Box<dyn Write>>) {
    let mut together = Vec::with_capacity(TOGETHER);
    while waiting.blocking_recv_many(&mut together, TOGETHER) > 0 {
        let committed = write_together(store, &mut together, clock());
        for write in together.drain(..) {
            write.answer(&committed);
        }
    }
}

/// Carries out each write in turn, in one transaction.
fn write_together(store: &Database, together: &mut [Box<dyn Write>], now: u64) -> Result<(), Spoilt> {
    let spoilt = |error: redb::Error| Arc::new(error);
    let transaction = store.begin_write().map_err(|error| spoilt(error.into()))?;
    let mut shelf = Shelf::open(&transaction).map_err(spoilt)?;
    // In step with what is added, so that no single write pays for all that has expired.
    shelf.forget_expired(together.len().saturating_mul(FORGOTTEN_PER_WRITE), now).map_err(spoilt)?;
    for write in together {
        write.carry_out(&mut shelf, now)?;
    }
    let is_changed = shelf.is_changed();
    drop(shelf);
    if !is_changed {
        return transaction.abort().map_err(|error| spoilt(error.into()));
    }
    transaction.commit().map_err(|error| spoilt(error.into()))
}

/// How many writes share one transaction at most, and how many more wait before callers do.
const TOGETHER: usize = 512;

/// How many expired entries one write deletes at most.
const FORGOTTEN_PER_WRITE: usize = 64;
