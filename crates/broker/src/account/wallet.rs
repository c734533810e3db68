//! Where are a person's tokens kept? The secrets in a keychain, one item for each account, and beside it a file that says what is there and holds no secret.
//!
//! The lock of an account is a file lock: it ends with whoever holds it, however that ends.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::identity::Identity;
use super::kept::{Kept, Summary};
use crate::missing::Cause;
use crate::reference::Reference;
use crate::source::{Keychain, Provider as _, replace};
use crate::value::Value;

/// All accounts of one person on this machine.
pub struct Wallet {
    folder: PathBuf,
    keychain: Keychain,
    storage: &'static str,
}

/// Under which name something is kept. Tells nobody of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    text: String,
    profile: String,
}

/// That nobody else changes an account.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why what is kept cannot be read or changed.
#[derive(Debug, Error)]
pub enum WalletFailure {
    /// The folder cannot be used.
    #[error("the folder of the accounts, `{}`, cannot be used", folder.display())]
    Folder {
        /// Which one.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The keychain cannot be used.
    #[error("the place where tokens are kept ({storage}) cannot be used")]
    Keychain {
        /// Which one.
        storage: &'static str,
        /// Why.
        source: Cause,
    },
}

impl Name {
    /// Of the account of `profile` at the server with this URL.
    pub fn of_account(server: &str, profile: &str) -> Self {
        Self { text: format!("account.{}", hashed(&[server, profile])), profile: profile.to_owned() }
    }

    /// Of the client that we are at an authorization server.
    pub(super) fn of_client(authority: &str) -> Self {
        Self { text: format!("client.{}", hashed(&[authority])), profile: String::new() }
    }

    /// Of the client that we are there where nobody comes back to us.
    pub(super) fn of_device(authority: &str) -> Self {
        Self { text: format!("client.{}", hashed(&[authority, "device"])), profile: String::new() }
    }

    pub(super) fn profile(&self) -> &str {
        &self.profile
    }
}

impl Wallet {
    /// The accounts whose files are in `folder`, with their secrets in `keychain`, which people know as `storage`.
    pub fn new(folder: PathBuf, keychain: Keychain, storage: &'static str) -> Self {
        Self { folder, keychain, storage }
    }

    /// Where the secrets are, as people know it.
    pub fn storage(&self) -> &'static str {
        self.storage
    }

