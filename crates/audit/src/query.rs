//! What does the log say? Lines read back, filtered, from the end, and as they come.

mod follow;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::files::{Line, Lines, Names, Source};
use crate::line::parse_time;
use crate::record::Outcome;

pub use follow::Follower;

#[cfg(test)]
mod tests;

/// One line of the log. Which members there are depends on `event`; see `docs/reference/audit.md`.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// The line's number, from one on.
    pub seq: u64,
    /// The hash of the line before.
    pub previous: String,
    /// The hash of this line.
    pub hash: String,
    /// When it happened, RFC 3339.
    pub time: String,
    /// The same as Unix time in milliseconds.
    #[serde(skip)]
    pub time_ms: u64,
    /// What it tells of: `call`, or one of the events.
    pub event: String,
    /// See [`CallRecord`](crate::record::CallRecord), also for those that follow.
    pub request_id: Option<String>,
    /// The server called.
    pub server: Option<String>,
    /// The JSON-RPC method.
    pub method: Option<String>,
    /// The tool, prompt or resource.
    pub tool: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// How the call ended.
    pub outcome: Option<Outcome>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// `allow` or `deny`.
    pub decision: Option<String>,
    /// The rule that allowed it.
    pub rule: Option<String>,
    /// Why it was refused; also why a configuration was refused or the door stopped.
    pub reason: Option<String>,
    /// Who issued the caller's token.
    pub issuer: Option<String>,
    /// Whom it names.
    pub subject: Option<String>,
    /// The client it was issued to.
    pub client: Option<String>,
    /// What stands for the token.
    pub token_fingerprint: Option<String>,
    /// Where the call came from.
    pub address: Option<String>,
    /// The MCP revision spoken.
    pub version: Option<String>,
    /// The trace it was part of.
    pub trace_id: Option<String>,
    /// Bytes of the caller's message.
    pub bytes_in: Option<u64>,
    /// Bytes of the answer.
    pub bytes_out: Option<u64>,
    /// The line as it stands in the file, without its newline.
    #[serde(skip)]
    pub line: String,
}

/// Which lines are wanted: those that meet every condition given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before this Unix time in milliseconds.
    pub since: Option<u64>,
    /// Before this Unix time in milliseconds.
    pub until: Option<u64>,
    /// Of this server.
    pub server: Option<String>,
    /// Of this tool, prompt or resource.
    pub tool: Option<String>,
    /// Of this caller.
    pub subject: Option<String>,
    /// Ended like this.
    pub outcome: Option<Outcome>,
    /// Of this call.
    pub request_id: Option<String>,
}

/// Why a line could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFailure {
    /// Something that is not a line of an audit log stands there. Those after it can still be read.
    #[error("`{}` line {line} is not a line of an audit log", file.display())]
    NotALine {
        /// The file.
        file: PathBuf,
        /// The line's place in it, from one on.
        line: u64,
    },
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Entry {
    /// The entry that a line (without its newline) holds; whether its hash is right is not asked.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        let mut entry: Self = serde_json::from_slice(line)?;
        entry.time_ms = parse_time(&entry.time).ok_or_else(|| serde::de::Error::custom("not a time"))?;
        entry.line = String::from_utf8_lossy(line).into_owned();
        Ok(entry)
    }
}

impl Filter {
    /// Whether `entry` meets every condition.
    pub fn admits(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        self.since.is_none_or(|since| entry.time_ms >= since)
            && self.until.is_none_or(|until| entry.time_ms < until)
            && is(&self.server, &entry.server)
            && is(&self.tool, &entry.tool)
            && is(&self.subject, &entry.subject)
            && is(&self.request_id, &entry.request_id)
            && self.outcome.is_none_or(|outcome| entry.outcome == Some(outcome))
    }
}

/// The lines of the log at `path` that `filter` admits, oldest first, over all its files.
///
/// A line that cannot be read is an item of its own, after which the iteration goes on.
pub fn read(path: &Path, filter: Filter) -> Result<Entries, ReadFailure> {
    let files = Names::new(path).sources().map_err(|source| ReadFailure::Unreadable { file: path.to_owned(), source })?;
    Ok(Entries { files: files.into(), current: None, filter })
}

/// The last `count` lines that `filter` admits, oldest first. Lines that cannot be read are left out.
pub fn tail(path: &Path, count: usize, filter: Filter) -> Result<Vec<Entry>, ReadFailure> {
    let mut last = VecDeque::new();
    for entry in read(path, filter)? {
        match entry {
            Ok(entry) => last.push_back(entry),
            Err(ReadFailure::NotALine { .. }) => continue,
            Err(failure) => return Err(failure),
        }
        if last.len() > count {
            last.pop_front();
        }
    }
    Ok(last.into())
}

/// What [`read`] returns.
pub struct Entries {
    files: VecDeque<Source>,
    current: Option<(PathBuf, Lines, u64)>,
    filter: Filter,
}

impl Entries {
    /// The next line of any kind; `None` at the end of all files.
    fn next_line(&mut self) -> Option<Result<Entry, ReadFailure>> {
        loop {
            let Some((file, lines, number)) = &mut self.current else {
                match self.open_next()? {
                    Ok(()) => continue,
                    Err(failure) => return Some(Err(failure)),
                }
            };
            *number = number.saturating_add(1);
            let not_a_line = || ReadFailure::NotALine { file: file.clone(), line: *number };
            let found = match lines.next() {
                Ok(Line::Whole(line)) => Entry::parse(&line).map_err(|_| not_a_line()),
                Ok(Line::TooLong) => Err(not_a_line()),
                Err(source) => {
                    let failure = ReadFailure::Unreadable { file: file.clone(), source };
                    self.current = None;
                    return Some(Err(failure));
                }
                // Half a line at the end is one that is just being written.
                Ok(Line::End | Line::Unfinished(_)) => {
                    self.current = None;
                    continue;
                }
            };
            return Some(found);
        }
    }

    fn open_next(&mut self) -> Option<Result<(), ReadFailure>> {
        let source = self.files.pop_front()?;
        let path = source.path.clone();
        Some(match source.lines() {
            Ok(lines) => {
                self.current = Some((path, lines, 0));
                Ok(())
            }
            // Deleted since it was listed: it had grown too old.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(ReadFailure::Unreadable { file: path, source }),
        })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, ReadFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_line()? {
                Ok(entry) if !self.filter.admits(&entry) => {}
                found => return Some(found),
            }
        }
    }
}
