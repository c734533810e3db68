//! Where do secrets lie? From `[secrets]` to the sources that the door asks, and `claviger secrets` too.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use broker::Resolver;
use broker::reference::Kind;
use broker::source::{Commands, Environment, Files, Keychain, OpenFiles, Sources};
use gateway::clock::Clock;

use super::env::Surroundings;
use super::file::{self, KeychainStore};
use super::judge::Judge;
use super::plan::INSTANCE_KEY_FILE;
use super::tree::Path;

/// Where secrets lie.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    /// Where relative files start.
    folder: PathBuf,
    open_files: OpenFiles,
    keychain: Option<KeychainStore>,
    state: PathBuf,
}

impl Secrets {
    /// Reads `[secrets]`.
    pub(crate) fn read(written: &file::Secrets, folder: &FilePath, state: &FilePath, judge: &mut Judge<'_>) -> Self {
        let keychain = written.keychain.store;
        if matches!(keychain, Some(KeychainStore::Keyutils | KeychainStore::SecretService)) && !HAS_LINUX_KEYCHAINS {
            let path = Path::default().key("secrets").key("keychain").key("store");
            judge.blame_with_hint(&path, "this build of Claviger has no such store", "write `file`, or remove the line");
        }
        Self { keychain, ..Self::usual(folder, state) }
    }

    /// Without a word from anybody.
    pub(crate) fn usual(folder: &FilePath, state: &FilePath) -> Self {
        Self { folder: folder.to_owned(), open_files: OpenFiles::Warn, keychain: None, state: state.to_owned() }
    }

    /// The same, where people depend on it.
    pub(crate) fn for_production(self) -> Self {
        Self { open_files: OpenFiles::Refuse, ..self }
    }

    /// What can be asked.
    pub(crate) fn sources(&self, around: &Surroundings) -> Sources {
        let environment = || -> Environment { around.variables().iter().map(|(name, value)| (name.clone(), value.clone())).collect() };
        let sources = Sources::local(environment(), Files::new(self.folder.clone(), self.open_files));
        let sources = sources.with(Kind::Command, Commands::new(environment(), self.folder.clone()));
        self.with_keychain(sources)
    }

    /// What resolves references by them.
    pub(crate) fn resolver(&self, around: &Surroundings) -> Resolver {
        let clock = Clock::system();
        Resolver::new(self.sources(around), Arc::new(move || clock.unix_milliseconds()))
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

const HAS_LINUX_KEYCHAINS: bool = cfg!(all(feature = "keychain", target_os = "linux"));
/// The sealed file's place in the state folder.
const SEALED_FILE: &str = "keychain.json";
