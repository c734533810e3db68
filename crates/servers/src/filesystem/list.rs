//! What is in one directory, and of which kind is each entry?

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType, Stat};
use schemars::JsonSchema;
use serde::Serialize;

use super::path::RelativePath;
use super::refusal::Refusal;
use super::root::Root;
use super::work::Stop;

/// What an entry is. A link is never followed, so it is always a link.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Kind {
    Directory,
    File,
    /// A device, pipe or socket.
    Other,
    SymbolicLink,
}

/// The entries of one directory.
#[derive(Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub(super) struct Listing {
    /// Sorted by name.
    pub(super) entries: Vec<ListedEntry>,
    /// True when there are more entries than one answer holds.
    pub(super) truncated: bool,
}

/// One entry of a directory.
#[derive(Debug, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[schemars(inline)]
pub(super) struct ListedEntry {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// In bytes; files only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    /// True when the name is not UTF-8: it is shown with U+FFFD and cannot be asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) not_utf8: bool,
}

/// Lists at most [`MOST_ENTRIES`] entries, `.` and `..` left out. Of a larger directory it gives those that the file
/// system names first.
pub(super) fn list_directory(root: &Root, path: &RelativePath, stop: &Stop) -> Result<Listing, Refusal> {
    let mut directory = Entries::open(root.directory(path)?)?;
    let mut listing = Listing { entries: Vec::new(), truncated: false };
    while let Some(entry) = directory.next_entry() {
        stop.check()?;
        let entry = entry?;
        if listing.entries.len() == MOST_ENTRIES {
            listing.truncated = true;
            break;
        }
        // An entry that was removed meanwhile is left out.
        let Ok(state) = directory.state(&entry.name) else { continue };
        listing.entries.push(ListedEntry {
            name: entry.name.to_string_lossy().into_owned(),
            kind: Kind::of(FileType::from_raw_mode(state.st_mode)),
            size: file_size(&state),
            not_utf8: entry.name.to_str().is_none(),
        });
    }
    listing.entries.sort_unstable();
    Ok(listing)
}

/// The entries of an open directory, in the file system's order.
pub(super) struct Entries(Dir);

/// One of them.
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: Kind,
}

impl Entries {
    pub(super) fn open(directory: OwnedFd) -> Result<Self, Refusal> {
        Ok(Self(Dir::new(directory)?))
    }

    /// The next entry; after an error there is none.
    pub(super) fn next_entry(&mut self) -> Option<Result<Entry, Refusal>> {
        loop {
            let entry = match self.0.read()? {
                Ok(entry) => entry,
                Err(errno) => return Some(Err(errno.into())),
            };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let name = OsStr::from_bytes(name).to_os_string();
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => match self.state(&name) {
                    Ok(state) => FileType::from_raw_mode(state.st_mode),
                    Err(_) => continue,
                },
                known => known,
            };
            return Some(Ok(Entry { name, kind: Kind::of(kind) }));
        }
    }

    /// The state of an entry, of the link itself where it is one.
    fn state(&self, name: &OsStr) -> Result<Stat, Refusal> {
        Ok(rustix::fs::statat(self.0.fd()?, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

impl Kind {
    pub(super) fn of(kind: FileType) -> Self {
        match kind {
            FileType::Directory => Self::Directory,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::SymbolicLink,
            _ => Self::Other,
        }
    }
}

/// The size in bytes of a regular file.
pub(super) fn file_size(state: &Stat) -> Option<u64> {
    let regular = FileType::from_raw_mode(state.st_mode) == FileType::RegularFile;
    regular.then(|| u64::try_from(state.st_size).unwrap_or(0))
}

/// The most entries in one answer.
pub(super) const MOST_ENTRIES: usize = 2000;
