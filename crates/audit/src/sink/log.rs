//! How are lines put into files? Appended, chained, named by the head, set aside when large, deleted when old.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::chain::End;
use crate::event::ChainEvent;
use crate::files::{Line, Lines, Names, identity};
use crate::head::HeadFile;
use crate::line;
use crate::query::Entry;

use super::Reason;

/// A log that is open for writing.
pub(super) struct Log {
    pub(super) names: Names,
    pub(super) file: File,
    pub(super) head: HeadFile,
    /// The last line, counting those that are pending.
    pub(super) end: End,
    /// The first line of the file, or the one that will be.
    pub(super) first_seq: u64,
    /// How long the file is.
    pub(super) size: u64,
    pub(super) rotate_bytes: u64,
    pub(super) retention_days: Option<NonZeroU32>,
    /// Lines that are chained but not written.
    pub(super) pending: Vec<u8>,
    /// Whether lines were written that the head does not name yet.
    pub(super) head_is_due: bool,
    /// Why old files could not be deleted.
    pub(super) untidy: Option<Reason>,
    /// The latest time any line gave; the log has no other clock.
    pub(super) latest: u64,
    /// The day on which old files were last looked for.
    pub(super) pruned_on: Option<u64>,
}

impl Log {
    /// Chains a line; [`Log::write`] writes it.
    pub(super) fn append(&mut self, time: u64, body: &[u8]) {
        self.latest = self.latest.max(time);
        self.end.append(body, &mut self.pending);
    }

    /// Chains an event of the log's own, at the latest time known.
    pub(super) fn append_event(&mut self, event: &ChainEvent) -> Result<(), Reason> {
        let body = line::body(self.latest, event).map_err(|error| self.unwritten(error.into()))?;
        self.append(self.latest, &body);
        Ok(())
    }

    /// Whether something is still to be written.
    pub(super) fn is_behind(&self) -> bool {
        !self.pending.is_empty() || self.head_is_due
    }

    /// Writes what is pending and then the head. What could not be written stays pending.
    pub(super) fn write(&mut self) -> Result<(), Reason> {
        if !self.is_behind() {
            return Ok(());
        }
        self.check_place()?;
        let written = self.write_pending();
        written.and_then(|()| self.head.write(&self.end)).map_err(|error| self.unwritten(error))?;
        self.head_is_due = false;
        Ok(())
    }

    /// Forces what was written to the disk.
    pub(super) fn sync(&self) -> Result<(), Reason> {
        self.file.sync_data().map_err(|error| Reason::NotSynced { path: self.names.live.clone(), source: Arc::new(error) })
    }

    /// Forces the head to the disk too.
    pub(super) fn sync_head(&self) -> Result<(), Reason> {
        self.head.sync().map_err(|error| Reason::NotSynced { path: self.names.head(), source: Arc::new(error) })
    }

    /// Sets the file aside if it is large enough, and deletes what is old enough. Nothing may be pending.
    pub(super) fn tidy(&mut self) -> Result<(), Reason> {
        if self.size >= self.rotate_bytes {
            self.sync()?;
            self.rotate().map_err(|error| untidy(&self.names.live, error))?;
            self.write()?;
        }
        let today = Some(self.latest / DAY);
        if self.pruned_on != today {
            self.pruned_on = today;
            self.untidy = match self.prune() {
                // Tried again tomorrow, or at the next start or rotation: the chain has already said it was done.
                Err(reason @ Reason::NotRotated { .. }) => Some(reason),
                done => {
                    done?;
                    None
                }
            };
        }
        Ok(())
    }

    fn write_pending(&mut self) -> io::Result<()> {
        self.head_is_due = true;
        let mut written = 0;
        let outcome = loop {
            let rest = self.pending.get(written..).unwrap_or_default();
            if rest.is_empty() {
                break Ok(());
            }
            match self.file.write(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => written = written.saturating_add(bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        // Even half a line counts: the next attempt goes on with its other half.
        self.pending.drain(..written.min(self.pending.len()));
        self.size = self.size.saturating_add(written as u64);
        outcome
    }

    fn unwritten(&self, error: io::Error) -> Reason {
        Reason::NotWritten { path: self.names.live.clone(), source: Arc::new(error) }
    }

    /// Makes sure that the path still leads to the file that is open.
    fn check_place(&self) -> Result<(), Reason> {
        let open = self.file.metadata();
        match (fs::metadata(&self.names.live), open) {
            (Ok(named), Ok(open)) if identity(&named) == identity(&open) => Ok(()),
            _ => Err(Reason::Replaced { path: self.names.live.clone() }),
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        let aside = self.names.rotated(self.first_seq);
        // The new file is made before the old one gives up its name: a full disk then leaves all as it was.
        let next = self.names.next();
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = create(&next)?;
        // A link and a rename rather than two renames: whoever reads never finds the live file missing, and a file
        // that is in the way is never replaced.
        match fs::hard_link(&self.names.live, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_same(&self.names.live, &aside) => {}
            linked => linked?,
        }
        fs::rename(&next, &self.names.live)?;
        File::open(self.names.folder())?.sync_all()?;
        self.file = file;
        self.size = 0;
        self.first_seq = self.end.seq.saturating_add(1);
        self.pruned_on = None;
        let carried = ChainEvent::Carried { from: file_name(&aside) };
        let body = line::body(self.latest, &carried)?;
        self.append(self.latest, &body);
        Ok(())
    }

    /// Deletes complete files all of whose lines are too old, the oldest first.
    ///
    /// The chain says so before it is done: otherwise a crash between the two would look like a theft.
    fn prune(&mut self) -> Result<(), Reason> {
        let Some(days) = self.retention_days else { return Ok(()) };
        let oldest = self.latest.saturating_sub(u64::from(days.get()).saturating_mul(DAY));
        let files = self.names.list().map_err(|error| untidy(&self.names.live, error))?;

        let mut doomed = Vec::new();
        for (at, file) in files.iter().enumerate() {
            doomed.push(file);
            let next = files.get(at.saturating_add(1)).map_or(self.names.live.as_path(), |next| next.path.as_path());
            // A file's last line is no younger than the first of the file after it, which also names its hash.
            let Some(follower) = first_entry(next) else { continue };
            if follower.time_ms >= oldest {
                break;
            }
            let last_seq = follower.seq.saturating_sub(1);
            let event = ChainEvent::Pruned { file: file_name(&file.path), last_seq, last_hash: follower.previous };
            self.append_event(&event)?;
            self.write()?;
            self.sync()?;
            for file in doomed.drain(..) {
                fs::remove_file(&file.path).map_err(|error| untidy(&file.path, error))?;
            }
        }
        Ok(())
    }
}

fn untidy(path: &Path, source: io::Error) -> Reason {
    Reason::NotRotated { path: path.to_owned(), source: Arc::new(source) }
}

/// Makes a file for lines, readable by its owner only, where there is none.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).read(true).create_new(true).mode(0o600).open(path)
}

/// Whether two names are of one file: a rotation was broken off between them.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => identity(&one) == identity(&other),
        _ => false,
    }
}

/// The name of a file, as lines give it.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first line of a file, if there is a readable one.
fn first_entry(path: &Path) -> Option<Entry> {
    match Lines::open(path).ok()?.next().ok()? {
        Line::Whole(line) => Entry::parse(&line).ok(),
        Line::End | Line::TooLong | Line::Unfinished(_) => None,
    }
}

/// In milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;
