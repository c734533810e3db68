//! Where does a program read new values that is only told that there are some? In a file that nobody else can read, in memory and not on a disk, exchanged
//! whole and gone with the run.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};
use zeroize::Zeroizing;

use crate::config::env::{Surroundings, XDG_RUNTIME_DIR};
use crate::voice::{Exit, Report};

/// The file. Removed when this is let go.
pub(crate) struct SecretsFile {
    folder: TempDir,
    path: PathBuf,
}

impl SecretsFile {
    /// A folder for it that only this user can enter.
    pub(crate) fn prepare(around: &Surroundings) -> Result<Self, Report> {
        let base = base(around).ok_or_else(|| {
            Report::new(
                Exit::Configuration,
                "there is no folder in memory for the values: neither `$XDG_RUNTIME_DIR` nor `/dev/shm` is one",
            )
            .hint("choose another way with `--on-rotation`")
        })?;
        let owner_only = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("claviger-run-").permissions(owner_only).tempdir_in(base);
        let folder = folder.map_err(|error| Report::new(Exit::InputOutput, "cannot make a folder for the values").caused_by(&error))?;
        let path = folder.path().join("secrets.json");
        Ok(Self { folder, path })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts these values in the place of the old ones, as one JSON object; a reader sees all of the old or all of the new.
    pub(crate) fn write<'v>(&self, values: impl Iterator<Item = (&'v str, &'v str)>) -> io::Result<()> {
        let values: std::collections::BTreeMap<&str, &str> = values.collect();
        // A letter becomes six at most. Room for all of them from the start: growing would leave copies behind.
        let size = values.iter().map(|(name, value)| 6 * (name.len() + value.len()) + 8).sum::<usize>();
        let mut text = Zeroizing::new(Vec::with_capacity(size + 8));
        serde_json::to_writer(&mut *text, &values)?;
        text.push(b'\n');
        // Its mode is 0600.
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(&text)?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn base(around: &Surroundings) -> Option<PathBuf> {
    let of_login = around.value(XDG_RUNTIME_DIR).map(PathBuf::from).filter(|folder| folder.is_absolute());
    of_login.into_iter().chain([PathBuf::from("/dev/shm")]).find(|folder| is_in_memory(folder))
}

#[cfg(target_os = "linux")]
fn is_in_memory(folder: &Path) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|system| system.f_type == TMPFS_MAGIC)
}

/// Elsewhere no such folder is known.
#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

/// Of statfs(2).
#[cfg(target_os = "linux")]
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Path, SecretsFile, Surroundings};

    #[test]
    fn values_are_exchanged_whole_for_one_reader_and_gone_at_the_end() {
        let file = SecretsFile::prepare(&Surroundings::pretend(Path::new("/"), &[])).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        for value in ["first", "second \"quoted\"\n"] {
            file.write([("A", value), ("B", "x")].into_iter()).unwrap();
            let read: serde_json::Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
            assert_eq!(read, serde_json::json!({"A": value, "B": "x"}));
        }
        let folder = file.path().parent().unwrap().to_owned();
        assert_eq!((mode(file.path()), mode(&folder)), (0o600, 0o700));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no half-written file stays");
        drop(file);
        assert!(!folder.exists());
    }
}
