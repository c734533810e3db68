//! How is a `setup` taken back? By the whole file as it was, sealed in `setups/` of the state folder: other servers' secrets may stand in it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use gateway::clock::Clock;
use serde::{Deserialize, Serialize};
use store::seal::{CannotSeal, NotOurs, PLAINTEXT_BYTES, Sealer};
use tempfile::NamedTempFile;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::plan;
use crate::voice::Report;

/// What one `setup` did.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backup {
    /// Later ones have greater numbers.
    number: u64,
    /// The client, as a person types it.
    pub(super) client: String,
    /// What the server is called there.
    pub(super) name: String,
    /// Without links.
    pub(super) file: PathBuf,
    /// Permissions of the file as it was.
    pub(super) mode: Option<u32>,
    /// Folders that were made for the file, the outermost first.
    pub(super) folders: Vec<PathBuf>,
    /// `None`: there was no file.
    before: Option<SealedText>,
    after: SealedText,
}

/// A text in pieces, each of which can be sealed.
#[derive(Debug, Serialize, Deserialize)]
struct SealedText(Vec<String>);

/// A change that is about to be made.
pub(super) struct Change<'a> {
    pub(super) client: String,
    pub(super) name: &'a str,
    pub(super) file: &'a Path,
    pub(super) mode: Option<u32>,
    pub(super) folders: Vec<PathBuf>,
    pub(super) before: Option<&'a str>,
    pub(super) after: &'a str,
}

/// The backups of a state folder.
pub(super) struct Backups {
    folder: PathBuf,
    sealer: Sealer,
}

/// Why there is no backup to be had.
#[derive(Debug, Error)]
pub(super) enum BackupFailure {
    #[error(transparent)]
    InputOutput(#[from] io::Error),
    #[error("`{}` is no backup of this state folder", .0.display())]
    NotOurs(PathBuf),
    #[error(transparent)]
    Unsealed(#[from] CannotSeal),
}

impl Backups {
    pub(super) fn open(state: &Path) -> Result<Self, Report> {
        let (key, _) = plan::instance_key(state)?;
        let sealer = Sealer::new(&key, PURPOSE).map_err(|error| super::failed("the backups cannot be sealed").caused_by(&error))?;
        Ok(Self { folder: state.join(FOLDER), sealer })
    }

    /// Puts a backup on the disk.
    pub(super) fn keep(&self, change: Change<'_>) -> Result<Backup, BackupFailure> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let number = self.all()?.first().map_or(0, |last| last.number + 1).max(Clock::system().unix_milliseconds());
        let before = change.before.map(|before| self.seal(number, BEFORE, before)).transpose()?;
        let after = self.seal(number, AFTER, change.after)?;
        let Change { client, name, file, mode, folders, .. } = change;
        let backup = Backup { number, client, name: name.to_owned(), file: file.to_owned(), mode, folders, before, after };
        // Its mode is 0600.
        let mut written = NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut written, &backup).map_err(io::Error::from)?;
        written.write_all(b"\n")?;
        written.as_file().sync_all()?;
        written.persist_noclobber(self.path(&backup)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(backup)
    }

    /// The newest backup of a client, or of one of its files.
    pub(super) fn newest(&self, client: &str, file: Option<&Path>) -> Result<Option<Backup>, BackupFailure> {
        Ok(self.all()?.into_iter().find(|backup| backup.client == client && file.is_none_or(|file| backup.file == file)))
    }

    /// What the file said; `None`: there was none.
    pub(super) fn before(&self, backup: &Backup) -> Result<Option<Zeroizing<String>>, BackupFailure> {
        backup.before.as_ref().map(|text| self.unseal(backup, BEFORE, text)).transpose()
    }

    /// What the file said then.
    pub(super) fn after(&self, backup: &Backup) -> Result<Zeroizing<String>, BackupFailure> {
        self.unseal(backup, AFTER, &backup.after)
    }

    pub(super) fn forget(&self, backup: &Backup) -> io::Result<()> {
        fs::remove_file(self.path(backup))
    }

    /// The newest first. To pass over one that cannot be read would bring back the wrong text.
    fn all(&self) -> Result<Vec<Backup>, BackupFailure> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut backups = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            if fs::metadata(&path)?.len() > LONGEST {
                return Err(BackupFailure::NotOurs(path));
            }
            let backup: Backup = serde_json::from_slice(&fs::read(&path)?).map_err(|_| BackupFailure::NotOurs(path))?;
            backups.push(backup);
        }
        backups.sort_by_key(|backup| std::cmp::Reverse(backup.number));
        Ok(backups)
    }

    fn seal(&self, number: u64, which: &str, text: &str) -> Result<SealedText, CannotSeal> {
        let pieces = text.as_bytes().chunks(PLAINTEXT_BYTES);
        let count = pieces.len();
        let sealed = pieces.enumerate().map(|(at, piece)| self.sealer.seal(piece, &context(number, which, at, count)));
        sealed.collect::<Result<_, _>>().map(SealedText)
    }

    fn unseal(&self, backup: &Backup, which: &str, text: &SealedText) -> Result<Zeroizing<String>, BackupFailure> {
        let not_ours = || BackupFailure::NotOurs(self.path(backup));
        let count = text.0.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(count * PLAINTEXT_BYTES));
        for (at, piece) in text.0.iter().enumerate() {
            let opened = self.sealer.open(piece, &context(backup.number, which, at, count)).map_err(|NotOurs| not_ours())?;
            bytes.extend_from_slice(&opened);
        }
        std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| not_ours())
    }

    fn path(&self, backup: &Backup) -> PathBuf {
        self.folder.join(format!("{}.json", backup.number))
    }
}

/// Pieces cannot be exchanged, nor be left out.
fn context(number: u64, which: &str, at: usize, count: usize) -> Vec<u8> {
    format!("{number} {which} {at} of {count}").into_bytes()
}

const AFTER: &str = "after";
const BEFORE: &str = "before";
const FOLDER: &str = "setups";
const PURPOSE: &str = "clients' files as they were before a setup";
/// Two of the longest texts, sealed.
const LONGEST: u64 = 4 * scan::LONGEST_TEXT;
