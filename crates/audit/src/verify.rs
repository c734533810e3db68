//! Is the log whole? Every line of every file checked against its hash, its number and its neighbours.

mod damage;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::HeadKey;
use crate::chain::{End, Hash, NotSealed, Sealed};
use crate::event::{ChainEvent, HeadState};
use crate::files::{Line, Lines, Names, Source, identity};
use crate::head::Head;

pub use damage::{Broken, Damage, Notice};

#[cfg(test)]
mod tests;

/// What is known about the log from elsewhere, beyond what its own files say. Has no `Debug`, because of the key.
#[derive(Clone, Default)]
pub struct Expectation {
    /// A line that the log must hold: its number and hash, written down when it was verified before.
    pub anchor: Option<(u64, Hash)>,
    /// The key that the head must have been made with.
    pub head_key: Option<HeadKey>,
}

/// What a whole log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many files.
    pub files: usize,
    /// How many lines, in all files.
    pub lines: u64,
    /// The number of the first line; older ones were deleted as too old.
    pub first_seq: u64,
    /// The number of the last line.
    pub last_seq: u64,
    /// Its hash. Kept elsewhere, the two are an anchor for the next time.
    pub last_hash: Hash,
    /// What the log itself says it lacks. Without any, nothing that was written is missing.
    pub notices: Vec<Notice>,
}

/// Proves the log at `path` (its live file) whole, or says where it is not.
pub fn verify(path: &Path) -> Result<Report, Broken> {
    verify_against(path, &Expectation::default())
}

/// As [`verify`], and against what is known from elsewhere.
///
/// May be run while the log is being written.
pub fn verify_against(path: &Path, expected: &Expectation) -> Result<Report, Broken> {
    let names = Names::new(path);
    for _ in 0..ATTEMPTS {
        let before = snapshot(&names);
        match check(&names, expected) {
            // The log was written to in the meantime, so what was seen may never have been so.
            Err(_) if snapshot(&names) != before => {}
            outcome => return outcome,
        }
    }
    check(&names, expected)
}

/// What a writer changes when it does more than append a line.
#[derive(PartialEq, Eq)]
struct Snapshot {
    rotated: Vec<PathBuf>,
    live: Option<(u64, u64)>,
    head: Option<Vec<u8>>,
}

fn snapshot(names: &Names) -> Snapshot {
    Snapshot {
        rotated: names.list().unwrap_or_default().into_iter().map(|file| file.path).collect(),
        live: fs::metadata(&names.live).ok().map(|metadata| identity(&metadata)),
        head: fs::read(names.head()).ok(),
    }
}

fn check(names: &Names, expected: &Expectation) -> Result<Report, Broken> {
    // The head is read before the lines: it then never names one that has yet to be written.
    let head = Head::read(&names.head()).map_err(|error| unreadable(&names.head(), error))?;
    let files = names.sources().map_err(|error| unreadable(&names.live, error))?;
    let count = files.len();

    let mut walk = Walk::new(head.as_ref().map(|head| head.end), expected.anchor);
    for file in files {
        walk.file(file)?;
    }
    walk.check_start()?;
    walk.check_head(names, head.as_ref(), expected.head_key.as_ref())?;
    walk.check_anchor(names)?;
    Ok(walk.report(count))
}

/// What is known on the way from the first line to the last.
struct Walk {
    /// What the head names, and whether that line was found.
    head: Option<End>,
    head_found: Option<Hash>,
    anchor: Option<(u64, Hash)>,
    anchor_found: Option<Hash>,
    lines: u64,
    /// The first line there is: its file, its number and what it names as its predecessor.
    start: Option<(PathBuf, u64, Hash)>,
    end: End,
    /// Where lines were deleted up to, as the chain itself says.
    pruned: Vec<(u64, String)>,
    notices: Vec<Notice>,
    /// How many lines of the file that is being read were read.
    place: u64,
}

impl Walk {
    fn new(head: Option<End>, anchor: Option<(u64, Hash)>) -> Self {
        Self {
            head,
            head_found: None,
            anchor,
            anchor_found: None,
            lines: 0,
            start: None,
            end: End::GENESIS,
            pruned: Vec::new(),
            notices: Vec::new(),
            place: 0,
        }
    }

    fn file(&mut self, source: Source) -> Result<(), Broken> {
        let (path, is_live) = (source.path.clone(), source.is_live());
        let file = path.as_path();
        let mut lines = source.lines().map_err(|error| unreadable(file, error))?;
        self.place = 0;
        loop {
            let line = lines.next().map_err(|error| unreadable(file, error))?;
            if !matches!(line, Line::End) {
                self.place = self.place.saturating_add(1);
            }
            match line {
                Line::End => return Ok(()),
                Line::Whole(line) => self.line(file, &line, &mut lines)?,
                // A line that is just being written, or what a crash left of one.
                Line::Unfinished(bytes) if is_live => {
                    let notice = Notice::Unfinished { file: file.to_owned(), line: self.place, bytes: bytes.len() };
                    self.notices.push(notice);
                }
                Line::TooLong | Line::Unfinished(_) => return Err(self.broken(file, None, Damage::Malformed)),
            }
        }
    }

    fn line(&mut self, file: &Path, line: &[u8], rest: &mut Lines) -> Result<(), Broken> {
        let sealed = Sealed::parse(line).map_err(|fault| match fault {
            NotSealed::Altered { seq } => self.broken(file, Some(seq), Damage::Altered),
            NotSealed::Malformed => self.broken(file, None, Damage::Malformed),
        })?;
        if self.start.is_some() {
            self.check_order(file, &sealed, rest)?;
        } else {
            self.start = Some((file.to_owned(), sealed.seq, sealed.previous));
        }
        self.lines = self.lines.saturating_add(1);
        self.end = sealed.end();
        if self.head.is_some_and(|head| head.seq == sealed.seq) {
            self.head_found = Some(sealed.hash);
        }
        if self.anchor.is_some_and(|(seq, _)| seq == sealed.seq) {
            self.anchor_found = Some(sealed.hash);
        }
        self.note(file, &sealed);
        Ok(())
    }

