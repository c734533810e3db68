//! Who has an account here, and is this their password? A file that operators edit and `claviger accounts` writes; passwords as argon2id hashes (RFC 9106).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::grant::Person;
use crate::shelf::hashed;
use crate::throttle::{Place, Turnstile};

/// The local accounts.
pub(crate) struct Accounts {
    file: PathBuf,
    read: ArcSwapOption<Read>,
    /// A hash takes 19 MiB while it is computed.
    pub(crate) turnstile: Turnstile,
}

/// One account, as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The argon2id hash of the password, in PHC form.
    pub password: String,
    /// The person's name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The groups that they are in.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether they may sign in no more.
    #[serde(default)]
    pub disabled: bool,
}

/// Tells one password of an account from the next, by a hash of its hash. Nobody sees it but under a seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp(String);

impl Stamp {
    fn of(account: &Account) -> Self {
        Self(hashed("", &account.password))
    }
}

/// Why the file of accounts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountsFailure {
    /// It cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("`{}` is not a file of accounts: line {line}: {message}", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Where, counted from one.
        line: usize,
        /// Why, without the line's text: there are hashes in it.
        message: String,
    },
    /// Nobody could sign in with what it says, or with a name that is somebody else's.
    #[error("`{}`: account `{account}`: {fault}", .path.display())]
    Account {
        /// The file.
        path: PathBuf,
        /// Whose.
        account: String,
        /// What is wrong with it.
        fault: AccountFault,
    },
    /// A hash cannot be computed.
    #[error("cannot hash a password")]
    Hash,
}

/// What is wrong with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// See [`is_username`].
    #[error("the name of an account has 1 to 64 characters of `A-Z a-z 0-9 . _ - @ +`")]
    Name,
    /// See [`Account::password`].
    #[error("`password` is not an argon2id hash; `claviger accounts reset` makes a new one")]
    Password,
}

struct Read {
    /// What the file was like when it was read.
    stamp: Option<(SystemTime, u64)>,
    accounts: BTreeMap<String, Account>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    accounts: BTreeMap<String, Account>,
}

impl Accounts {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, read: ArcSwapOption::empty(), turnstile: Turnstile::new(HASHES_AT_ONCE) }
    }

    /// Whether anybody has an account.
    pub(crate) fn is_empty(&self) -> Result<bool, AccountsFailure> {
        Ok(self.current()?.accounts.is_empty())
    }

    /// Who it is, if the password is theirs; and the place, to be held until it is counted what came of it. Takes as long for an account that there is not.
    pub(crate) async fn sign_in(
        &self,
        username: &str,
        password: SecretString,
        place: Place,
    ) -> Result<(Option<(Person, Stamp)>, Place), AccountsFailure> {
        let read = self.current()?;
        let account = read.accounts.get(username).filter(|account| !account.disabled);
        let hash = account.map_or_else(|| NOBODYS.clone(), |account| account.password.clone());
        // The place goes along: whoever hangs up meanwhile has their hash computed all the same.
        let work = tokio::task::spawn_blocking(move || (verify(&password, &hash), place));
        let (is_right, place) = work.await.map_err(|_| AccountsFailure::Hash)?;
        Ok((account.filter(|_| is_right).map(|account| (account.person(username), Stamp::of(account))), place))
    }

    /// The person as the file has them now; `None`: they may sign in no more.
    pub(crate) fn person(&self, username: &str) -> Result<Option<Person>, AccountsFailure> {
        let read = self.current()?;
        Ok(read.accounts.get(username).filter(|account| !account.disabled).map(|account| account.person(username)))
    }

    /// Which password somebody has now.
    pub(crate) fn stamp(&self, username: &str) -> Result<Option<Stamp>, AccountsFailure> {
        Ok(self.current()?.accounts.get(username).map(Stamp::of))
    }

    /// Whether there is an account of this name, in use or not.
    pub(crate) fn knows(&self, username: &str) -> Result<bool, AccountsFailure> {
        Ok(self.current()?.accounts.contains_key(username))
    }

    /// The file as it is now, read anew when it has changed. No file is no account.
    fn current(&self) -> Result<Arc<Read>, AccountsFailure> {
        let stamp = std::fs::metadata(&self.file).ok().and_then(|about| Some((about.modified().ok()?, about.len())));
        if let Some(read) = self.read.load_full().filter(|read| read.stamp == stamp) {
            return Ok(read);
        }
        let read = Arc::new(Read { stamp, accounts: read(&self.file)? });
        self.read.store(Some(Arc::clone(&read)));
        Ok(read)
    }
}