    /// Every account, by server and profile. A file that is no summary is left out.
    pub fn list(&self) -> Result<Vec<Summary>, WalletFailure> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unusable(error)),
        };
        let mut found = Vec::new();
        for entry in entries.take(MOST) {
            let path = entry.map_err(|error| self.unusable(error))?.path();
            if path.extension().is_some_and(|extension| extension == SUMMARY) {
                found.extend(read_summary(&path));
            }
        }
        found.sort_by(|a: &Summary, b| (&a.server, &a.profile).cmp(&(&b.server, &b.profile)));
        Ok(found)
    }

    /// Waits until nobody else, in whatever process, changes this account.
    pub(super) async fn lock(&self, name: &Name) -> Result<Lock, WalletFailure> {
        let file = self.open_lock(name).map_err(|error| self.unusable(error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                // Somebody may be logging in just now, which takes as long as a person takes.
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(self.unusable(error)),
            }
        }
    }

    pub(super) async fn find(&self, name: &Name) -> Result<Option<Kept>, WalletFailure> {
        // Asking a keychain takes longer than looking whether there is anything to ask for.
        if !self.path(name, SUMMARY).exists() {
            return Ok(None);
        }
        Ok(self.read(name).await?.and_then(|text| Kept::from_text(text.expose())))
    }

    /// `_lock`: nobody may change an account without holding it.
    pub(super) async fn put(&self, name: &Name, kept: &Kept, _lock: &Lock) -> Result<(), WalletFailure> {
        let text = kept.to_bytes().ok_or_else(|| self.unkept(Cause::NotText))?;
        self.write(name, &text).await?;
        let summary = serde_json::to_vec_pretty(&kept.summary(self.storage)).map_err(|error| self.unusable(error.into()))?;
        replace::replace(&self.path(name, SUMMARY), &summary).map_err(|error| self.unusable(error))
    }

    pub(super) async fn remove(&self, name: &Name, _lock: &Lock) -> Result<(), WalletFailure> {
        let reference = self.reference(name)?;
        if let Some(writer) = self.keychain.writer() {
            match writer.delete(&reference).await {
                Ok(_) => {}
                Err(cause) if cause.is_absence() => {}
                Err(cause) => return Err(self.unkept(cause)),
            }
        }
        match fs::remove_file(self.path(name, SUMMARY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unusable(error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn find_client(&self, name: &Name) -> Result<Option<Identity>, WalletFailure> {
        if !self.path(name, CLIENT).exists() {
            return Ok(None);
        }
        Ok(self.read(name).await?.and_then(|text| Identity::from_text(text.expose())))
    }

    pub(super) async fn put_client(&self, name: &Name, identity: &Identity) -> Result<(), WalletFailure> {
        let text = identity.to_text().ok_or_else(|| self.unkept(Cause::NotText))?;
        self.write(name, &text).await?;
        replace::replace(&self.path(name, CLIENT), b"").map_err(|error| self.unusable(error))
    }

    /// Copies every secret to another wallet with the same folder, and makes sure that it arrived; nothing is removed here. The number of accounts.
    pub async fn copy_to(&self, other: &Self) -> Result<usize, WalletFailure> {
        let mut count = 0;
        for name in self.names()? {
            let lock = self.lock(&name).await?;
            let Some(value) = self.read(&name).await? else { continue };
            let text = Zeroizing::new(value.expose().to_owned());
            other.write(&name, &text).await?;
            if let Some(kept) = Kept::from_text(&text) {
                other.put(&name, &kept, &lock).await?;
                count += 1;
            }
            if other.read(&name).await?.as_ref() != Some(&value) {
                return Err(other.unkept(Cause::NotFound));
            }
        }
        Ok(count)
    }

    /// Removes every secret, and leaves what says that there are any: after they were copied elsewhere.
    pub async fn empty(&self) -> Result<(), WalletFailure> {
        let Some(writer) = self.keychain.writer() else { return Ok(()) };
        for name in self.names()? {
            match writer.delete(&self.reference(&name)?).await {
                Err(cause) if !cause.is_absence() => return Err(self.unkept(cause)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Of every account and every client.
    fn names(&self) -> Result<Vec<Name>, WalletFailure> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unusable(error)),
        };
        let mut names = Vec::new();
        for entry in entries.take(MOST) {
            let path = entry.map_err(|error| self.unusable(error))?.path();
            let (stem, extension) = (path.file_stem().and_then(|stem| stem.to_str()), path.extension());
            let is_ours = extension.is_some_and(|extension| extension == SUMMARY || extension == CLIENT);
            let stem = stem.filter(|stem| is_ours && (stem.starts_with("account.") || stem.starts_with("client.")));
            names.extend(stem.map(|stem| Name { text: stem.to_owned(), profile: String::new() }));
        }
        Ok(names)
    }

    async fn read(&self, name: &Name) -> Result<Option<Value>, WalletFailure> {
        match self.keychain.fetch(self.reference(name)?.place()).await {
            Ok(fetched) => Ok(Some(fetched.value)),
            Err(cause) if cause.is_absence() => Ok(None),
            Err(cause) => Err(self.unkept(cause)),
        }
    }

    async fn write(&self, name: &Name, text: &Zeroizing<String>) -> Result<(), WalletFailure> {
        let reference = self.reference(name)?;
        self.make_folder().map_err(|error| self.unusable(error))?;
        let value = Value::new(text).map_err(|_| self.unkept(Cause::NoMemory))?;
        let writer = self.keychain.writer().ok_or_else(|| self.unkept(Cause::NotInThisBuild))?;
        writer.put(&reference, &value).await.map_err(|cause| self.unkept(cause))
    }

    fn reference(&self, name: &Name) -> Result<Reference, WalletFailure> {
        let text = format!("keychain://{SERVICE}/{}", name.text);
        text.parse().map_err(|_| self.unkept(Cause::NotFound))
    }

    fn open_lock(&self, name: &Name) -> io::Result<File> {
        self.make_folder()?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.path(name, "lock"))
    }

    fn make_folder(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    fn path(&self, name: &Name, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", name.text))
    }

    fn unusable(&self, source: io::Error) -> WalletFailure {
        WalletFailure::Folder { folder: self.folder.clone(), source }
    }

    fn unkept(&self, source: Cause) -> WalletFailure {
        WalletFailure::Keychain { storage: self.storage, source }
    }
}

fn read_summary(path: &Path) -> Option<Summary> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(MAX_SUMMARY_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn hashed(texts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in texts {
        // The length first, so that no two names are written alike.
        context.update(&text.len().to_be_bytes());
        context.update(text.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

const SERVICE: &str = "claviger-accounts";
const SUMMARY: &str = "json";
const CLIENT: &str = "known";
const MAX_SUMMARY_BYTES: u64 = 64 * 1024;
/// How many files are looked at.
const MOST: usize = 100_000;
const PAUSE: Duration = Duration::from_millis(50);
