//! What can a person type after `scan`?

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::StateArgument;

/// `claviger scan …`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct ScanArguments {
    /// Files, and folders to look for configurations in [default: the working folder, and every known client's file in the home folder]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read every text file in folders, whatever it is called
    #[arg(long)]
    pub(crate) all: bool,
    /// Read what git would commit now, in place of files
    #[arg(long, group = "instead", conflicts_with = "paths")]
    pub(crate) staged: bool,
    /// Read every version that git has of configurations, and say which hold secrets
    #[arg(long, group = "instead", conflicts_with = "paths")]
    pub(crate) history: bool,
    /// Read one file from stdin
    #[arg(long, group = "instead", requires = "stdin_filename", conflicts_with = "paths")]
    pub(crate) stdin: bool,
    /// The name of the file on stdin, which says how it is written and who reads it
    #[arg(long, requires = "stdin", value_name = "NAME")]
    pub(crate) stdin_filename: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) baseline: BaselineArguments,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: ReportFormat,
    /// The least severity that makes the command end with 1
    #[arg(long, value_enum, default_value_t, value_name = "SEVERITY")]
    pub(crate) fail_on: Threshold,
    /// Show how each secret would move into a store, and what would stand in its place; with --yes, do it
    #[arg(long, conflicts_with_all = ["format", "instead", "baseline"])]
    pub(crate) fix: bool,
    /// Do what --fix shows
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
    /// Where --fix keeps secrets
    #[arg(long, requires = "fix", value_enum, default_value_t, value_name = "STORE")]
    pub(crate) store: StoreChoice,
    /// Where in the store: a mount and path for vault [default: secret/mcp], a beginning for aws-secretsmanager [default: mcp], the vault for azure-keyvault
    #[arg(long, requires = "fix", value_name = "PLACE")]
    pub(crate) within: Option<String>,
    /// Start programs by `claviger run`, also where the client could resolve a reference itself
    #[arg(long, requires = "fix")]
    pub(crate) wrap: bool,
    /// Bring back what the last --fix has changed, or what it changed in these files
    #[arg(long, conflicts_with_all = ["fix", "format", "instead", "baseline"])]
    pub(crate) undo: bool,
    /// The configuration that says how stores are asked [default: none]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// What was found before and accepted for a time.
#[derive(Clone, Debug, Args)]
pub(crate) struct BaselineArguments {
    /// A file of findings that were accepted, each with reason, owner and last day
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Accept everything that is found, and write that down in --baseline
    #[arg(long, requires_all = ["baseline", "reason", "owner", "expires"])]
    pub(crate) accept: bool,
    /// Why --accept
    #[arg(long, requires = "accept", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Who answers for --accept
    #[arg(long, requires = "accept", value_name = "NAME")]
    pub(crate) owner: Option<String>,
    /// The last day of --accept, such as 2027-01-31
    #[arg(long, requires = "accept", value_name = "DATE")]
    pub(crate) expires: Option<String>,
}

/// Stores as a person names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreChoice {
    /// AWS Secrets Manager
    AwsSecretsmanager,
    /// Azure Key Vault
    AzureKeyvault,
    /// A sealed file in the state folder
    File,
    /// The keychain of the system
    #[default]
    Keychain,
    /// HashiCorp Vault or OpenBao
    Vault,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Annotations of a workflow on GitHub
    Github,
    /// One object with all of them
    Json,
    /// A test report, each finding a failure
    Junit,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// For a person, each place underlined
    #[default]
    Text,
}

/// Severities as a person types them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Threshold {
    /// Somebody may be using it already
    Critical,
    /// To be mended now
    High,
    /// Everything
    Info,
    /// Worth mending when one is there
    Low,
    /// To be mended
    #[default]
    Medium,
}
