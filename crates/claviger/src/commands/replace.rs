//! How does a client's file change? Whole or not at all, and only if nobody else has changed it meanwhile.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use tempfile::NamedTempFile;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a file was left as it was.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("somebody has changed it meanwhile")]
    Changed,
    #[error("it has another name in the file system, which would keep the old text")]
    Linked,
    #[error("it belongs to another user: have them do it")]
    NotOurs,
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Puts a text where `seen` is, or where nothing is. The new file is beside it first, and on the disk. The path leads over no link.
pub(super) fn put(path: &Path, seen: Option<&str>, text: &str, mode: u32) -> Result<(), Refused> {
    if seen.is_some() {
        is_ours_alone(path)?;
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    match seen {
        None => match file.persist_noclobber(path) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Err(Refused::Changed),
            persisted => drop(persisted.map_err(|error| error.error)?),
        },
        Some(seen) => {
            is_as(path, seen)?;
            file.persist(path).map_err(|error| error.error)?;
        }
    }
    Ok(File::open(folder)?.sync_all()?)
}

/// The mode of a file that is for its owner alone.
pub(super) const OURS_ALONE: u32 = 0o600;

/// Takes a file away that says this.
pub(super) fn remove(path: &Path, seen: &str) -> Result<(), Refused> {
    is_ours_alone(path)?;
    is_as(path, seen)?;
    Ok(fs::remove_file(path)?)
}

fn is_ours_alone(path: &Path) -> Result<(), Refused> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(Refused::Linked);
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Refused::NotOurs);
    }
    Ok(())
}

fn is_as(path: &Path, text: &str) -> Result<(), Refused> {
    let now = Zeroizing::new(fs::read(path)?);
    if now.as_slice() == text.as_bytes() { Ok(()) } else { Err(Refused::Changed) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Refused, put, remove};

    #[test]
    fn only_what_is_as_it_was_seen_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        put(&file, None, "seen", 0o644).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        assert!(matches!(put(&file, None, "new", 0o600), Err(Refused::Changed)));
        assert!(matches!(put(&file, Some("something else"), "new", 0o600), Err(Refused::Changed)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "seen");
        put(&file, Some("seen"), "new", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::hard_link(&file, folder.path().join("b")).unwrap();
        assert!(matches!(put(&file, Some("new"), "newer", 0o600), Err(Refused::Linked)));
        assert!(matches!(remove(&file, "new"), Err(Refused::Linked)));
        fs::remove_file(folder.path().join("b")).unwrap();
        assert!(matches!(remove(&file, "seen"), Err(Refused::Changed)));
        remove(&file, "new").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no draft is left behind");
    }
}
