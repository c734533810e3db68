//! What can a person type after `call`?

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use url::Url;

use super::{Era, SignInArguments};
use crate::config::units;

/// `claviger call`.
#[derive(Clone, Debug, Args)]
#[command(after_help = CALL_EXAMPLES)]
pub(crate) struct CallArguments {
    /// The server's MCP endpoint
    pub(crate) url: Url,
    /// The tool to call
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    pub(crate) tool: Option<String>,
    /// Its arguments, as a JSON object; `-` reads them from stdin
    #[arg(value_name = "JSON", conflicts_with = "list")]
    pub(crate) arguments: Option<String>,
    /// List the tools instead of calling one
    #[arg(long)]
    pub(crate) list: bool,
    /// A bearer token instead of your account there (others can read it in the process list; better --token-file or CLAVIGER_TOKEN)
    #[arg(long, conflicts_with = "token_file", value_parser = super::secret)]
    pub(crate) token: Option<SecretString>,
    /// A file that holds the bearer token; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Which protocol era to speak
    #[arg(long, value_name = "ERA", default_value = "auto")]
    pub(crate) era: Era,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// How long to wait for the whole call, such as 30s or 5min; a log-in is not counted
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) sign_in: SignInArguments,
}

const CALL_EXAMPLES: &str = "\
Examples:
  claviger call http://127.0.0.1:8787/mcp/filesystem --list
  claviger call http://127.0.0.1:8787/mcp/filesystem read_text_file '{\"path\": \"README.md\"}'";
