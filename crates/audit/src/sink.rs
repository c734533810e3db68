//! How does a record get into the log? Serialised by whoever has it, written by one thread.

mod log;
mod opening;
mod writer;

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::event::Event;
use crate::head::HeadKey;
use crate::line;
use crate::record::CallRecord;

#[cfg(test)]
mod tests;

/// How a log is kept. It has no `Debug`, because of the key.
pub struct Options {
    /// The file to append to, usually `mcp_calls.jsonl`. Older files, head and torn lines stand beside it.
    pub path: PathBuf,
    /// The size, in bytes, from which on a file is set aside and another begun.
    pub rotate_bytes: u64,
    /// How many days a complete file is kept; `None` for ever.
    pub retention_days: Option<NonZeroU32>,
    /// When lines are forced to the disk.
    pub durability: Durability,
    /// What happens to a record when the queue is full.
    pub on_full: OnFull,
    /// How many records may wait to be written.
    pub queue: usize,
    /// The key that authenticates the head; without it a cut tail is found only if the head was left alone.
    pub head_key: Option<HeadKey>,
}

/// When lines are forced to the disk. Until then a loss of power may lose them; a crash of the process does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After each batch.
    Batch,
    /// At most this long after the line was written.
    Interval(Duration),
    /// When the system sees fit, and at [`Auditor::flush`] and [`Auditor::close`].
    None,
}

/// What happens to a record when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFull {
    /// Whoever records waits, at most five seconds, and not at all while the log cannot be written.
    Block,
    /// It is refused at once.
    Refuse,
}

/// Why a record was not taken. It is counted, and the count will stand in the log (`records.lost`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRecorded {
    /// The queue is full.
    #[error("the audit log's queue is full")]
    Full,
    /// The log was closed, or its thread has ended.
    #[error("the audit log is closed")]
    Stopped,
    /// The record could not be turned into JSON.
    #[error("the record cannot be written as JSON")]
    Unwritable,
}

