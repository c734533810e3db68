//! Where do secrets lie? From `[secrets]` to the sources that the door asks, and `claviger secrets` too.

mod clouds;
mod vault;

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker::reference::{Kind, Template};
use broker::source::{Commands, Environment, Files, Keychain, OpenFiles, Sources};
use broker::{Clock, Resolver};
use gateway::clock::Clock as SystemClock;

use self::clouds::Clouds;
use self::vault::Vault;
use super::env::Surroundings;
use super::fault::Faults;
use super::file::{self, KeychainStore};
use super::inventory::{self, Entry};
use super::judge::Judge;
use super::plan::INSTANCE_KEY_FILE;
use super::tree::Path;
use crate::cli::KeychainChoice;

/// Where secrets lie.
#[derive(Clone)]
pub(crate) struct Secrets {
    /// Where relative files start.
    folder: PathBuf,
    open_files: OpenFiles,
    keychain: Option<KeychainStore>,
    clouds: Clouds,
    vault: Vault,
    state: PathBuf,
    /// Who renews what, and when.
    pub(crate) inventory: Vec<Entry>,
    /// The secret of those who may have secrets fetched anew from outside.
    pub(crate) webhook: Option<Template>,
    /// `[secrets]` as it was written.
    pub(crate) written: file::Secrets,
}

impl Secrets {
    /// Reads `[secrets]`. Relative files start at the folder.
    pub(crate) fn read(written: &file::Secrets, around: &Surroundings, folder: &FilePath, state: &FilePath, judge: &mut Judge<'_>) -> Self {
        let keychain = written.keychain.store;
        if matches!(keychain, Some(KeychainStore::Keyutils | KeychainStore::SecretService)) && !HAS_LINUX_KEYCHAINS {
            let path = Path::default().key("secrets").key("keychain").key("store");
            judge.blame_with_hint(&path, "this build of Claviger has no such store", "write `file`, or remove the line");
        }
        Self {
            folder: folder.to_owned(),
            open_files: OpenFiles::Warn,
            keychain,
            clouds: Clouds::read(written, folder, judge),
            vault: Vault::read(written.vault.as_ref(), around, folder, judge),
            state: state.to_owned(),
            inventory: inventory::build(&written.inventory, judge),
            webhook: webhook(written.webhook.as_deref(), judge),
            written: written.clone(),
        }
    }

    /// Without a word from anybody.
    pub(crate) fn usual(around: &Surroundings, folder: &FilePath, state: &FilePath) -> Self {
        let mut nobody = Faults::default();
        Self::read(&file::Secrets::default(), around, folder, state, &mut Judge::new(None, &mut nobody))
    }

    /// The same with the keychain that somebody chose on the command line, if they did.
    pub(crate) fn with_chosen_keychain(self, chosen: Option<KeychainChoice>) -> Self {
        let keychain = match chosen {
            None => self.keychain,
            Some(KeychainChoice::File) => Some(KeychainStore::File),
            Some(KeychainChoice::Keyutils) => Some(KeychainStore::Keyutils),
            Some(KeychainChoice::SecretService) => Some(KeychainStore::SecretService),
        };
        Self { keychain, ..self }
    }

    /// Where relative files start.
    #[cfg(test)]
    pub(crate) fn folder(&self) -> &FilePath {
        &self.folder
    }

    /// The same, where people depend on it.
    pub(crate) fn for_production(self) -> Self {
        Self { open_files: OpenFiles::Refuse, ..self }
    }

    /// Does work with what resolves references by them. Whatever comes of the work, what vaults lent for it is given back: their leases, and the tokens that we
    /// got by logging in. There is no other way to ask them.
    pub(crate) async fn lend<T>(&self, around: &Surroundings, work: impl AsyncFnOnce(Resolver) -> T) -> T {
        let resolver = Resolver::new(self.sources(around), clock());
        let sources = Arc::clone(resolver.sources());
        let outcome = work(resolver).await;
        if tokio::time::timeout(LEAVE, sources.close()).await.is_err() {
            tracing::warn!(target: "door", "not everything that vaults have lent was given back in time; it ends by itself");
        }
        outcome
    }

    fn sources(&self, around: &Surroundings) -> Sources {
        let clock = clock();
        let sources = self.local(around, self.open_files);
        let sources = sources.with(Kind::Command, self.programs(around));
        let vault = self.vault.provider(|open_files| self.local(around, open_files.unwrap_or(self.open_files)), &clock);
        let sources = sources.with(Kind::Vault, vault);
        self.with_keychain(self.clouds.add_to(sources, &environment(around), &clock))
    }

    /// What runs the programs that the operator has named.
    pub(crate) fn programs(&self, around: &Surroundings) -> Commands {
        Commands::new(environment(around), self.folder.clone())
    }

    fn local(&self, around: &Surroundings, open_files: OpenFiles) -> Sources {
        Sources::local(environment(around), Files::new(self.folder.clone(), open_files))
    }

    /// The chosen one and no other: a secret that is looked for in the wrong place is not there, and one that is put there is lost.
    fn with_keychain(&self, sources: Sources) -> Sources {
        match self.keychain {
            Some(KeychainStore::File) => {
                let (file, key) = (self.state.join(SEALED_FILE), self.state.join(INSTANCE_KEY_FILE));
                sources.with(Kind::Keychain, Keychain::sealed_file(file, key))
            }
            #[cfg(all(feature = "keychain", target_os = "linux"))]
            Some(KeychainStore::Keyutils) => sources.with(Kind::Keychain, Keychain::of_the_kernel()),
            #[cfg(feature = "keychain")]
            _ => sources.with(Kind::Keychain, Keychain::of_the_system()),
            #[cfg(not(feature = "keychain"))]
            _ => sources,
        }
    }
}

fn webhook(written: Option<&str>, judge: &mut Judge<'_>) -> Option<Template> {
    let path = Path::default().key("secrets").key("webhook");
    match Template::parse_secret(written?) {
        Ok(template) if template.has_references() => Some(template),
        Ok(_) => {
            judge.blame_secret(&path, "a secret does not stand in the configuration", "write a reference, such as `env://NAME`");
            None
        }
        Err(error) => {
            judge.blame_secret(&path, error, "write a reference, such as `env://NAME`");
            None
        }
    }
}

fn environment(around: &Surroundings) -> Environment {
    around.variables().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn clock() -> Clock {
    let clock = SystemClock::system();
    Arc::new(move || clock.unix_milliseconds())
}

/// For giving back what vaults have lent.
const LEAVE: Duration = Duration::from_secs(5);
const HAS_LINUX_KEYCHAINS: bool = cfg!(all(feature = "keychain", target_os = "linux"));
/// The sealed file's place in the state folder.
const SEALED_FILE: &str = "keychain.json";
