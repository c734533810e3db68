//! What does the log's thread do? Gathers lines into batches, writes them, and tries again if it cannot.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, after, never, select};

use crate::event::ChainEvent;

use super::log::Log;
use super::{Control, Durability, Line, Reason, Shared};

/// The thread's own things.
pub(super) struct Writer {
    log: Log,
    durability: Durability,
    queue: Receiver<Line>,
    orders: Receiver<Control>,
    shared: Arc<Shared>,
    /// How many lost records the log already tells of.
    lost_told: u64,
    /// When what was written must be forced to the disk; `None` if it has been.
    due: Option<Receiver<Instant>>,
    /// A failure to force lines to the disk, which is never forgotten.
    unsynced: Option<Reason>,
}

/// What woke the thread.
enum Wake {
    Closed,
    Due,
    Line(Line),
    Order(Control),
}

impl Writer {
    pub(super) fn new(log: Log, durability: Durability, queue: Receiver<Line>, orders: Receiver<Control>, shared: Arc<Shared>) -> Self {
        Self { log, durability, queue, orders, shared, lost_told: 0, due: None, unsynced: None }
    }

    /// Writes until it is told to close, or nobody is left who could record.
    pub(super) fn run(mut self) {
        loop {
            match self.wait() {
                Wake::Line(line) => {
                    self.log.append(line.time, &line.body);
                    // Whoever records while this thread rests need not wake it, which is most of what a record
                    // would cost; and many lines make one write.
                    if self.queue.is_empty() {
                        thread::sleep(REST);
                    }
                    self.gather();
                    self.commit();
                }
                Wake::Due => {
                    self.commit();
                    self.sync();
                }
                Wake::Order(Control::Flush(answer)) => {
                    // Whoever asked may have gone; what was asked is done all the same.
                    let _gone = answer.send(self.flush());
                }
                Wake::Order(Control::Close(answer)) => {
                    let _gone = answer.send(self.flush());
                    return;
                }
                Wake::Closed => {
                    // The reason of a failure is in the log of the program; nobody is left to be told.
                    let _unheard = self.flush();
                    return;
                }
            }
        }
    }

    fn wait(&self) -> Wake {
        let never = never();
        let (queue, due) = if self.log.is_behind() {
            // While it cannot write, it takes nothing more in: the queue is the bound on what waits.
            (&crossbeam_channel::never(), &after(RETRY))
        } else {
            (&self.queue, self.due.as_ref().unwrap_or(&never))
        };
        select! {
            recv(queue) -> line => line.map_or(Wake::Closed, Wake::Line),
            recv(self.orders) -> order => order.map_or(Wake::Closed, Wake::Order),
            recv(due) -> _ => Wake::Due,
        }
    }

    /// Takes what is waiting, up to one batch, and says how many lines that was.
    fn gather(&mut self) -> usize {
        let mut taken = 0;
        while self.log.pending.len() < BATCH_BYTES
            && let Ok(line) = self.queue.try_recv()
        {
            self.log.append(line.time, &line.body);
            taken += 1;
        }
        taken
    }

    /// Writes what is pending, and notes how that went.
    fn commit(&mut self) {
        let written = self.write();
        if let Err(reason @ Reason::NotSynced { .. }) = &written {
            self.unsynced = Some(reason.clone());
        }
        match self.durability {
            Durability::Batch => self.sync(),
            Durability::Interval(interval) => {
                self.due.get_or_insert_with(|| after(interval));
            }
            Durability::None => {}
        }
        self.note(written);
    }

    fn write(&mut self) -> Result<(), Reason> {
        self.log.write()?;
        // Only once lines go through again: otherwise each attempt would add to what cannot be written.
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost > self.lost_told {
            self.log.append_event(&ChainEvent::Lost { count: lost.saturating_sub(self.lost_told) })?;
            self.lost_told = lost;
            self.log.write()?;
        }
        self.log.tidy()
    }

    fn sync(&mut self) {
        self.due = None;
        let synced = self.log.sync();
        self.note_sync(synced);
    }

    fn note_sync(&mut self, synced: Result<(), Reason>) {
        if let Err(reason) = synced {
            self.unsynced = Some(reason);
            self.note(Ok(()));
        }
    }

    /// Everything that was recorded until now, on the disk.
    fn flush(&mut self) -> Result<(), Reason> {
        let mut waiting = self.queue.len();
        loop {
            waiting = waiting.saturating_sub(self.gather());
            self.commit();
            if waiting == 0 || self.log.is_behind() || self.queue.is_empty() {
                break;
            }
        }
        self.sync();
        let synced = self.log.sync_head();
        self.note_sync(synced);
        self.shared.reason().clone().map_or(Ok(()), Err)
    }

    /// Lets those who record know how it goes, and the program's log if that is news.
    fn note(&self, written: Result<(), Reason>) {
        let reason = written.err().or_else(|| self.unsynced.clone()).or_else(|| self.log.untidy.clone());
        let told = reason.as_ref().map(|reason| (reason.to_string(), reason.cause()));
        if !self.shared.set_health(reason) {
            return;
        }
        if let Some((reason, cause)) = told {
            tracing::error!(cause, "{reason}");
        } else {
            tracing::info!("the audit log is being written again");
        }
    }
}

/// How long the thread lets lines gather after a first that came alone.
const REST: Duration = Duration::from_millis(1);

/// How long after a failure it tries again.
const RETRY: Duration = Duration::from_millis(250);

/// How much is written at once.
const BATCH_BYTES: usize = 256 * 1024;
