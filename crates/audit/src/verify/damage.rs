//! What can be wrong with a log, and what does it admit to itself?

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::event::HeadState;

/// Where a log is not whole, and how.
#[derive(Debug)]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line's place in the file, from one on; zero if the whole file is meant.
    pub line: u64,
    /// The number that the line gives itself, if it gives one.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: Damage,
}

/// What is wrong with a log.
#[derive(Debug)]
#[non_exhaustive]
pub enum Damage {
    /// The line is not the one that was written.
    Altered,
    /// The line that was written down elsewhere is not there, or is another.
    Anchor {
        /// Its number.
        seq: u64,
    },
    /// The head does not vouch for the log.
    Head(HeadState),
    /// The line was there already, or was put in.
    Inserted {
        /// The number of the line that belongs here.
        expected: u64,
    },
    /// What stands there is not a line of an audit log.
    Malformed,
    /// Lines are gone.
    Missing {
        /// The number of the first of them.
        from: u64,
        /// The number of the last of them.
        to: u64,
    },
    /// The line belongs further down.
    Moved {
        /// The number of the line that belongs here.
        expected: u64,
    },
    /// The line does not follow the one before it, though the numbers fit: one of them was replaced.
    Unlinked,
    /// The file could not be read.
    Unreadable(io::Error),
}

/// Something that a log says about itself and that whoever relies on it should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Records could not be taken.
    NotRecorded {
        /// The file that says so.
        file: PathBuf,
        /// The line that says so.
        line: u64,
        /// How many records.
        count: u64,
    },
    /// The writer found the log out of order when it started.
    Repaired {
        /// The file that says so.
        file: PathBuf,
        /// The line that says so.
        line: u64,
        /// How many bytes were not a whole line.
        torn_bytes: u64,
        /// How many lines had been written and were gone.
        lost_lines: u64,
        /// The state of the head.
        head: HeadState,
    },
    /// The log ends in half a line: one is being written, or the writer was interrupted.
    Unfinished {
        /// The file.
        file: PathBuf,
        /// The line's place in it.
        line: u64,
        /// How many bytes.
        bytes: usize,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.file.display())?;
        if self.line > 0 {
            write!(formatter, " line {}", self.line)?;
        }
        match (&self.what, self.seq) {
            (Damage::Missing { .. } | Damage::Head(_) | Damage::Anchor { .. }, _) | (_, None) => {}
            (_, Some(seq)) => write!(formatter, " (number {seq})")?,
        }
        write!(formatter, ": {}", self.what)
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.what {
            Damage::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => write!(formatter, "this line was changed"),
            Self::Anchor { seq } => write!(formatter, "number {seq} is not the line that was expected"),
            Self::Head(HeadState::Missing) => write!(formatter, "the head, which names the last line, is missing or unreadable"),
            Self::Head(HeadState::Unauthentic) => write!(formatter, "the head, which names the last line, was not made with this key"),
            Self::Head(_) => write!(formatter, "the head names a line that is not in the log"),
            Self::Inserted { expected } => write!(formatter, "this line does not belong here; number {expected} does"),
            Self::Malformed => write!(formatter, "this is not a line of an audit log"),
            Self::Missing { from, to } if from == to => write!(formatter, "number {from} is missing"),
            Self::Missing { from, to } => write!(formatter, "numbers {from} to {to} are missing"),
            Self::Moved { expected } => write!(formatter, "this line was moved; number {expected} belongs here"),
            Self::Unlinked => write!(formatter, "this line does not follow the one before it; one of them was replaced"),
            Self::Unreadable(_) => write!(formatter, "cannot be read"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRecorded { file, line, count } => {
                write!(formatter, "`{}` line {line}: {count} records could not be taken", file.display())
            }
            Self::Repaired { file, line, torn_bytes, lost_lines, head } => {
                write!(formatter, "`{}` line {line}: mended at a start:", file.display())?;
                write!(formatter, " {torn_bytes} bytes torn, {lost_lines} lines lost, head {}", head.name())
            }
            Self::Unfinished { file, line, bytes } => {
                write!(formatter, "`{}` line {line}: {bytes} bytes of an unfinished line", file.display())
            }
        }
    }
}
