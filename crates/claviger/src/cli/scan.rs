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
    /// How the findings are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: ReportFormat,
    /// The least severity that makes the command end with 1
    #[arg(long, value_enum, default_value_t, value_name = "SEVERITY")]
    pub(crate) fail_on: Threshold,
    /// Show how each secret would move into a store, and what would stand in its place; with --yes, do it
    #[arg(long, conflicts_with = "format")]
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
    #[arg(long, conflicts_with_all = ["fix", "format"])]
    pub(crate) undo: bool,
    /// The configuration that says how stores are asked [default: none]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
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
    /// One object with all of them
    Json,
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
