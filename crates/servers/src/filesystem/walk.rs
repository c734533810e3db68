//! What lies below a directory, and which of it matches a pattern?

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use schemars::JsonSchema;
use serde::Serialize;

use super::list::{Entries, Kind};
use super::path::{MOST_NAMES, RelativePath};
use super::refusal::Refusal;
use super::root::Root;
use super::work::Stop;

/// Entries found below a directory, nearest first when cut.
#[derive(Debug, Default, JsonSchema, PartialEq, Eq, Serialize)]
pub(super) struct Finds {
    /// Sorted by path.
    pub(super) entries: Vec<Find>,
    /// True when there is more than one answer holds, or than one call looks at.
    pub(super) truncated: bool,
    /// How many directories could not be read.
    pub(super) unreadable_directories: u64,
}

/// One entry that was found.
#[derive(Debug, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[schemars(inline)]
pub(super) struct Find {
    /// From the root downwards.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// True when the path is not UTF-8: it is shown with U+FFFD and cannot be asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) not_utf8: bool,
}

/// Everything down to `depth` levels below `start`. What is in `.git` is left out.
pub(super) fn directory_tree(root: &Root, start: &RelativePath, depth: u8, stop: &Stop) -> Result<Finds, Refusal> {
    Walk::new(root, stop, usize::from(depth), |_| true).from(start)
}

/// Everything below `start` that matches: by its path from `start` if the pattern has a `/`, else by its name. What is
/// in `.git` is left out.
pub(super) fn search_files(root: &Root, start: &RelativePath, pattern: &str, stop: &Stop) -> Result<Finds, Refusal> {
    let matcher = matcher(pattern)?;
    let by_name = !pattern.contains('/');
    let wanted = |path: &RelativePath| {
        let name = path.names().last().unwrap_or_default();
        matcher.is_match(if by_name { Path::new(name) } else { path.below(start) })
    };
    Walk::new(root, stop, MOST_NAMES, wanted).from(start)
}

/// `*` and `?` stop at a `/`; `**` does not. Matching takes linear time, whatever the pattern.
fn matcher(pattern: &str) -> Result<GlobMatcher, Refusal> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(Refusal::PatternTooLong(LONGEST_PATTERN));
    }
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    Ok(glob.map_err(|error| Refusal::Pattern(error.kind().clone()))?.compile_matcher())
}

/// A walk, level by level, so that what is cut is what lies deepest.
struct Walk<'call, Wanted> {
    root: &'call Root,
    stop: &'call Stop,
    wanted: Wanted,
    depth: usize,
    pending: VecDeque<(RelativePath, usize)>,
    finds: Finds,
    seen: usize,
    /// Bytes of the paths in `pending` and in `finds`, so that a hostile tree costs bounded memory.
    held: usize,
}

impl<'call, Wanted: Fn(&RelativePath) -> bool> Walk<'call, Wanted> {
    fn new(root: &'call Root, stop: &'call Stop, depth: usize, wanted: Wanted) -> Self {
        Self { root, stop, wanted, depth, pending: VecDeque::new(), finds: Finds::default(), seen: 0, held: 0 }
    }

    fn from(mut self, start: &RelativePath) -> Result<Finds, Refusal> {
        let mut directory = Entries::open(self.root.directory(start)?)?;
        let mut next = (start.clone(), 1);
        while self.read(&mut directory, &next.0, next.1)?.is_continue() {
            let Some(opened) = self.next_directory() else { break };
            (directory, next) = opened;
        }
        self.finds.entries.sort_unstable();
        Ok(self.finds)
    }

    /// Opens the next directory that lets itself be opened.
    fn next_directory(&mut self) -> Option<(Entries, (RelativePath, usize))> {
        loop {
            let next = self.pending.pop_front()?;
            self.held -= next.0.size();
            match self.root.directory(&next.0).and_then(Entries::open) {
                Ok(directory) => return Some((directory, next)),
                Err(_) => self.finds.unreadable_directories += 1,
            }
        }
    }

    /// Looks at each entry of one directory, whose entries are at `level`.
    fn read(&mut self, directory: &mut Entries, at: &RelativePath, level: usize) -> Result<ControlFlow<()>, Refusal> {
        while let Some(entry) = directory.next_entry() {
            self.stop.check()?;
            let Ok(entry) = entry else {
                self.finds.unreadable_directories += 1;
                break;
            };
            if self.look(at.join(&entry.name), &entry.name, entry.kind, level).is_break() {
                self.finds.truncated = true;
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn look(&mut self, path: Option<RelativePath>, name: &OsStr, kind: Kind, level: usize) -> ControlFlow<()> {
        self.seen += 1;
        if self.seen > MOST_SEEN {
            return ControlFlow::Break(());
        }
        let Some(path) = path else {
            self.finds.truncated = true;
            return ControlFlow::Continue(());
        };
        if (self.wanted)(&path) {
            self.hold(path.size())?;
            if self.finds.entries.len() == MOST_FINDS {
                return ControlFlow::Break(());
            }
            let not_utf8 = path.as_path().to_str().is_none();
            self.finds.entries.push(Find { path: path.to_string(), kind, not_utf8 });
        }
        if kind == Kind::Directory && level < self.depth && name != NOT_WALKED {
            self.hold(path.size())?;
            self.pending.push_back((path, level + 1));
        }
        ControlFlow::Continue(())
    }

    fn hold(&mut self, bytes: usize) -> ControlFlow<()> {
        self.held += bytes;
        if self.held > MOST_HELD { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The most entries in one answer.
pub(super) const MOST_FINDS: usize = 2000;
/// The most entries that one call looks at.
const MOST_SEEN: usize = 100_000;
/// The most bytes of paths that one call holds.
const MOST_HELD: usize = 4 * 1024 * 1024;
/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 256;
const NOT_WALKED: &str = ".git";

#[cfg(test)]
mod tests;
