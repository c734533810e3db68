//! How is a file read that anybody may have put there? Only if it is one, never more than a configuration can be, and only as text.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use gateway::clock::Clock;
use rustix::fs::{Mode, OFlags};
use thiserror::Error;
use zeroize::Zeroizing;

/// What a file holds.
pub(in crate::commands) struct Content {
    pub(in crate::commands) text: Zeroizing<String>,
    pub(in crate::commands) mode: Option<u32>,
    /// Since it was written last.
    pub(in crate::commands) days_unchanged: Option<u64>,
}

/// Why a file was left out.
#[derive(Debug, Error)]
pub(in crate::commands) enum Unread {
    #[error("it is no regular file")]
    NoFile,
    #[error("it is no UTF-8 text")]
    NoText,
    #[error("it could not be opened: {0}")]
    System(#[from] io::Error),
    #[error("it is longer than {} MiB", scan::LONGEST_TEXT / 1024 / 1024)]
    TooLong,
    #[error("it is in no repository of git")]
    NoRepository,
    #[error("there is too much in it")]
    TooMany,
}

/// Reads a file. A pipe is opened without waiting for whoever might write, and then refused.
pub(in crate::commands) fn read(path: &Path) -> Result<Content, Unread> {
    let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty());
    let file = File::from(opened.map_err(io::Error::from)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unread::NoFile);
    }
    if metadata.len() > scan::LONGEST_TEXT {
        return Err(Unread::TooLong);
    }
    // One byte more tells that it grew meanwhile.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1));
    file.take(scan::LONGEST_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > scan::LONGEST_TEXT {
        return Err(Unread::TooLong);
    }
    let now = Clock::system().unix_seconds();
    let written = metadata.modified().ok().and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_secs());
    let days_unchanged = written.map(|written| now.saturating_sub(written) / DAY);
    Ok(Content { text: text_of(bytes)?, mode: Some(metadata.permissions().mode() & 0o7777), days_unchanged })
}

/// What comes on stdin.
pub(super) fn read_stdin() -> Result<Content, Unread> {
    // Not through the standard buffer, which would keep a copy.
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut bytes = Zeroizing::new(Vec::new());
    input.take(scan::LONGEST_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > scan::LONGEST_TEXT {
        return Err(Unread::TooLong);
    }
    Ok(Content { text: text_of(bytes)?, mode: None, days_unchanged: None })
}

/// Bytes as text, where they lie.
pub(super) fn text_of(mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, Unread> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Unread::NoText)
        }
    }
}

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::{Unread, read};

    #[test]
    fn what_is_no_short_text_file_is_refused_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        mkfifoat(CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        fs::write(at("binary"), b"\xff\xfe{").unwrap();
        File::create(at("huge")).unwrap().set_len(1 << 30).unwrap();
        assert!(matches!(read(&at("pipe")), Err(Unread::NoFile)));
        assert!(matches!(read(&at("binary")), Err(Unread::NoText)));
        assert!(matches!(read(&at("huge")), Err(Unread::TooLong)));
        assert!(matches!(read(&at("absent")), Err(Unread::System(_))));
        assert!(matches!(read(folder.path()), Err(Unread::NoFile)));
    }
}
