//! What can a person type after `doctor`?

use clap::Args;
use url::Url;

use super::SignInArguments;

/// `claviger doctor`.
#[derive(Clone, Debug, Args)]
#[command(after_help = DOCTOR_EXIT_CODES)]
pub(crate) struct DoctorArguments {
    /// The server's MCP endpoint; without it, only this machine is looked at
    pub(crate) url: Option<Url>,
    #[command(flatten)]
    pub(crate) sign_in: SignInArguments,
}

const DOCTOR_EXIT_CODES: &str = "\
Exit codes, by the first step that failed:
  10 address     11 name        12 connection  13 answer      14 metadata    15 issuer
  16 log-in      17 account     18 call        19 clock       20 keychain    21 files

Example:
  claviger doctor https://mcp.example.com/mcp";
