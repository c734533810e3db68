//! How are secrets kept on a machine without a keychain? In one file, each sealed for its own name with a key that is derived from the instance key.
//!
//! Names stand in clear, as they do in the configuration. Whoever may read the state folder has the key too: what this file is safe from is its being copied,
//! shown or put into a backup alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use store::seal::{InstanceKey, Sealer};
use zeroize::Zeroizing;

use super::{Cause, Items, KeychainItem};
use crate::source::replace::replace;

/// The file and the key's.
pub(super) struct SealedFile {
    file: PathBuf,
    key_file: PathBuf,
}

/// What stands in the file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    service: String,
    account: String,
    sealed: String,
}

impl SealedFile {
    pub(super) fn new(file: PathBuf, key_file: PathBuf) -> Self {
        Self { file, key_file }
    }

    fn content(&self) -> Result<Content, Cause> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
            Err(error) => return Err(Cause::Unreadable(error.kind())),
        };
        self.only_ours(&file)?;
        let mut text = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(|error| Cause::Unreadable(error.kind()))?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(self.unusable("is too large to be ours"));
        }
        serde_json::from_slice(&text).map_err(|_| self.unusable("is damaged"))
    }

    /// Changes the file while nobody else does.
    fn change(&self, change: impl FnOnce(&mut Content) -> Result<(), Cause>) -> Result<(), Cause> {
        let unwritable = |error: io::Error| Cause::Unwritable(error.kind());
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(self.file.parent().unwrap_or(&self.file)).map_err(unwritable)?;
        // The file itself is exchanged with each change, so the lock is on another, which stays.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(self.file.with_extension("lock")).map_err(unwritable)?;
        lock.lock().map_err(unwritable)?;
        let mut content = self.content()?;
        change(&mut content)?;
        let text = serde_json::to_vec_pretty(&content).map_err(|_| Cause::Unwritable(io::ErrorKind::InvalidData))?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(self.unusable("is full"));
        }
        replace(&self.file, &text).map_err(unwritable)
    }

    fn sealer(&self) -> Result<Sealer, Cause> {
        let unusable = |error: &dyn std::error::Error| Cause::NoKeychain { detail: error.to_string().into() };
        let (key, _) = InstanceKey::load_or_create(&self.key_file).map_err(|error| unusable(&error))?;
        Sealer::new(&key, PURPOSE).map_err(|error| unusable(&error))
    }

    #[cfg(unix)]
    fn only_ours(&self, file: &File) -> Result<(), Cause> {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = file.metadata().map_err(|error| Cause::Unreadable(error.kind()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(self.unusable("is open to others; do: chmod 600"));
        }
        Ok(())
    }

    /// Elsewhere the permission bits say nothing.
    #[cfg(not(unix))]
    fn only_ours(&self, _: &File) -> Result<(), Cause> {
        Ok(())
    }

    fn unusable(&self, why: &str) -> Cause {
        Cause::NoKeychain { detail: format!("the sealed file `{}` {why}", self.file.display()).into() }
    }
}

impl Items for SealedFile {
    fn read(&self, item: &KeychainItem) -> Result<Zeroizing<Vec<u8>>, Cause> {
        let content = self.content()?;
        let found = content.items.get(content.position(item)?).ok_or(Cause::NotFound)?;
        // Without its key the file opens for nobody, and a new key must not be made by a read.
        if !self.key_file.exists() {
            return Err(self.unusable("was sealed with an instance key that is gone"));
        }
        let opened = self.sealer()?.open(&found.sealed, &found.context());
        opened.map_err(|_| self.unusable("was sealed with another instance key, or changed since"))
    }

    fn write(&self, item: &KeychainItem, value: &str) -> Result<(), Cause> {
        let sealer = self.sealer()?;
        self.change(|content| {
            let account = match (&item.account, content.position(item)) {
                (Some(account), _) => account.to_string(),
                (None, Ok(index)) => content.items.get(index).map(|only| only.account.clone()).ok_or(Cause::NotFound)?,
                (None, Err(Cause::NotFound)) => return Err(Cause::WhichAccount { accounts: [].into() }),
                (None, Err(cause)) => return Err(cause),
            };
            let mut new = Item { service: item.service.to_string(), account, sealed: String::new() };
            new.sealed = sealer.seal(value.as_bytes(), &new.context()).map_err(|_| Cause::Unwritable(io::ErrorKind::InvalidData))?;
            content.items.retain(|other| (&other.service, &other.account) != (&new.service, &new.account));
            content.items.push(new);
            Ok(())
        })
    }

    fn remove(&self, item: &KeychainItem) -> Result<(), Cause> {
        self.change(|content| {
            let index = content.position(item)?;
            content.items.remove(index);
            Ok(())
        })
    }

    fn names(&self) -> Result<Vec<(String, String)>, Cause> {
        Ok(self.content()?.items.into_iter().map(|item| (item.service, item.account)).collect())
    }
}

impl Content {
    /// Which item is meant.
    fn position(&self, wanted: &KeychainItem) -> Result<usize, Cause> {
        let fits =
            |item: &Item| *item.service == *wanted.service && wanted.account.as_deref().is_none_or(|account| *item.account == *account);
        let found: Vec<(usize, &Item)> = self.items.iter().enumerate().filter(|(_, item)| fits(item)).collect();
        match *found.as_slice() {
            [] => Err(Cause::NotFound),
            [(index, _)] => Ok(index),
            _ => Err(Cause::WhichAccount { accounts: found.iter().map(|(_, item)| item.account.as_str().into()).collect() }),
        }
    }
}

impl Item {
    /// Sealed for its name, so that exchanging two items in the file gives nobody the wrong one. There is no NUL in either part.
    fn context(&self) -> Vec<u8> {
        [self.service.as_bytes(), &[0], self.account.as_bytes()].concat()
    }
}

const PURPOSE: &str = "keychain file";
/// Some hundred secrets of the usual size, or a dozen of the largest.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