/// Why the log is not in order.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Lines could not be written. They are kept, and tried again.
    #[error("cannot write to `{}`", path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// A full file could not be set aside, or an old one not deleted. Lines are still written.
    #[error("cannot rotate `{}`", path.display())]
    NotRotated {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Lines could not be forced to the disk. Since nobody can know which, this lasts until the next start.
    #[error("cannot force `{}` to the disk", path.display())]
    NotSynced {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Somebody moved or deleted the file. Lines are kept until it is back, or the door restarted.
    #[error("`{}` was moved or deleted while in use", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The log was closed, or its thread has ended.
    #[error("the audit log is closed")]
    Stopped,
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Another writer has the log; one log has one writer.
    #[error("`{}` is being written by another process", path.display())]
    InUse {
        /// The log's file.
        path: PathBuf,
    },
    /// The file is not a regular one.
    #[error("`{}` is not a file", path.display())]
    NotAFile {
        /// The log's file.
        path: PathBuf,
    },
    /// The file holds something else. It is left alone.
    #[error("`{}` is not an audit log", path.display())]
    NotALog {
        /// The log's file.
        path: PathBuf,
    },
    /// A file could not be opened, made, read or mended.
    #[error("cannot open the audit log `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The thread could not be started.
    #[error("cannot start the audit log's thread")]
    Thread(#[source] io::Error),
    /// The first lines could not be written.
    #[error("the audit log cannot be written")]
    Unwritable(#[source] Reason),
}

impl Reason {
    /// What the system said, if it said anything.
    fn cause(&self) -> Option<String> {
        std::error::Error::source(self).map(ToString::to_string)
    }
}

impl Options {
    /// The usual ways for a log at `path`: files of 64 MiB kept for 90 days, forced to disk every 100 ms, waiting when full.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            rotate_bytes: 64 * 1024 * 1024,
            retention_days: NonZeroU32::new(90),
            durability: Durability::Interval(Duration::from_millis(100)),
            on_full: OnFull::Block,
            queue: 8192,
            head_key: None,
        }
    }
}

/// The way into a log. Clones share it.
#[derive(Clone)]
pub struct Auditor {
    lines: Sender<Line>,
    control: Sender<Control>,
    on_full: OnFull,
    shared: Arc<Shared>,
}

impl Auditor {
    /// Opens the log, mends what a crash left, and starts its thread. `now` is Unix time in milliseconds.
    ///
    /// Blocks while it reads the end of the log. What had to be mended stands in the log as `chain.repaired`.
    pub fn start(options: Options, now: u64) -> Result<Self, AuditError> {
        let (on_full, durability, queue) = (options.on_full, options.durability, options.queue);
        Self::over(opening::open(options, now)?, durability, on_full, queue)
    }

    /// Starts the thread that writes to an open log.
    fn over(log: log::Log, durability: Durability, on_full: OnFull, queue: usize) -> Result<Self, AuditError> {
        let (lines, queue) = bounded(queue.max(1));
        let (control, orders) = bounded(CONTROL_QUEUE);
        let shared = Arc::new(Shared::new(log.names.live.clone()));
        let thread = writer::Writer::new(log, durability, queue, orders, Arc::clone(&shared));
        let handle = Builder::new().name("audit".to_owned()).spawn(move || thread.run()).map_err(AuditError::Thread)?;
        *shared.thread() = Some(handle);
        Ok(Self { lines, control, on_full, shared })
    }

    /// Takes a call's record. It is written soon after; [`Auditor::health`] says if that fails.
    pub fn record(&self, record: &CallRecord<'_>) -> Result<(), NotRecorded> {
        self.take(record.time, record.body())
    }

    /// Takes an event that happened at `time` (Unix time in milliseconds).
    pub fn event(&self, time: u64, event: &Event<'_>) -> Result<(), NotRecorded> {
        self.take(time, line::body(time, event))
    }

    /// Whether what was recorded is being written. The door's readiness follows it.
    pub fn health(&self) -> Result<(), Reason> {
        self.shared.health()
    }

    /// How many records were not taken since the start.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// The file that is written to.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Returns when everything recorded before it is on the disk. Blocks.
    pub fn flush(&self) -> Result<(), Reason> {
        let (answer, wait) = bounded(1);
        self.order(Control::Flush(answer), &wait)
    }

    /// Flushes and ends the thread; whatever comes later is refused. Blocks. Closing twice is no fault.
    pub fn close(&self) -> Result<(), Reason> {
        let (answer, wait) = bounded(1);
        let closed = self.order(Control::Close(answer), &wait);
        let thread = self.shared.thread().take();
        match thread {
            Some(thread) => thread.join().map_err(|_| Reason::Stopped).and(closed),
            None => Ok(()),
        }
    }

    fn order(&self, order: Control, answer: &Receiver<Result<(), Reason>>) -> Result<(), Reason> {
        self.control.send(order).map_err(|_| Reason::Stopped)?;
        answer.recv().map_err(|_| Reason::Stopped)?
    }

    fn take(&self, time: u64, body: Result<Vec<u8>, serde_json::Error>) -> Result<(), NotRecorded> {
        let taken = match body {
            Ok(body) => self.enqueue(Line { time, body }),
            Err(_) => Err(NotRecorded::Unwritable),
        };
        if taken.is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    fn enqueue(&self, line: Line) -> Result<(), NotRecorded> {
        let line = match self.lines.try_send(line) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(_)) => return Err(NotRecorded::Stopped),
            Err(TrySendError::Full(line)) => line,
        };
        if self.on_full == OnFull::Refuse || self.shared.is_failing() {
            return Err(NotRecorded::Full);
        }
        self.lines.send_timeout(line, LONGEST_WAIT).map_err(
            |error| {
                if error.is_disconnected() { NotRecorded::Stopped } else { NotRecorded::Full }
            },
        )
    }
}

/// A record on its way to the thread.
struct Line {
    time: u64,
    body: Vec<u8>,
}

/// What the thread is told to do.
enum Control {
    Close(Sender<Result<(), Reason>>),
    Flush(Sender<Result<(), Reason>>),
}

/// What the thread and those who record know of each other.
struct Shared {
    path: PathBuf,
    failing: AtomicBool,
    reason: Mutex<Option<Reason>>,
    lost: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    fn new(path: PathBuf) -> Self {
        Self { path, failing: AtomicBool::new(false), reason: Mutex::default(), lost: AtomicU64::new(0), thread: Mutex::default() }
    }

    fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    fn health(&self) -> Result<(), Reason> {
        if self.thread().as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(Reason::Stopped);
        }
        if !self.is_failing() {
            return Ok(());
        }
        self.reason().clone().map_or(Ok(()), Err)
    }

    /// Notes how the thread fares, and says if that is news.
    fn set_health(&self, reason: Option<Reason>) -> bool {
        let failing = reason.is_some();
        *self.reason() = reason;
        self.failing.swap(failing, Ordering::Relaxed) != failing
    }

    fn reason(&self) -> MutexGuard<'_, Option<Reason>> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a record waits for room in the queue.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

const CONTROL_QUEUE: usize = 16;
