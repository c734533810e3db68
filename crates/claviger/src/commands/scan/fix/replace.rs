//! How does a configuration change? Whole or not at all, for its owner's eyes only, and only if nobody else has changed it meanwhile.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::NamedTempFile;
use thiserror::Error;

/// Why a file was left as it was.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("somebody has changed it meanwhile")]
    Changed,
    #[error("it has another name in the file system, which would keep the secret")]
    Linked,
    #[error("it belongs to another user: have them do it")]
    NotOurs,
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Puts a text in the place of another. The new file is beside it first, on the disk, with mode 0600; there is never a copy of the old one.
pub(super) fn replace(path: &Path, before: &str, after: &str) -> Result<(), Refused> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(Refused::Linked);
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Refused::NotOurs);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(after.as_bytes())?;
    file.as_file().sync_all()?;
    if !is_as(path, before)? {
        return Err(Refused::Changed);
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(File::open(folder)?.sync_all()?)
}

fn is_as(path: &Path, text: &str) -> io::Result<bool> {
    let now = zeroize::Zeroizing::new(fs::read(path)?);
    Ok(now.as_slice() == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Refused, replace};

    #[test]
    fn only_what_is_as_it_was_seen_is_replaced_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "seen").unwrap();
        assert!(matches!(replace(&file, "something else", "new"), Err(Refused::Changed)));
        replace(&file, "seen", "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::hard_link(&file, folder.path().join("b")).unwrap();
        assert!(matches!(replace(&file, "new", "newer"), Err(Refused::Linked)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left behind");
    }
}
