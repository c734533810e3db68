//! What can a person type after `token`?

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::StateArgument;
use crate::config::units;

/// `claviger token …`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Print the header and the claims of a token; nothing is verified
    Inspect(InspectArguments),
    /// Print a new token for one server
    Mint(MintArguments),
}

/// `claviger token inspect`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InspectArguments {
    /// The token; `-` or nothing reads it from stdin
    #[arg(value_parser = super::secret)]
    pub(crate) token: Option<SecretString>,
}

/// `claviger token mint`.
#[derive(Clone, Debug, Args)]
#[command(after_help = MINT_EXAMPLES)]
pub(crate) struct MintArguments {
    /// The audience: the server's name or its URL
    #[arg(long = "aud", value_name = "AUDIENCE")]
    pub(crate) audience: String,
    /// How long it is good for: seconds, or a time such as 15min
    #[arg(long = "ttl", value_name = "TIME", default_value = "900", value_parser = units::lifetime)]
    pub(crate) lifetime: Duration,
    /// Who it is for
    #[arg(long = "sub", value_name = "SUBJECT", default_value = "user")]
    pub(crate) subject: String,
    /// The scopes it grants, separated by spaces
    #[arg(long, value_name = "SCOPES", default_value = "")]
    pub(crate) scope: String,
    /// The client that acts for the subject
    #[arg(long, value_name = "CLIENT")]
    pub(crate) client: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
    /// A file that holds the shared secret, instead of the key of the state folder
    #[arg(long, value_name = "FILE", conflicts_with = "secret_reference")]
    pub(crate) secret_file: Option<PathBuf>,
    /// A reference to the shared secret, such as env://MCP_SECRET
    #[arg(long = "secret-ref", value_name = "REFERENCE")]
    pub(crate) secret_reference: Option<String>,
}

const MINT_EXAMPLES: &str = "\
Examples:
  claviger token mint --aud filesystem --ttl 900 --sub admin --scope filesystem:read
  claviger token mint --aud payments --secret-ref env://PAYMENTS_SECRET";
