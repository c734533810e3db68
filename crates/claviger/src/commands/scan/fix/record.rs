//! How is a fix taken back? By a record of what was changed, with the names of the secrets in it and no secret.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::clock::Clock;
use scan::fix::{Fixed, Reversal};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::config::plan;
use crate::voice::Report;

/// What one fix did to one file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// Which fix: all files of one have the same number, and later ones a greater.
    pub(super) run: u64,
    pub(super) file: PathBuf,
    /// Whether `keychain://` means the sealed file.
    pub(super) is_sealed_file: bool,
    /// Keyed digests of the file: without the key nobody can try what it said.
    pub(super) before: String,
    pub(super) after: String,
    pub(super) reversals: Vec<Reversal>,
    pub(super) kept: Vec<KeptAs>,
}

/// Where a secret is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptAs {
    pub(super) reference: String,
    pub(super) as_written: Option<String>,
}

/// What a record is made of.
pub(super) struct Draft<'a> {
    pub(super) file: &'a Path,
    pub(super) before: &'a str,
    pub(super) fixed: &'a Fixed,
    pub(super) kept: Vec<KeptAs>,
    pub(super) is_sealed_file: bool,
}

/// The records of a state folder.
pub(super) struct Records {
    folder: PathBuf,
    key: hmac::Key,
    run: u64,
}

impl Records {
    pub(super) fn open(state: &Path) -> Result<Self, Report> {
        let (key, _) = plan::instance_key(state)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.derive(PURPOSE, "").as_slice());
        Ok(Self { folder: state.join(FOLDER), key, run: Clock::system().unix_milliseconds() })
    }

    /// Puts a record on the disk.
    pub(super) fn write(&self, draft: Draft<'_>) -> io::Result<()> {
        let Draft { file, before, fixed, kept, is_sealed_file } = draft;
        let (before, after) = (self.digest(before), self.digest(&fixed.text));
        let record = Record { run: self.run, file: file.to_owned(), is_sealed_file, before, after, reversals: fixed.reversals(), kept };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut written = NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer_pretty(&mut written, &record).map_err(io::Error::from)?;
        written.as_file_mut().write_all(b"\n")?;
        written.as_file().sync_all()?;
        written.persist(self.path(&record)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }

    /// All records, the newest first. One that cannot be read is a failure: to pass over it would take back the wrong one.
    pub(super) fn all(&self) -> io::Result<Vec<Record>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let record: Record = serde_json::from_slice(&fs::read(path)?)?;
                records.push(record);
            }
        }
        records.sort_by(|one, other| other.run.cmp(&one.run).then_with(|| one.file.cmp(&other.file)));
        Ok(records)
    }

    pub(super) fn forget(&self, record: &Record) -> io::Result<()> {
        fs::remove_file(self.path(record))
    }

    pub(super) fn digest(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, text.as_bytes()))
    }

    fn path(&self, record: &Record) -> PathBuf {
        let name = self.digest(&record.file.to_string_lossy());
        self.folder.join(format!("{}-{name}.json", record.run))
    }
}

const FOLDER: &str = "fixes";
const PURPOSE: &str = "fixes of configurations";
