//! Where does the instance key live? In a file of 32 bytes that only its owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::InstanceKey;

/// Where a key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was made just now.
    Created,
    /// It was in its file already.
    Loaded,
}

/// Why there is no instance key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileFailure {
    /// The system has no randomness to give.
    #[error("cannot make an instance key: the system gives no random bytes")]
    NoRandomness,
    /// The file could not be made.
    #[error("cannot write the instance key to `{}`", path.display())]
    NotWritten {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// People other than the owner may read or write the file.
    #[error("the instance key `{0}` is open to others (mode {mode:04o}); close it with `chmod 600 {0}`", path.display())]
    TooOpen {
        /// The key's file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file could not be read.
    #[error("cannot read the instance key `{}`", path.display())]
    Unreadable {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is something other than 32 bytes.
    #[error("the instance key `{}` is not a file of {} bytes; put the right one back, or remove it to make a new one (what was sealed with the old one is then lost)", path.display(), InstanceKey::BYTES)]
    WrongLength {
        /// The key's file.
        path: PathBuf,
    },
}

impl InstanceKey {
    /// The key in the file at `path`; where there is none, a new one, readable by its owner only.
    ///
    /// Several processes may do this at once: one makes the key, and all get the same.
    pub fn load_or_create(path: &Path) -> Result<(Self, Origin), KeyFileFailure> {
        if let Some(key) = load(path)? {
            return Ok((key, Origin::Loaded));
        }
        let bytes = Self::generate().map_err(|_| KeyFileFailure::NoRandomness)?;
        let unwritten = |source| KeyFileFailure::NotWritten { path: path.to_owned(), source };
        let draft_number = draft_number().map_err(|_| KeyFileFailure::NoRandomness)?;
        match create(path, bytes.as_slice(), draft_number) {
            Ok(()) => Ok((Self::from_bytes(&bytes), Origin::Created)),
            // Somebody else was quicker, and theirs is the key.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                load(path)?.map(|key| (key, Origin::Loaded)).ok_or_else(|| unwritten(error))
            }
            Err(error) => Err(unwritten(error)),
        }
    }
}

fn load(path: &Path) -> Result<Option<InstanceKey>, KeyFileFailure> {
    let unreadable = |source| KeyFileFailure::Unreadable { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // Asked of the open file, not of the path, so that what is checked is what is read.
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileFailure::TooOpen { path: path.to_owned(), mode });
    }
    if !metadata.is_file() || metadata.len() != InstanceKey::BYTES as u64 {
        return Err(KeyFileFailure::WrongLength { path: path.to_owned() });
    }
    let mut bytes = Zeroizing::new([0_u8; InstanceKey::BYTES]);
    file.read_exact(bytes.as_mut_slice()).map_err(unreadable)?;
    Ok(Some(InstanceKey::from_bytes(&bytes)))
}

/// Makes the file whole or not at all, and never in place of another.
fn create(path: &Path, bytes: &[u8], draft_number: u64) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;

    let mut draft_name = path.file_name().unwrap_or_default().to_owned();
    draft_name.push(format!(".{draft_number:016x}.new"));
    let draft = folder.join(draft_name);
    let written = write_new(&draft, bytes)
        // A hard link, unlike a rename, fails where the name is taken.
        .and_then(|()| fs::hard_link(&draft, path))
        .and_then(|()| File::open(folder)?.sync_all());
    match fs::remove_file(&draft) {
        Err(error) if written.is_ok() => Err(error),
        _ => written,
    }
}

/// A number that no other draft has: neither another process's nor one left by a crash.
fn draft_number() -> Result<u64, Unspecified> {
    let mut number = [0_u8; 8];
    rand::fill(&mut number)?;
    Ok(u64::from_be_bytes(number))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