impl Account {
    fn person(&self, username: &str) -> Person {
        Person {
            subject: username.to_owned(),
            name: self.name.clone().unwrap_or_else(|| username.to_owned()),
            provider: None,
            groups: self.groups.clone(),
        }
    }
}

/// Reads a file of accounts; none is there where there is no file.
pub fn read(file: &Path) -> Result<BTreeMap<String, Account>, AccountsFailure> {
    let text = match read_text(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(AccountsFailure::Read { path: file.to_owned(), source }),
    };
    parse(&text, file)
}

/// Reads the text of a file of accounts, which stands at `path`.
pub fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, Account>, AccountsFailure> {
    let parsed: Written = toml_edit::de::from_str(text).map_err(|source| {
        let before = source.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        AccountsFailure::Shape { path: path.to_owned(), line, message: harmless(source.message()) }
    })?;
    for (name, account) in &parsed.accounts {
        let is_argon2id = PasswordHash::new(&account.password).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id");
        let fault = match (is_username(name), is_argon2id) {
            (true, true) => continue,
            (false, _) => AccountFault::Name,
            (true, false) => AccountFault::Password,
        };
        return Err(AccountsFailure::Account { path: path.to_owned(), account: name.escape_debug().to_string(), fault });
    }
    Ok(parsed.accounts)
}

fn read_text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = File::open(file)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_BYTES { Err(ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// What a reader says, without the value that it stumbled over, which may be a hash, and without what could steer a terminal.
fn harmless(message: &str) -> String {
    let is_about_a_value = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    let said = match message.rsplit_once(", expected ") {
        Some((_, expected)) if is_about_a_value => format!("{expected} is expected"),
        _ if is_about_a_value => "there is another value than is expected".to_owned(),
        _ => message.to_owned(),
    };
    said.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// The hash of a password, in PHC form, with a fresh salt. Takes tens of milliseconds and 19 MiB.
pub fn hash(password: &SecretString) -> Result<String, AccountsFailure> {
    let hashed = argon2id().hash_password(password.expose_secret().as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|_| AccountsFailure::Hash)
}

/// Whether a text can name an account: what is easy to type and to read, and cannot be taken for somebody of a provider.
pub fn is_username(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn verify(password: &SecretString, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    password.expose_secret().len() <= LONGEST_PASSWORD && argon2id().verify_password(password.expose_secret().as_bytes(), &hash).is_ok()
}

/// The parameters that OWASP's cheat sheet for passwords names first.
fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT))
}

/// The hash of a password that nobody has, so that an account that there is not takes as long as one that there is.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash(&SecretString::from("nobody")).unwrap_or_default());

/// The longest file that is read: room for many thousands.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
const HASHES_AT_ONCE: usize = 2;
const LONGEST_PASSWORD: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_file_is_told_without_any_hash_and_steers_no_terminal() {
        let told = |text: &str| parse(text, Path::new("accounts.toml")).unwrap_err().to_string();
        for (text, expected) in [
            ("[accounts.ada]\npassword = '$argon2id$secret'\ngroups = '$argon2id$secret'", "line 3: a sequence is expected"),
            ("[accounts.ada]\npassword = '$argon2id$secret'\ndisabled = '$argon2id$secret, expected x'", "line 3: a boolean is expected"),
            ("[accounts.ada]\npassword = ['$argon2id$secret']", "line 2: a string is expected"),
            ("[accounts.ada]\npassword = '$argon2id$secret", "line 2: "),
            ("[accounts.ada]\n\"\\u001b[2J\" = 1", "line 2: unknown field ` [2J`"),
        ] {
            let told = told(text);
            assert!(told.contains(expected) && !told.contains("secret") && !told.contains(char::is_control), "{told:?}");
        }
    }

    #[test]
    fn an_endless_file_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_BYTES + 1).unwrap();
        assert!(matches!(read(file.path()), Err(AccountsFailure::Read { source, .. }) if source.kind() == ErrorKind::FileTooLarge));
    }

    #[test]
    fn an_account_that_there_is_not_costs_as_much_as_one_that_there_is() {
        let theirs = hash(&SecretString::from("theirs")).unwrap();
        let cost = |hash: &str| hash.rsplitn(3, '$').last().unwrap().to_owned();
        assert_eq!(cost(&NOBODYS), cost(&theirs));
        assert_eq!(cost(&theirs), "$argon2id$v=19$m=19456,t=2,p=1");
        assert!(verify(&SecretString::from("theirs"), &theirs) && !verify(&SecretString::from("other"), &theirs));
        assert!(
            !verify(&SecretString::from("x".repeat(LONGEST_PASSWORD + 1)), &theirs) && !verify(&SecretString::from("theirs"), "nonsense")
        );
    }
}
