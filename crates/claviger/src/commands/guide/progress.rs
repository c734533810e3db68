//! How far has a guided rotation come? One small file for each secret, in `rotations/` of the state folder: names and times, no value.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use broker::reference::Reference;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The step that a rotation has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands) enum Step {
    /// The new key is being put beside the old one.
    Creating,
    /// It is there.
    Created,
    /// It is good.
    Tested,
    /// It is taking the place of the old one.
    Switching,
    /// It is in use; the old one is beside it.
    Switched,
    /// The old one is good for nothing any more.
    Revoked,
}

/// What is known of a rotation. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct Progress {
    /// Which secret, as it was written.
    pub(super) reference: String,
    pub(in crate::commands) step: Step,
    pub(super) started_at: u64,
    /// When the new key came into use.
    pub(super) switched_at: Option<u64>,
    /// When the old one may be revoked.
    pub(in crate::commands) revoke_from: Option<u64>,
}

impl Progress {
    /// How far the rotation of this secret has come, for somebody who only looks.
    pub(in crate::commands) fn of(state: &Path, reference: &Reference) -> Result<Option<Self>, ProgressFailure> {
        Self::read(&state.join(FOLDER).join(format!("{}.json", file_name(reference))))
    }

    fn read(file: &Path) -> Result<Option<Self>, ProgressFailure> {
        match fs::metadata(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
            Ok(metadata) if metadata.len() > LONGEST => Err(ProgressFailure::Unreadable(file.to_owned())),
            Ok(_) => serde_json::from_slice(&fs::read(file)?).map(Some).map_err(|_| ProgressFailure::Unreadable(file.to_owned())),
        }
    }
}

/// A rotation that nobody else is busy with.
#[derive(Debug)]
pub(super) struct Rotation {
    file: PathBuf,
    progress: Option<Progress>,
    /// Held as long as this lives.
    _lock: File,
}

/// Why the state of a rotation is not to be had.
#[derive(Debug, thiserror::Error)]
pub(in crate::commands) enum ProgressFailure {
    /// Another command is at it.
    #[error("another command is rotating this secret")]
    Busy,
    /// The file system says no.
    #[error(transparent)]
    InputOutput(#[from] io::Error),
    /// The file is not one of ours.
    #[error("`{}` is not the state of a rotation", .0.display())]
    Unreadable(PathBuf),
}

impl Rotation {
    /// The rotation of this secret, whether or not one is under way.
    pub(super) fn open(state: &Path, reference: &Reference) -> Result<Self, ProgressFailure> {
        let folder = state.join(FOLDER);
        fs::create_dir_all(&folder)?;
        private(&folder)?;
        let name = file_name(reference);
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join(format!("{name}.lock")))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ProgressFailure::Busy,
            TryLockError::Error(error) => ProgressFailure::InputOutput(error),
        })?;
        let file = folder.join(format!("{name}.json"));
        let progress = Progress::read(&file)?;
        Ok(Self { file, progress, _lock: lock })
    }

    /// What is under way.
    pub(super) fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// The step that was reached.
    pub(super) fn step(&self) -> Option<Step> {
        self.progress.as_ref().map(|progress| progress.step)
    }

    /// Writes down a step, so that it is on the disk when this returns.
    pub(super) fn save(&mut self, progress: Progress) -> Result<(), ProgressFailure> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        // Its mode is 0600.
        let mut file = NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &progress).map_err(io::Error::from)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&self.file).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()?;
        self.progress = Some(progress);
        Ok(())
    }

    /// There is nothing under way any more.
    pub(super) fn forget(&mut self) -> Result<(), ProgressFailure> {
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => {
                self.progress = None;
                Ok(())
            }
        }
    }
}

/// A name of a fixed length; what it is made of stands in the file.
fn file_name(reference: &Reference) -> String {
    let whole = format!("{}#{}", reference.place_name(), reference.field().unwrap_or_default());
    digest(&SHA256, whole.as_bytes()).as_ref().iter().take(8).fold(String::new(), |name, byte| name + &format!("{byte:02x}"))
}

/// Which secrets there are is the operator's business only.
fn private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

const FOLDER: &str = "rotations";
/// In bytes.
const LONGEST: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(step: Step) -> Progress {
        Progress { reference: "env://KEY".to_owned(), step, started_at: 1, switched_at: None, revoke_from: Some(2) }
    }

    #[test]
    fn a_step_outlives_the_command_and_ends_with_the_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let reference: Reference = "vault://kv/a#token".parse().unwrap();
        let mut rotation = Rotation::open(folder.path(), &reference).unwrap();
        assert_eq!(rotation.step(), None);
        rotation.save(progress(Step::Created)).unwrap();
        drop(rotation);
        // The same secret in another spelling, and another one of the same place.
        let mut rotation = Rotation::open(folder.path(), &"vault://kv/a?ttl=5#token".parse().unwrap()).unwrap();
        assert_eq!(rotation.progress(), Some(&progress(Step::Created)));
        assert_eq!(Rotation::open(folder.path(), &"vault://kv/a#other".parse().unwrap()).unwrap().step(), None);
        rotation.forget().unwrap();
        rotation.forget().unwrap();
        drop(rotation);
        assert_eq!(Rotation::open(folder.path(), &reference).unwrap().step(), None);
    }

    #[test]
    fn one_command_at_a_time_is_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let reference: Reference = "vault://kv/a#token".parse().unwrap();
        let first = Rotation::open(folder.path(), &reference).unwrap();
        assert!(matches!(Rotation::open(folder.path(), &reference).unwrap_err(), ProgressFailure::Busy));
        drop(first);
        Rotation::open(folder.path(), &reference).unwrap();
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let reference: Reference = "vault://kv/a#token".parse().unwrap();
        let file = Rotation::open(folder.path(), &reference).unwrap().file;
        for content in [&b"{}"[..], &vec![b' '; 20_000]] {
            fs::write(&file, content).unwrap();
            assert!(matches!(Rotation::open(folder.path(), &reference).unwrap_err(), ProgressFailure::Unreadable(_)));
        }
    }
}
