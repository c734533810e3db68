//! How is a secret named? `env://NAME`, `file:///path`, `${NAME}`: the names, never the values.
//!
//! ```text
//! env://NAME                    the variable NAME
//! file:///path, file://./path   the content of a file; the second form starts at the folder of the configuration
//!   …?ttl=SECONDS               keep the value for at most so long, 1 to 3600
//!   …#field                     take this member of the JSON object found there
//! ${NAME}, ${NAME:-default}     the variable NAME, inside a longer text too (see `template`)
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

pub use crate::template::Template;

/// One name of one secret. Prints as it was written; that is safe, for there is no value in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    place: Place,
    ttl: Option<Lifetime>,
    field: Option<String>,
}

impl Reference {
    /// A variable by its name: a letter or `_`, then letters, digits and `_`; at most 256 bytes.
    pub fn variable(name: &str) -> Result<Self, InvalidReference> {
        VariableName::parse(name).map(|name| Self::of(Place::Variable(name)))
    }

    /// Reads `text` as a reference if it begins with a scheme that is one. `None`: it is some other text, a web address for example.
    pub fn recognise(text: &str) -> Option<Result<Self, InvalidReference>> {
        let (scheme, rest) = text.split_once("://")?;
        match scheme {
            "env" => Some(Self::with_options(rest, |name| Ok(Place::Variable(VariableName::parse(name)?)))),
            "file" => Some(Self::with_options(rest, |path| Ok(Place::File(FilePath::parse(path)?)))),
            _ => {
                let scheme = LATER_SCHEMES.iter().find(|later| **later == scheme)?;
                Some(Err(InvalidReference::NotBuiltInYet { scheme }))
            }
        }
    }

    pub(crate) fn of_variable(name: &VariableName) -> Self {
        Self::of(Place::Variable(name.clone()))
    }

    fn of(place: Place) -> Self {
        Self { place, ttl: None, field: None }
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

    fn with_options(rest: &str, place: impl FnOnce(&str) -> Result<Place, InvalidReference>) -> Result<Self, InvalidReference> {
        let (rest, field) = match rest.split_once('#') {
            Some((_, "")) => return Err(InvalidReference::EmptyField),
            Some((rest, field)) => (rest, Some(field.to_owned())),
            None => (rest, None),
        };
        let (rest, ttl) = match rest.split_once('?') {
            Some((rest, options)) => (rest, Some(Lifetime::parse(options)?)),
            None => (rest, None),
        };
        Ok(Self { place: place(rest)?, ttl, field })
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
        match &self.place {
            Place::File(path) => write!(formatter, "file://{}", path.0)?,
            Place::Variable(name) => write!(formatter, "env://{}", name.0)?,
        }
        if let Some(ttl) = self.ttl {
            write!(formatter, "?ttl={}", ttl.0)?;
        }
        if let Some(field) = &self.field {
            write!(formatter, "#{field}")?;
        }
        Ok(())
    }
}

/// Where a secret lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In a file.
    File(FilePath),
    /// In a variable of the environment that we were started with.
    Variable(VariableName),
}

/// `/absolute` or `./relative`, taken letter by letter: nothing is percent-decoded, so `?` and `#` cannot occur in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilePath(String);

impl FilePath {
    /// The path as written; a relative one begins with `./`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(path: &str) -> Result<Self, InvalidReference> {
        let is_absolute = path.starts_with('/');
        if !is_absolute && !path.starts_with("./") {
            return Err(InvalidReference::PathShape);
        }
        if path.contains('\0') || path.ends_with('/') {
            return Err(InvalidReference::PathShape);
        }
        Ok(Self(path.to_owned()))
    }
}

/// The name of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VariableName(String);

impl VariableName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(name: &str) -> Result<Self, InvalidReference> {
        let mut letters = name.bytes();
        let starts_well = letters.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic());
        if starts_well && name.len() <= MAX_NAME_BYTES && letters.all(|letter| letter == b'_' || letter.is_ascii_alphanumeric()) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidReference::VariableName)
        }
    }
}

/// Seconds, 1 to 3600.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lifetime(u16);

impl Lifetime {
    fn parse(options: &str) -> Result<Self, InvalidReference> {
        let seconds = options.strip_prefix("ttl=").ok_or(InvalidReference::UnknownOption)?;
        // `+60` and `060` are numbers to the standard library, but would not print as they were written.
        if !seconds.bytes().all(|digit| digit.is_ascii_digit()) || seconds.starts_with('0') {
            return Err(InvalidReference::Ttl);
        }
        match seconds.parse() {
            Ok(seconds @ 1..=MAX_TTL_SECONDS) => Ok(Self(seconds)),
            _ => Err(InvalidReference::Ttl),
        }
    }
}

/// Why a text is no usable reference. Never quotes the text: a misplaced secret may stand there.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidReference {
    /// `${NAME:-default}` in a place for a secret.
    #[error("a secret has no default: write `${{NAME}}`")]
    DefaultForSecret,
    /// Nothing after `#`.
    #[error("the name of a JSON member must follow `#`")]
    EmptyField,
    /// `${` inside the default of a `${NAME:-default}`.
    #[error("a default cannot hold another `${{`")]
    NestedDefault,
    /// A whole text that should be a reference has no known scheme.
    #[error("a reference begins with `env://` or `file://`")]
    NoScheme,
    /// A store that this version cannot ask.
    #[error("`{scheme}://` references are not built in yet; use `env://`, `file://` or `${{NAME}}`")]
    NotBuiltInYet {
        /// The scheme of the store.
        scheme: &'static str,
    },
    /// A file reference that is neither `file:///path` nor `file://./path`.
    #[error("write `file:///path/to/file`, or `file://./file` for one beside the configuration")]
    PathShape,
    /// `ttl` is not a number of seconds from 1 to 3600.
    #[error("`ttl` is a whole number of seconds from 1 to {MAX_TTL_SECONDS}")]
    Ttl,
    /// `${` without `}`.
    #[error("`${{` has no `}}`; write `$${{` for a literal `${{`")]
    Unclosed,
    /// Something but `ttl` after `?`.
    #[error("the only option after `?` is `ttl=SECONDS`")]
    UnknownOption,
    /// Not the name of a variable.
    #[error("the name of a variable is a letter or `_`, then letters, digits and `_`, at most {MAX_NAME_BYTES} bytes")]
    VariableName,
}

const MAX_NAME_BYTES: usize = 256;
const MAX_TTL_SECONDS: u16 = 3600;
/// Stores that the design knows, or that other tools have made common. An error is better than sending such a text upstream as if it were
/// the secret.
const LATER_SCHEMES: [&str; 15] = [
    "aws-secretsmanager",
    "aws-ssm",
    "awssm",
    "azure-keyvault",
    "bws",
    "command",
    "doppler",
    "gcp-secretmanager",
    "infisical",
    "keychain",
    "keyring",
    "openbao",
    "op",
    "pass",
    "vault",
];

#[cfg(test)]
mod tests;
