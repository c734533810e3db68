//! What can a person type about logging in: at `login`, `logout`, `status` and wherever else a log-in may be needed?

use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use oauth::issuer::Issuer;
use oauth::scope::ScopeSet;
use secrecy::SecretString;
use url::Url;

use super::StateArgument;
use crate::sign_in::Storage;

/// Who logs in, and as which program.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Log-in")]
pub(crate) struct SignInArguments {
    /// Which of your accounts at this server
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = profile)]
    pub(crate) profile: String,
    /// The scopes to ask for, space-separated [default: what the server names]
    #[arg(long, value_name = "SCOPES", value_parser = ScopeSet::parse)]
    pub(crate) scope: Option<ScopeSet>,
    /// The client that the authorization server knows already
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A file with that client's secret; `-` reads it from stdin
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// The same, where another option has given it.
    #[arg(skip)]
    pub(crate) client_secret: Option<SecretString>,
    /// Log in by a code that is typed on another machine.
    #[arg(skip)]
    pub(crate) device: bool,
    /// Whether the keeper of this machine is asked.
    #[arg(skip)]
    pub(crate) keeper: KeeperChoice,
    /// A file with the private key, as PEM, by which that client proves itself (`private_key_jwt`)
    #[arg(long, value_name = "FILE", requires = "client_id", conflicts_with = "client_secret_file")]
    pub(crate) client_key_file: Option<PathBuf>,
    /// By which name the authorization server knows that key
    #[arg(long, value_name = "ID", requires = "client_key_file")]
    pub(crate) client_key_id: Option<String>,
    /// Get tokens in that client's own name; nobody logs in
    #[arg(long, requires = "client_id", conflicts_with_all = ["assertion_file", "provider"])]
    pub(crate) client_credentials: bool,
    /// Get tokens for what vouches for this workload, such as a Kubernetes service account's token; nobody logs in
    #[arg(long, value_name = "FILE", requires = "client_id", conflicts_with = "provider")]
    pub(crate) assertion_file: Option<PathBuf>,
    /// The company's identity provider, which vouches for you (enterprise-managed authorization)
    #[arg(long, value_name = "ISSUER", requires_all = ["client_id", "provider_client_id", "id_token_file"], value_parser = Issuer::parse)]
    pub(crate) provider: Option<Issuer>,
    /// Under which name this program is known to that provider
    #[arg(long, value_name = "ID", requires = "provider")]
    pub(crate) provider_client_id: Option<String>,
    /// A file with the id token that the provider has given for you
    #[arg(long, value_name = "FILE", requires = "provider")]
    pub(crate) id_token_file: Option<PathBuf>,
    /// An https URL of a document that describes this program, for servers that read one
    #[arg(long, value_name = "URL", value_parser = document)]
    pub(crate) client_metadata_url: Option<String>,
    /// The port that the browser comes back to [default: one that the system chooses]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) callback_port: Option<u16>,
    /// Leave out the parameter `resource`, for servers that refuse it (Entra ID)
    #[arg(long)]
    pub(crate) no_resource: bool,
    /// More certificate authorities to trust, as a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// An inner network in which the authorization server may be, such as 10.0.0.0/8
    #[arg(long, value_name = "NETWORK")]
    pub(crate) allow_network: Vec<IpNet>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// Whether changes of accounts are left to the keeper of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeeperChoice {
    /// If it can be had.
    #[default]
    Asked,
    /// The same; and it is said when it cannot.
    AskedAloud,
    /// No.
    Unasked,
}

/// `claviger login`.
#[derive(Clone, Debug, Args)]
#[command(after_help = LOGIN_EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
pub(crate) struct LoginArguments {
    /// The server's MCP endpoint
    pub(crate) url: Url,
    /// Log in anew even if that is not needed
    #[arg(long)]
    pub(crate) again: bool,
    /// Show the address instead of opening a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Your browser is on another machine: paste where it ended up
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) paste: bool,
    /// Type a code on any other machine, where the server gives such codes: nothing has to come back to this one
    #[arg(long, conflicts_with_all = ["no_browser", "paste"])]
    pub(crate) device: bool,
    /// Where tokens are kept from now on, all of them [default: the keychain if there is one, else the file]
    #[arg(long, value_name = "PLACE")]
    pub(crate) storage: Option<Storage>,
    #[command(flatten)]
    pub(crate) sign_in: SignInArguments,
}

/// `claviger logout`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogoutArguments {
    /// The server's MCP endpoint
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) url: Option<Url>,
    /// Log out of every server
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) sign_in: SignInArguments,
}

/// `claviger status`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoginStatusArguments {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

fn profile(text: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-@".contains(letter);
    if (1..=64).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err("a profile's name is 1 to 64 letters, digits, and `.`, `_`, `-`, `@`".to_owned())
}

fn document(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" && url.path() != "/" && url.fragment().is_none() => Ok(text.to_owned()),
        _ => Err("the document's URL is https and has a path".to_owned()),
    }
}

const LOGIN_EXAMPLES: &str = "\
Examples:
  claviger login https://mcp.example.com/mcp
  claviger login https://mcp.example.com/mcp --profile work
  claviger login https://mcp.example.com/mcp --device       # over ssh, or in a container
  claviger login https://mcp.example.com/mcp --paste        # the same, where the server gives no codes";
