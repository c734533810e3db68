//! `file://`: the content of a small text file, such as a container platform mounts.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::replace::replace;
use super::texts::Texts;
use super::{Changing, Fetched, Fetching, Listed, MAX_VALUE_BYTES, Provider, Removal, Writer, apart};
use crate::missing::Cause;
use crate::reference::Place;
use crate::value::Value;

/// Files of at most 64 KiB.
pub struct Files {
    directory: PathBuf,
    open_files: OpenFiles,
}

/// What to do about a file that every user of the machine may read or change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenFiles {
    /// Use it: container platforms mount the tokens of service accounts so, and nobody else is in there.
    Accept,
    /// Do not use it: for production.
    Refuse,
    /// Use it and say so in the log.
    Warn,
}

impl Files {
    /// Relative paths start at `directory`, the folder of the configuration.
    pub fn new(directory: PathBuf, open_files: OpenFiles) -> Self {
        Self { directory, open_files }
    }
}

impl Files {
    fn path(&self, place: &Place) -> Result<PathBuf, Cause> {
        let Place::File(path) = place else { return Err(Cause::NotInThisBuild) };
        Ok(self.directory.join(path.as_str()))
    }
}

impl Provider for Files {
    /// The content without its last line end.
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let (path, open_files) = (self.path(place)?, self.open_files);
            apart(move || read(&path, open_files)).await
        })
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }
}

impl Texts for Files {
    /// Only its owner may use the new file. The folder must be there.
    fn put_text<'a>(&'a self, place: &'a Place, text: &'a Value) -> Changing<'a, ()> {
        Box::pin(async move {
            let path = self.path(place)?;
            // One line end is no part of the value, so a value that ends with one gets another.
            let line_end = if text.expose().ends_with('\n') { "\n" } else { "" };
            let content = Zeroizing::new([text.expose(), line_end].concat());
            apart(move || write(&path, content.as_bytes())).await
        })
    }

    fn remove_text<'a>(&'a self, place: &'a Place) -> Changing<'a, Removal> {
        Box::pin(async move {
            let path = self.path(place)?;
            apart(move || remove(&path)).await.map(|()| Removal::Final)
        })
    }

    fn list_texts<'a>(&'a self, _: &'a str) -> Changing<'a, Listed> {
        Box::pin(std::future::ready(Err(Cause::Unable { what: "list secrets" })))
    }
}

pub(super) fn read(path: &Path, open_files: OpenFiles) -> Result<Fetched, Cause> {
    let unreadable = |error: std::io::Error| Cause::Unreadable(error.kind());
    // Looked at first because opening a pipe would wait for its writer; looked at again because it may have been exchanged since.
    regular(&path.metadata().map_err(unreadable)?)?;
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    regular(&metadata)?;
    closed_to_others(path, &metadata, open_files)?;
    // Room for all of it and a line end from the start: growing would leave copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_VALUE_BYTES + 3));
    file.take(MAX_VALUE_BYTES as u64 + 3).read_to_end(&mut content).map_err(unreadable)?;
    Fetched::line(&content)
}

fn write(path: &Path, content: &[u8]) -> Result<(), Cause> {
    match path.symlink_metadata() {
        // A link leads to a file that somebody else may look after.
        Ok(metadata) => regular(&metadata)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Cause::Unwritable(error.kind())),
    }
    replace(path, content).map_err(|error| Cause::Unwritable(error.kind()))
}

fn remove(path: &Path) -> Result<(), Cause> {
    let metadata = path.symlink_metadata().map_err(|error| Cause::Unreadable(error.kind()))?;
    regular(&metadata)?;
    fs::remove_file(path).map_err(|error| Cause::Unwritable(error.kind()))
}

fn regular(metadata: &Metadata) -> Result<(), Cause> {
    if metadata.is_file() { Ok(()) } else { Err(Cause::NotAFile) }
}

#[cfg(unix)]
fn closed_to_others(path: &Path, metadata: &Metadata, open_files: OpenFiles) -> Result<(), Cause> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS_MAY_USE == 0 {
        return Ok(());
    }
    match open_files {
        OpenFiles::Accept => Ok(()),
        OpenFiles::Refuse => Err(Cause::OpenToOthers { mode }),
        OpenFiles::Warn => {
            tracing::warn!(file = %path.display(), "every user of this machine may use this file of secrets; do: chmod o-rw");
            Ok(())
        }
    }
}

/// Elsewhere the permission bits say nothing.
#[cfg(not(unix))]
fn closed_to_others(_: &Path, _: &Metadata, _: OpenFiles) -> Result<(), Cause> {
    Ok(())
}

/// Read or write, for everybody else.
#[cfg(unix)]
const OTHERS_MAY_USE: u32 = 0o006;
