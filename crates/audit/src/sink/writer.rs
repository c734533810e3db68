//! What does the log's thread do? Gathers lines into batches, writes them, and tries again if it cannot.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

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
    due: Option<Receiver<std::time::Instant>>,
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
                    // Those who record while this thread rests do not have to wake it, which is most of what a
                    // record costs them; and many lines make one write.
                    thread::sleep(REST);
                    self.gather();
                    self.commit();
                }
                Wake::Due => self.commit_and_sync(),
                Wake::Order(Control::Flush(answer)) => {
                    let _gone = answer.send(self.flush());
                }
                Wake::Order(Control::Close(answer)) => {
                    let _gone = answer.send(self.flush());
                    return;
                }
                Wake::Closed => {
                    self.note(self.flush_failure());
                    return;
                }
            }
        }
    }
}
