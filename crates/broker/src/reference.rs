//! How is a secret named? By the place where it lies: names, never values.
//!
//! ```text
//! env://NAME                                  the variable NAME
//! file:///path, file://./path                 the content of a file; the second form starts at the folder of the configuration
//! keychain://SERVICE[/ACCOUNT]                an item of the system's keychain
//! vault://MOUNT/PATH#FIELD                    HashiCorp Vault or OpenBao; ?version=N
//! aws-secretsmanager://NAME-OR-ARN            AWS Secrets Manager; ?region=R, ?version-stage=S or ?version-id=V
//! azure-keyvault://VAULT/NAME[/VERSION]       Azure Key Vault
//! gcp-secretmanager://PROJECT/NAME[/VERSION]  Google Secret Manager
//! command://PROGRAM ARGUMENT…                 the output of a program, started without a shell; quotes as in a shell
//!   …?ttl=SECONDS                             keep the value for at most so long, 1 to 3600; options are joined by `&`
//!   …#field                                   take this member of the JSON object found there; `a.b` is member `b` of `a`
//! ${NAME}, ${NAME:-default}                   the variable NAME, inside a longer text too (see `template`)
//! ```
//!
//! Options and field may come in either order. Nothing is percent-decoded, so `?` and `#` end a name; in a command, quotes keep them.

mod beside;
mod invalid;
mod options;
mod place;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::time::Duration;

pub use beside::Beside;
pub use invalid::InvalidReference;
pub use place::{
    AwsSecret, AwsVersion, AzureSecret, CommandLine, FilePath, GcpSecret, KeychainItem, Kind, Place, VariableName, VaultSecret,
};

use self::options::Options;
pub use crate::template::Template;

/// One name of one secret. Prints as it was written; that is safe, for there is no value in it.
#[derive(Clone, Debug)]
pub struct Reference {
    place: Place,
    ttl: Option<Lifetime>,
    field: Option<Box<str>>,
    written: Box<str>,
}

impl Reference {
    /// A variable by its name: a letter or `_`, then letters, digits and `_`; at most 256 bytes.
    pub fn variable(name: &str) -> Result<Self, InvalidReference> {
        VariableName::parse(name).map(|name| Self::of_variable(&name))
    }

    /// Reads `text` as a reference if it begins with a scheme that is one. `None`: it is some other text, a web address for example.
    pub fn recognise(text: &str) -> Option<Result<Self, InvalidReference>> {
        let (scheme, rest) = text.split_once("://")?;
        let read: fn(&str, &mut Options<'_>) -> Result<Place, InvalidReference> = match scheme {
            "aws-secretsmanager" => |name, options| AwsSecret::parse(name, options).map(Place::Aws),
            "azure-keyvault" => |name, _| AzureSecret::parse(name).map(Place::Azure),
            "command" => |line, _| CommandLine::parse(line).map(Place::Command),
            "env" => |name, _| VariableName::parse(name).map(Place::Variable),
            "file" => |path, _| FilePath::parse(path).map(Place::File),
            "gcp-secretmanager" => |name, _| GcpSecret::parse(name).map(Place::Gcp),
            "keychain" => |item, _| KeychainItem::parse(item).map(Place::Keychain),
            "vault" => |path, options| VaultSecret::parse(path, options).map(Place::Vault),
            _ => return Some(Err(invalid::foreign(scheme)?)),
        };
        Some(Self::read(text, rest, scheme == "command", read))
    }

    /// The same reference whose value is kept for at most so many seconds, 1 to 3600; a shorter time that it names itself stays.
    pub fn with_ttl(mut self, seconds: &str) -> Result<Self, InvalidReference> {
        let ttl = Lifetime::parse(seconds)?;
        if self.ttl.is_none_or(|known| ttl < known) {
            self.ttl = Some(ttl);
            self.written = options::rewrite(&self.written, ttl.0).into();
        }
        Ok(self)
    }

    pub(crate) fn of_variable(name: &VariableName) -> Self {
        let written = format!("env://{}", name.as_str()).into();
        Self { place: Place::Variable(name.clone()), ttl: None, field: None, written }
    }

    /// The place as it was written: without `ttl` and field.
    pub fn place_name(&self) -> String {
        options::bare(&self.written)
    }

    /// Where the secret lies.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// For how long its value may be kept at most, if the reference says.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl.map(|ttl| Duration::from_secs(ttl.0.into()))
    }

    /// The member of a JSON object to take, if not the whole.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Whether resolving it runs a program, which only the operator's own configuration may ask for.
    pub fn runs_a_program(&self) -> bool {
        matches!(self.place, Place::Command(_))
    }

    fn read(
        text: &str,
        rest: &str,
        is_quoted: bool,
        place: fn(&str, &mut Options<'_>) -> Result<Place, InvalidReference>,
    ) -> Result<Self, InvalidReference> {
        let options::Parts { name, options, field } = options::split(rest, is_quoted)?;
        let mut options = Options::parse(options)?;
        let ttl = options.take("ttl").map(Lifetime::parse).transpose()?;
        let place = place(name, &mut options)?;
        options.finish()?;
        if field.is_none() && matches!(place, Place::Vault(_)) {
            return Err(InvalidReference::FieldMissing);
        }
        Ok(Self { place, ttl, field: field.map(Into::into), written: text.into() })
    }
}

impl PartialEq for Reference {
    /// Two spellings of one name are one reference.
    fn eq(&self, other: &Self) -> bool {
        (&self.place, self.ttl, &self.field) == (&other.place, other.ttl, &other.field)
    }
}

impl Eq for Reference {}

impl Hash for Reference {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.place, self.ttl, &self.field).hash(state);
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    /// Reads a whole text that must be a reference by scheme.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        Self::recognise(text).unwrap_or(Err(InvalidReference::NoScheme))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

/// Seconds, 1 to 3600.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Lifetime(u16);

impl Lifetime {
    fn parse(seconds: &str) -> Result<Self, InvalidReference> {
        // `+60` and `060` are numbers to the standard library only.
        if !seconds.bytes().all(|digit| digit.is_ascii_digit()) || seconds.starts_with('0') {
            return Err(InvalidReference::Ttl);
        }
        match seconds.parse() {
            Ok(seconds @ 1..=MAX_TTL_SECONDS) => Ok(Self(seconds)),
            _ => Err(InvalidReference::Ttl),
        }
    }
}

/// An hour: no value is kept longer without being fetched again (K2).
const MAX_TTL_SECONDS: u16 = 3600;

#[cfg(test)]
mod tests;
