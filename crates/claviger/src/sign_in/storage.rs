//! Where are this person's tokens kept? In the system's keychain where there is one, else in a sealed file; chosen once, said aloud, and changed only when told to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use broker::account::wallet::Wallet;
use broker::missing::Cause;
use broker::reference::Reference;
use broker::source::{Keychain, Provider as _};
use clap::ValueEnum;

use crate::config::plan::INSTANCE_KEY_FILE;
use crate::voice::{Exit, Report};

/// A place for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Storage {
    /// The system's keychain: Secret Service, macOS Keychain, Windows Credential Manager
    Keychain,
    /// The kernel's session keyring, which forgets when the machine starts again
    Keyutils,
    /// A file sealed with a key of this machine
    File,
}

/// A choice, and whether it has just been made.
pub(crate) struct Chosen {
    pub(crate) storage: Storage,
    /// Why it is not the keychain, where that was tried.
    pub(crate) fell_back: Option<Cause>,
}

impl Storage {
    /// Its name, as in `--storage`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::Keyutils => "keyutils",
            Self::File => "file",
        }
    }

    /// What a person reads about it before their first log-in.
    pub(super) fn line(self) -> String {
        let place = match self {
            Self::File => "a file sealed with a key of this machine",
            Self::Keychain => "the system's keychain",
            Self::Keyutils => "the kernel's keyring",
        };
        format!("tokens are kept in {place}; `claviger login URL --storage PLACE` changes that\n")
    }

    fn by_name(name: &str) -> Option<Self> {
        [Self::Keychain, Self::Keyutils, Self::File].into_iter().find(|storage| storage.name() == name)
    }

    fn keychain(self, state: &Path) -> Keychain {
        let sealed = || Keychain::sealed_file(state.join(SEALED_FILE), state.join(INSTANCE_KEY_FILE));
        match self {
            #[cfg(feature = "keychain")]
            Self::Keychain => Keychain::of_the_system(),
            #[cfg(all(feature = "keychain", target_os = "linux"))]
            Self::Keyutils => Keychain::of_the_kernel(),
            _ => sealed(),
        }
    }

    /// The wallet there.
    pub(crate) fn wallet(self, state: &Path) -> Wallet {
        Wallet::new(folder(state), self.keychain(state), self.name())
    }
}

/// The wallet where it was chosen to be; before anything was chosen, an empty one.
pub(crate) fn open(state: &Path) -> Result<Wallet, Report> {
    Ok(chosen(state)?.unwrap_or(Storage::File).wallet(state))
}

/// What a person is told at their first log-in on this machine; `None`: it is not their first.
pub(super) fn first_words(state: &Path) -> Option<String> {
    let storage = chosen(state).ok()?.unwrap_or(Storage::File);
    let is_first = storage.wallet(state).list().is_ok_and(|accounts| accounts.is_empty());
    is_first.then(|| storage.line())
}

/// What was chosen before.
pub(crate) fn chosen(state: &Path) -> Result<Option<Storage>, Report> {
    let file = choice_file(state);
    match fs::read_to_string(&file) {
        Ok(text) => Storage::by_name(text.trim()).map(Some).ok_or_else(|| {
            Report::new(Exit::Configuration, format!("`{}` does not say where tokens are kept", file.display()))
                .hint("write `keychain`, `keyutils` or `file` into it")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&file, &error)),
    }
}

/// Makes the choice if none was made: what is wished, else the system's keychain if it answers.
pub(crate) async fn choose(state: &Path, wished: Option<Storage>) -> Result<Chosen, Report> {
    if let Some(storage) = chosen(state)? {
        return Ok(Chosen { storage, fell_back: None });
    }
    let (storage, fell_back) = match wished {
        Some(wished) => (wished, None),
        None => match answers(Storage::Keychain, state).await {
            Ok(()) => (Storage::Keychain, None),
            Err(cause) => (Storage::File, Some(cause)),
        },
    };
    keep_choice(state, storage)?;
    Ok(Chosen { storage, fell_back })
}

/// From now on, tokens are kept there.
pub(crate) fn keep_choice(state: &Path, storage: Storage) -> Result<(), Report> {
    let file = choice_file(state);
    let written = make_folder(&folder(state)).and_then(|()| fs::write(&file, format!("{}\n", storage.name())));
    written.map_err(|error| unreadable(&file, &error))
}

/// Whether the place that was chosen answers; before anything was chosen, whether the system's keychain does.
pub(crate) async fn probe(state: &Path) -> Result<(), Cause> {
    let storage = chosen(state).ok().flatten().unwrap_or(Storage::Keychain);
    answers(storage, state).await
}

/// A keychain that is there says that it has no such item.
async fn answers(storage: Storage, state: &Path) -> Result<(), Cause> {
    let probe: Reference = PROBE.parse().map_err(|_| Cause::NotFound)?;
    match storage.keychain(state).fetch(probe.place()).await {
        Ok(_) => Ok(()),
        Err(cause) if cause.is_absence() => Ok(()),
        Err(cause) => Err(cause),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn folder(state: &Path) -> PathBuf {
    state.join("accounts")
}

fn choice_file(state: &Path) -> PathBuf {
    folder(state).join("storage")
}

fn unreadable(file: &Path, error: &io::Error) -> Report {
    Report::new(Exit::InputOutput, format!("`{}` cannot be used", file.display())).caused_by(error)
}

/// In the folder of the accounts.
const SEALED_FILE: &str = "accounts/sealed.json";
const PROBE: &str = "keychain://claviger-accounts/probe";
