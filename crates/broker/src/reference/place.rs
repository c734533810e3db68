//! Where can a secret lie? One type for each kind of place, which only a well-formed name makes.
//!
//! None of them holds the address of a server: whom we ask, and with which credential of ours, is the operator's word alone. A reference may come from a
//! stranger's file.

use super::InvalidReference;
use super::options::Options;

/// Where a secret lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// In AWS Secrets Manager.
    Aws(AwsSecret),
    /// In an Azure Key Vault.
    Azure(AzureSecret),
    /// In the output of a program.
    Command(CommandLine),
    /// In a file.
    File(FilePath),
    /// In Google Secret Manager.
    Gcp(GcpSecret),
    /// In the system's keychain.
    Keychain(KeychainItem),
    /// In a variable of the environment that we were started with.
    Variable(VariableName),
    /// In HashiCorp Vault or OpenBao.
    Vault(VaultSecret),
}

/// The kinds of places, by the scheme that names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// `aws-secretsmanager://`
    Aws,
    /// `azure-keyvault://`
    Azure,
    /// `command://`
    Command,
    /// `file://`
    File,
    /// `gcp-secretmanager://`
    Gcp,
    /// `keychain://`
    Keychain,
    /// `env://` and `${NAME}`
    Variable,
    /// `vault://`
    Vault,
}

impl Kind {
    /// The scheme that names it, without `://`.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Aws => "aws-secretsmanager",
            Self::Azure => "azure-keyvault",
            Self::Command => "command",
            Self::File => "file",
            Self::Gcp => "gcp-secretmanager",
            Self::Keychain => "keychain",
            Self::Variable => "env",
            Self::Vault => "vault",
        }
    }

    /// The kind that a scheme names.
    pub fn named(scheme: &str) -> Option<Self> {
        let all = [Self::Aws, Self::Azure, Self::Command, Self::File, Self::Gcp, Self::Keychain, Self::Variable, Self::Vault];
        all.into_iter().find(|kind| kind.scheme() == scheme)
    }
}

impl Place {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Aws(_) => Kind::Aws,
            Self::Azure(_) => Kind::Azure,
            Self::Command(_) => Kind::Command,
            Self::File(_) => Kind::File,
            Self::Gcp(_) => Kind::Gcp,
            Self::Keychain(_) => Kind::Keychain,
            Self::Variable(_) => Kind::Variable,
            Self::Vault(_) => Kind::Vault,
        }
    }
}

/// A secret by its name or ARN, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AwsSecret {
    /// The name (1 to 512 of letters, digits and `/_+=.@-`) or the whole ARN.
    pub id: Box<str>,
    /// The region, if the reference or the ARN says.
    pub region: Option<Box<str>>,
    /// Which version; `None`: `AWSCURRENT`.
    pub version: Option<AwsVersion>,
}

/// Which version of a secret in AWS Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AwsVersion {
    /// The one with this unique id.
    Id(Box<str>),
    /// The one with this staging label.
    Stage(Box<str>),
}

impl AwsSecret {
    pub(super) fn parse(name: &str, options: &mut Options<'_>) -> Result<Self, InvalidReference> {
        let is_arn = name.starts_with("arn:");
        let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"/_+=.@-".contains(&letter) || (is_arn && letter == b':');
        if name.is_empty() || name.len() > MAX_AWS_NAME_BYTES || !name.bytes().all(plain) {
            return Err(InvalidReference::AwsName);
        }
        let region = match options.take("region") {
            Some(region) => Some(region),
            None if is_arn => Some(region_of_arn(name).ok_or(InvalidReference::AwsName)?),
            None => None,
        };
        if region.is_some_and(|region| !is_label(region, b"-")) {
            return Err(InvalidReference::OptionValue { option: "region" });
        }
        let version = match (options.take("version-id"), options.take("version-stage")) {
            (None, None) => None,
            (Some(id), None) if is_label(id, b"-") => Some(AwsVersion::Id(id.into())),
            (None, Some(stage)) if is_label(stage, b"-_/+=.@") => Some(AwsVersion::Stage(stage.into())),
            (Some(_), Some(_)) => return Err(InvalidReference::TwoVersions),
            _ => return Err(InvalidReference::OptionValue { option: "version" }),
        };
        Ok(Self { id: name.into(), region: region.map(Into::into), version })
    }
}

/// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`.
fn region_of_arn(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(7, ':');
    let service = parts.nth(2)?;
    let region = parts.next()?;
    let kind = parts.nth(1)?;
    let name = parts.next()?;
    (service == "secretsmanager" && kind == "secret" && !name.is_empty()).then_some(region)
}

/// A secret of a vault, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AzureSecret {
    /// The vault's name: 3 to 24 letters, digits and dashes.
    pub vault: Box<str>,
    /// The secret's name: 1 to 127 letters, digits and dashes.
    pub name: Box<str>,
    /// The version: 32 hexadecimal digits; `None`: the newest.
    pub version: Option<Box<str>>,
}

impl AzureSecret {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidReference> {
        let mut parts = text.split('/');
        let (Some(vault), Some(name), version, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidReference::AzureName);
        };
        let vault_fits = (3..=24).contains(&vault.len()) && is_label(vault, b"-");
        let version_fits = version.is_none_or(|version| version.len() == 32 && version.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if !vault_fits || !(1..=127).contains(&name.len()) || !is_label(name, b"-") || !version_fits {
            return Err(InvalidReference::AzureName);
        }
        Ok(Self { vault: vault.into(), name: name.into(), version: version.map(Into::into) })
    }
}

