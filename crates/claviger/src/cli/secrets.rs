//! What can a person type after `secrets`?

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{KeychainArgument, RotateArguments, StateArgument};

/// `claviger secrets …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Print a secret into a pipe or a file; on a terminal, say that it is there
    Get(GetArguments),
    /// Print the references to the secrets that there are; never a value
    List(ListArguments),
    /// Copy a secret to another place and prove that it arrived
    Migrate(MigrateArguments),
    /// Put a secret in its place: typed unseen, or read from stdin
    Put(PutArguments),
    /// Have the running door fetch secrets anew
    Rotate(RotateArguments),
    /// Say which secrets are used, who renews them and what is overdue
    Status(StatusArguments),
}

/// Which places references mean.
#[derive(Clone, Debug, Args)]
pub(crate) struct SecretsArguments {
    /// The configuration file, whose `[secrets]` counts [default: claviger.toml where it exists]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The environment [default: development]
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// `claviger secrets get`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GetArguments {
    /// The reference, such as keychain://claviger/github
    pub(crate) reference: String,
    /// Print it on a terminal too
    #[arg(long)]
    pub(crate) reveal: bool,
    #[command(flatten)]
    pub(crate) keychain: KeychainArgument,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger secrets list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListArguments {
    /// Where to look, such as keychain, vault://secret/team or azure-keyvault://VAULT [default: keychain]
    pub(crate) within: Option<String>,
    #[command(flatten)]
    pub(crate) keychain: KeychainArgument,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger secrets migrate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = MIGRATE_EXAMPLES)]
pub(crate) struct MigrateArguments {
    /// The reference to the secret as it is now
    pub(crate) from: String,
    /// The reference to its new place
    pub(crate) to: String,
    /// Take the place of another secret that is there
    #[arg(long)]
    pub(crate) replace: bool,
    /// Remove the old one when the new one is proved
    #[arg(long)]
    pub(crate) delete: bool,
    #[command(flatten)]
    pub(crate) keychain: KeychainArgument,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger secrets put`.
#[derive(Clone, Debug, Args)]
#[command(after_help = PUT_EXAMPLES)]
pub(crate) struct PutArguments {
    /// The reference, such as keychain://claviger/github; never the secret itself
    pub(crate) reference: String,
    #[command(flatten)]
    pub(crate) keychain: KeychainArgument,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger secrets status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS_CODES)]
pub(crate) struct StatusArguments {
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

const MIGRATE_EXAMPLES: &str = "\
Examples:
  claviger secrets migrate env://GITHUB_TOKEN keychain://claviger/github
  claviger secrets migrate file://./token keychain://claviger/github --delete";

const PUT_EXAMPLES: &str = "\
Examples:
  claviger secrets put keychain://claviger/github
  pass show github | claviger secrets put keychain://claviger/github";

const STATUS_CODES: &str = "\
Exit codes:
  0  nothing is overdue
  1  something is";