    /// Whether the line is the one that belongs after the line before.
    fn check_order(&self, file: &Path, sealed: &Sealed<'_>, rest: &mut Lines) -> Result<(), Broken> {
        let expected = self.end.seq.saturating_add(1);
        let damage = if sealed.seq == expected {
            if sealed.previous == self.end.hash {
                return Ok(());
            }
            Damage::Unlinked
        } else if sealed.seq < expected {
            Damage::Inserted { expected }
        } else if comes_later(expected, rest) {
            Damage::Moved { expected }
        } else {
            Damage::Missing { from: expected, to: sealed.seq.saturating_sub(1) }
        };
        Err(self.broken(file, Some(sealed.seq), damage))
    }

    /// Keeps what the line says about the log itself.
    fn note(&mut self, file: &Path, sealed: &Sealed<'_>) {
        let Some(event) = chain_event(sealed) else { return };
        let (file, line) = (file.to_owned(), self.place);
        match event {
            ChainEvent::Carried { .. } => {}
            ChainEvent::Lost { count } => self.notices.push(Notice::NotRecorded { file, line, count }),
            ChainEvent::Pruned { last_seq, last_hash, .. } => self.pruned.push((last_seq, last_hash)),
            ChainEvent::Repaired { torn_bytes, lost_lines, head, .. } => {
                self.notices.push(Notice::Repaired { file, line, torn_bytes, lost_lines, head });
            }
        }
    }

    /// Whether what comes before the first line was deleted by the log itself, or is nothing.
    fn check_start(&self) -> Result<(), Broken> {
        let Some((file, seq, previous)) = &self.start else { return Ok(()) };
        let before = End { seq: seq.saturating_sub(1), hash: *previous };
        let was_pruned = || self.pruned.iter().any(|(seq, hash)| *seq == before.seq && *hash == before.hash.to_string());
        if before == End::GENESIS || was_pruned() {
            return Ok(());
        }
        let what = if before.seq == 0 { Damage::Unlinked } else { Damage::Missing { from: 1, to: before.seq } };
        Err(Broken { file: file.clone(), line: 1, seq: Some(*seq), what })
    }

    fn check_head(&self, names: &Names, head: Option<&Head>, key: Option<&HeadKey>) -> Result<(), Broken> {
        let Some(head) = head else { return Err(self.at_end(names, Damage::Head(HeadState::Missing))) };
        if !head.is_authentic(key) {
            return Err(self.at_end(names, Damage::Head(HeadState::Unauthentic)));
        }
        let is_at_start = head.end == End::GENESIS && self.start.as_ref().is_none_or(|(_, seq, _)| *seq == 1);
        match self.head_found {
            None if is_at_start => Ok(()),
            Some(hash) if hash == head.end.hash => Ok(()),
            None if head.end.seq > self.end.seq => {
                Err(self.at_end(names, Damage::Missing { from: self.end.seq.saturating_add(1), to: head.end.seq }))
            }
            // Even a head left behind by a crash names a line of the last batch but one, never one long deleted.
            None | Some(_) => Err(self.at_end(names, Damage::Head(HeadState::Differs))),
        }
    }

    fn check_anchor(&self, names: &Names) -> Result<(), Broken> {
        match (self.anchor, self.anchor_found) {
            (None, _) => Ok(()),
            (Some((_, expected)), Some(found)) if expected == found => Ok(()),
            (Some((seq, _)), _) => Err(self.at_end(names, Damage::Anchor { seq })),
        }
    }

    fn at_end(&self, names: &Names, what: Damage) -> Broken {
        Broken { file: names.live.clone(), line: self.place, seq: Some(self.end.seq), what }
    }

    fn broken(&self, file: &Path, seq: Option<u64>, what: Damage) -> Broken {
        Broken { file: file.to_owned(), line: self.place, seq, what }
    }

    fn report(self, files: usize) -> Report {
        Report {
            files,
            lines: self.lines,
            first_seq: self.start.map_or(0, |(_, seq, _)| seq),
            last_seq: self.end.seq,
            last_hash: self.end.hash,
            notices: self.notices,
        }
    }
}

/// Whether the line with this number stands further down in the same file.
fn comes_later(seq: u64, rest: &mut Lines) -> bool {
    while let Ok(Line::Whole(line)) = rest.next() {
        if Sealed::parse(&line).is_ok_and(|sealed| sealed.seq == seq) {
            return true;
        }
    }
    false
}

/// What a line says about the log itself; most say nothing.
fn chain_event(sealed: &Sealed<'_>) -> Option<ChainEvent> {
    // Time has one length and stands first, so the name of the event has one place.
    let name = sealed.body.get(EVENT_AT..)?;
    if !name.starts_with(b"chain.") && !name.starts_with(b"records.") {
        return None;
    }
    let object = [b"{", sealed.body, b"}"].concat();
    serde_json::from_slice(&object).ok()
}

fn unreadable(file: &Path, source: io::Error) -> Broken {
    Broken { file: file.to_owned(), line: 0, seq: None, what: Damage::Unreadable(source) }
}

/// Where the event's name begins in a line's body.
const EVENT_AT: usize = r#""time":"2026-11-05T12:00:00.000Z","event":""#.len();

/// How often a log that is being written is looked at before what is seen is believed.
const ATTEMPTS: usize = 8;
