//! What else is worth a line? The door's starts and stops, its configuration, and the log's own history.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Something that happened to the door rather than through it.
///
/// Texts are written whole: give short ones, and nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum Event<'a> {
    /// Somebody read the log through Claviger.
    #[serde(rename = "audit.read")]
    AuditRead {
        /// Who, as far as is known: the operating system's user, or the subject.
        by: Cow<'a, str>,
        /// With what: the command and its filter.
        query: Cow<'a, str>,
    },
    /// A changed configuration was not taken; the one before stays.
    #[serde(rename = "config.refused")]
    ConfigRefused {
        /// How many faults it has.
        faults: usize,
        /// The first of them.
        reason: Cow<'a, str>,
    },
    /// A changed configuration was taken.
    #[serde(rename = "config.reloaded")]
    ConfigReloaded {
        /// The names of the servers now behind the door.
        servers: Vec<Cow<'a, str>>,
    },
    /// The door began to answer.
    #[serde(rename = "door.started")]
    DoorStarted {
        /// Claviger's own version.
        version: Cow<'a, str>,
        /// The address it listens on.
        listen: Cow<'a, str>,
        /// The names of the servers behind it.
        servers: Vec<Cow<'a, str>>,
    },
    /// The door stopped answering. A start without this before it means that the last run ended unasked.
    #[serde(rename = "door.stopped")]
    DoorStopped {
        /// Why, such as the signal's name.
        reason: Cow<'a, str>,
    },
}

/// Something that happened to the log itself, written by the log alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub(crate) enum ChainEvent {
    /// The first line of a file that continues another.
    #[serde(rename = "chain.carried")]
    Carried {
        /// The name of the file before, in the same folder.
        from: String,
    },
    /// Whole files were deleted because they were older than they may become.
    #[serde(rename = "chain.pruned")]
    Pruned {
        /// The name of the (last) file deleted.
        file: String,
        /// The number of the last line deleted.
        last_seq: u64,
        /// Its hash, which the first line that remains names as `previous`.
        last_hash: String,
    },
    /// At its start the writer did not find the log as the last one should have left it.
    #[serde(rename = "chain.repaired")]
    Repaired {
        /// The last whole line found, after which this one follows.
        after_seq: u64,
        /// How many bytes after it were not a whole line.
        torn_bytes: u64,
        /// The file that they were moved to.
        #[serde(skip_serializing_if = "Option::is_none")]
        kept_in: Option<String>,
        /// How many lines the head says were written, and are gone.
        lost_lines: u64,
        /// In what state the head was found.
        head: HeadState,
    },
    /// Records could not be taken because the log could not be written fast enough, or at all.
    #[serde(rename = "records.lost")]
    Lost {
        /// How many.
        count: u64,
    },
}

/// In what state a writer found the head at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadState {
    /// It names the last line, or one before it.
    Agrees,
    /// It names another line with the same number.
    Differs,
    /// It was not there, or not to be read.
    Missing,
    /// It was not made with the key of this instance.
    Unauthentic,
}

impl HeadState {
    /// The word that stands for it in a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Unauthentic => "unauthentic",
        }
    }
}
