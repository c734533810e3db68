//! `file://`: the content of a small text file, such as a container platform mounts.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::missing::Cause;
use crate::reference::Place;
use crate::source::{Fetched, Fetching, Provider};

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

impl Provider for Files {
    /// The content without its last line end.
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let Place::File(path) = place else { return Err(Cause::NotInThisBuild) };
            let path = self.directory.join(path.as_str());
            let open_files = self.open_files;
            tokio::task::spawn_blocking(move || read(&path, open_files)).await.unwrap_or(Err(Cause::Unreadable(ErrorKind::Interrupted)))
        })
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
    // Room for all of it from the start: growing would leave copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > MAX_FILE_BYTES {
        return Err(Cause::TooLarge { limit: MAX_FILE_BYTES });
    }
    let text = std::str::from_utf8(&content).map_err(|_| Cause::NotText)?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    Fetched::plain(text)
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

const MAX_FILE_BYTES: usize = 64 * 1024;
/// Read or write, for everybody else.
#[cfg(unix)]
const OTHERS_MAY_USE: u32 = 0o006;
