//! How is the file of accounts changed? As text, so that what a person has written in it stays; written whole or not at all, and for its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use issuer::accounts::{AccountsFailure, hash, is_username};
use secrecy::{ExposeSecret as _, SecretString};
use toml_edit::{Array, DocumentMut, Item, Table, TomlError, value};

/// Why the file was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotChanged {
    /// There is such an account already.
    #[error("there is an account `{0}` already")]
    Exists(String),
    /// There is no such account.
    #[error("there is no account `{0}`")]
    Missing(String),
    /// It is no name.
    #[error("the name of an account is 1 to 64 of the characters a-z A-Z 0-9 . _ - @ +")]
    Name,
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] AccountsFailure),
    /// The file is not TOML.
    #[error("the file is not TOML: {}", .0.message())]
    Toml(TomlError),
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Random,
}

/// What is known of a new account besides its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// The person's name for people.
    pub(crate) name: Option<String>,
    /// The groups that they are in.
    pub(crate) groups: Vec<String>,
}

/// Makes an account with a password that is shown this once.
pub(crate) fn add(file: &Path, username: &str, about: &About) -> Result<SecretString, NotChanged> {
    if !is_username(username) {
        return Err(NotChanged::Name);
    }
    let password = password()?;
    change(file, |accounts| {
        if accounts.contains_key(username) {
            return Err(NotChanged::Exists(username.to_owned()));
        }
        let mut account = Table::new();
        account.insert("password", value(hash(&password)?));
        if let Some(name) = &about.name {
            account.insert("name", value(name));
        }
        if !about.groups.is_empty() {
            account.insert("groups", value(about.groups.iter().collect::<Array>()));
        }
        accounts.insert(username, Item::Table(account));
        Ok(())
    })?;
    Ok(password)
}

/// Gives an account a new password, which is shown this once.
pub(crate) fn reset(file: &Path, username: &str) -> Result<SecretString, NotChanged> {
    let password = password()?;
    change(file, |accounts| {
        let account =
            accounts.get_mut(username).and_then(Item::as_table_like_mut).ok_or_else(|| NotChanged::Missing(username.to_owned()))?;
        account.insert("password", value(hash(&password)?));
        Ok(())
    })?;
    Ok(password)
}

/// Removes an account.
pub(crate) fn remove(file: &Path, username: &str) -> Result<(), NotChanged> {
    change(file, |accounts| accounts.remove(username).map(drop).ok_or_else(|| NotChanged::Missing(username.to_owned())))
}

/// A password that nobody guesses and everybody can type: 80 bits in four groups.
fn password() -> Result<SecretString, NotChanged> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NotChanged::Random)?;
    let mut text = String::with_capacity(19);
    for (position, byte) in bytes.into_iter().enumerate() {
        if position > 0 && position % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().unwrap_or(b'0')));
    }
    Ok(text.into())
}

fn change(file: &Path, work: impl FnOnce(&mut Table) -> Result<(), NotChanged>) -> Result<(), NotChanged> {
    let (head, text) = match fs::read_to_string(file) {
        Ok(text) => ("", text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (HEAD, String::new()),
        Err(error) => return Err(error.into()),
    };
    let mut document: DocumentMut = text.parse().map_err(NotChanged::Toml)?;
    let accounts = document.entry("accounts").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let accounts =
        accounts.as_table_mut().ok_or_else(|| NotChanged::Io(io::Error::new(io::ErrorKind::InvalidData, "`accounts` is no table")))?;
    work(accounts)?;
    write_whole(file, format!("{head}{document}").as_bytes())
}

/// Beside it first, so that a reader finds the old one or the new one.
fn write_whole(file: &Path, text: &[u8]) -> Result<(), NotChanged> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = file.with_extension("toml.new");
    let mut written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    written.write_all(text)?;
    written.sync_all()?;
    fs::rename(&beside, file)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Whether these are the bytes of a password of ours, for tests and people alike: no letter that looks like another.
const ALPHABET: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
const HEAD: &str = "# Who may sign in at this door. Passwords are argon2id hashes; `claviger accounts` makes them.\n\n";

/// The password as it is shown.
pub(crate) fn shown(password: &SecretString) -> &str {
    password.expose_secret()
}

#[cfg(test)]
mod tests {
    use issuer::accounts::read;

    use super::*;

    #[test]
    fn what_a_person_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accounts.toml");
        let bobs = hash(&SecretString::from("bobs")).unwrap();
        fs::write(&file, format!("# ours\n[accounts.bob] # the other one\npassword = \"{bobs}\"\n")).unwrap();
        let password = add(&file, "ada", &About { name: Some("Ada".into()), groups: vec!["admins".into()] }).unwrap();
        assert_eq!((shown(&password).len(), shown(&password).matches('-').count()), (19, 3));
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# ours\n[accounts.bob] # the other one\n"), "{text}");
        assert!(!text.contains(shown(&password)));
        let accounts = read(&file).unwrap();
        assert_eq!((accounts["ada"].name.as_deref(), accounts["ada"].groups.as_slice()), (Some("Ada"), ["admins".to_owned()].as_slice()));
        let before = accounts["ada"].password.clone();
        assert!(before.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{before}");
        reset(&file, "ada").unwrap();
        assert_ne!(read(&file).unwrap()["ada"].password, before);
        remove(&file, "ada").unwrap();
        assert_eq!(read(&file).unwrap().into_keys().collect::<Vec<_>>(), ["bob"]);
    }

    #[test]
    fn the_file_is_for_its_owner_and_names_are_names() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/accounts.toml");
        add(&file, "ada", &About::default()).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&file).unwrap().starts_with(&format!("{HEAD}[accounts.ada]\n")), "what it is stands at its head");
        assert!(matches!(add(&file, "ada", &About::default()), Err(NotChanged::Exists(_))));
        assert!(matches!(reset(&file, "bob"), Err(NotChanged::Missing(_))));
        assert!(matches!(remove(&file, "bob"), Err(NotChanged::Missing(_))));
        for name in ["", "a b", "google|1", "a/b", &"a".repeat(65)] {
            assert!(matches!(add(&file, name, &About::default()), Err(NotChanged::Name)), "{name}");
        }
    }
}