/// A program and its arguments; at least the program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandLine {
    /// The program, as a path or a name to look up in `PATH`.
    pub program: Box<str>,
    /// Its arguments.
    pub arguments: Vec<Box<str>>,
}

impl CommandLine {
    pub(super) fn parse(line: &str) -> Result<Self, InvalidReference> {
        if line.len() > MAX_COMMAND_BYTES || line.contains('\0') {
            return Err(InvalidReference::CommandShape);
        }
        let words = shell_words::split(line).map_err(|_| InvalidReference::CommandShape)?;
        let mut words = words.into_iter().map(String::into_boxed_str);
        let program = words.next().filter(|program| !program.is_empty()).ok_or(InvalidReference::CommandShape)?;
        Ok(Self { program, arguments: words.collect() })
    }
}

/// `/absolute` or `./relative`, taken letter by letter: nothing is percent-decoded, so `?` and `#` cannot occur in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilePath(Box<str>);

impl FilePath {
    /// The path as written; a relative one begins with `./`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(path: &str) -> Result<Self, InvalidReference> {
        let is_absolute = path.starts_with('/');
        if !is_absolute && !path.starts_with("./") {
            return Err(InvalidReference::PathShape);
        }
        if path.contains('\0') || path.ends_with('/') {
            return Err(InvalidReference::PathShape);
        }
        Ok(Self(path.into()))
    }
}

/// A secret of a project, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GcpSecret {
    /// The project's id or number: letters, digits and `-.:`.
    pub project: Box<str>,
    /// The secret's name: 1 to 255 letters, digits, `-` and `_`.
    pub name: Box<str>,
    /// A number or an alias; `None`: `latest`.
    pub version: Option<Box<str>>,
}

impl GcpSecret {
    /// `PROJECT/NAME[/VERSION]`, or as Google prints it: `projects/PROJECT/secrets/NAME[/versions/VERSION]`.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidReference> {
        let parts: Vec<&str> = text.split('/').collect();
        let (project, name, version) = match *parts.as_slice() {
            ["projects", project, "secrets", name] | [project, name] => (project, name, None),
            ["projects", project, "secrets", name, "versions", version] | [project, name, version] => (project, name, Some(version)),
            _ => return Err(InvalidReference::GcpName),
        };
        let version_fits = version.is_none_or(|version| version.len() <= 63 && is_label(version, b"-_"));
        if project.len() > 63 || !is_label(project, b"-.:") || name.len() > 255 || !is_label(name, b"-_") || !version_fits {
            return Err(InvalidReference::GcpName);
        }
        Ok(Self { project: project.into(), name: name.into(), version: version.map(Into::into) })
    }
}

/// An item of the keychain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeychainItem {
    /// The service, without `/`.
    pub service: Box<str>,
    /// The account, if the service has several.
    pub account: Option<Box<str>>,
}

impl KeychainItem {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidReference> {
        let (service, account) = match text.split_once('/') {
            Some((service, account)) => (service, Some(account)),
            None => (text, None),
        };
        let fits = |part: &str| (1..=MAX_NAME_BYTES).contains(&part.len()) && !part.contains(char::is_control);
        if !fits(service) || !account.is_none_or(fits) {
            return Err(InvalidReference::KeychainName);
        }
        Ok(Self { service: service.into(), account: account.map(Into::into) })
    }
}

/// The name of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VariableName(Box<str>);

impl VariableName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(name: &str) -> Result<Self, InvalidReference> {
        let mut letters = name.bytes();
        let starts_well = letters.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic());
        if starts_well && name.len() <= MAX_NAME_BYTES && letters.all(|letter| letter == b'_' || letter.is_ascii_alphanumeric()) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidReference::VariableName)
        }
    }
}

/// A path of HashiCorp Vault or OpenBao, as the `vault` command takes it: the mount first, without `data/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VaultSecret {
    /// Mount and path, such as `secret/github` or `database/creds/readonly`; no segment is empty, `.` or `..`.
    pub path: Box<str>,
    /// The version, where the mount keeps several (KV 2); `None`: the newest.
    pub version: Option<u32>,
}

impl VaultSecret {
    pub(super) fn parse(path: &str, options: &mut Options<'_>) -> Result<Self, InvalidReference> {
        let segment_fits = |segment: &str| !matches!(segment, "" | "." | "..");
        let letter_fits = |letter: u8| letter.is_ascii_graphic() && !b"\\%\"<>^`{|}".contains(&letter);
        let fits = path.len() <= MAX_VAULT_PATH_BYTES && path.bytes().all(letter_fits) && path.split('/').all(segment_fits);
        // Below these Vault keeps no secrets for us; it would tell our own token there.
        let is_of_system = path.starts_with("auth/") || path.starts_with("sys/");
        if !fits || !path.contains('/') || is_of_system {
            return Err(InvalidReference::VaultPath);
        }
        let version = match options.take("version").map(str::parse) {
            None => None,
            Some(Ok(version @ 1..)) => Some(version),
            Some(_) => return Err(InvalidReference::OptionValue { option: "version" }),
        };
        Ok(Self { path: path.into(), version })
    }
}

/// Not empty, and nothing but letters, digits and what `more` holds.
fn is_label(text: &str, more: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || more.contains(&letter))
}

pub(super) const MAX_NAME_BYTES: usize = 256;
/// An ARN around the longest name.
const MAX_AWS_NAME_BYTES: usize = 640;
const MAX_COMMAND_BYTES: usize = 4096;
const MAX_VAULT_PATH_BYTES: usize = 512;
