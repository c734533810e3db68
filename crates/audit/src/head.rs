//! How is a cut tail noticed, when what is left is a whole chain? By a small file that names the last line.
//!
//! The head stands beside the log (`mcp_calls.head`), is rewritten after every batch, and carries a
//! keyed MAC, so that who may write the log but does not know the key cannot shorten or rewrite it.
//! Its lock is what keeps a second writer away.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use serde::{Deserialize, Serialize};

use crate::chain::{End, Hash};

/// The key that heads are authenticated with. It has no `Debug`.
#[derive(Clone)]
pub struct HeadKey(hmac::Key);

/// What a head says.
pub(crate) struct Head {
    pub(crate) end: End,
    mac: Option<Hash>,
}

/// The head's file, open and locked.
pub(crate) struct HeadFile {
    file: File,
    key: Option<HeadKey>,
}

impl HeadKey {
    /// A key, best derived from the instance's.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, key))
    }

    fn mac(&self, end: &End) -> Hash {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(DOMAIN);
        context.update(&end.seq.to_be_bytes());
        context.update(end.hash.as_bytes());
        Hash::from_output(context.sign().as_ref())
    }
}

impl Head {
    /// The head in the file at `path`; `None` if there is none, or none that can be understood.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Self::read_from(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it was made with `key`. Without a key nothing is asked of it.
    pub(crate) fn is_authentic(&self, key: Option<&HeadKey>) -> bool {
        // Both are public to whoever can read the head; nothing is given away by the comparison's time.
        key.is_none_or(|key| self.mac == Some(key.mac(&self.end)))
    }

    fn read_from(file: impl io::Read) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        file.take(HEAD_BYTES as u64).read_to_end(&mut text)?;
        let Ok(stored) = serde_json::from_slice::<Stored>(&text) else { return Ok(None) };
        let Ok(hash) = stored.hash.parse() else { return Ok(None) };
        Ok(Some(Self { end: End { seq: stored.seq, hash }, mac: stored.mac.and_then(|mac| mac.parse().ok()) }))
    }
}

impl HeadFile {
    /// Opens or makes the file and takes its lock; `None` while another writer holds it.
    pub(crate) fn lock(path: &Path, key: Option<HeadKey>) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file, key })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(crate) fn read(&self) -> io::Result<Option<Head>> {
        Head::read_from(&self.file)
    }

    pub(crate) fn key(&self) -> Option<&HeadKey> {
        self.key.as_ref()
    }

    /// Names `end` as the last line, in one write of always the same length.
    pub(crate) fn write(&self, end: &End) -> io::Result<()> {
        let mac = self.key.as_ref().map(|key| key.mac(end).to_string());
        let mut text = serde_json::to_vec(&Stored { seq: end.seq, hash: end.hash.to_string(), mac })?;
        text.resize(HEAD_BYTES - 1, b' ');
        text.push(b'\n');
        self.file.write_all_at(&text, 0)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    seq: u64,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
}

/// One head, padded: a number of 20 digits, two hashes and their names fit.
const HEAD_BYTES: usize = 256;

const DOMAIN: &[u8] = b"claviger audit head 1";
