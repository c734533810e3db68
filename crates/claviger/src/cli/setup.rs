//! What can a person type after `setup`?

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::StateArgument;
use crate::known_clients::{KnownClient, Scope};

/// `claviger setup`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct SetupArguments {
    /// The client whose configuration is changed
    #[arg(value_name = "CLIENT")]
    pub(crate) client: KnownClient,
    /// The remote server's MCP endpoint
    #[arg(required_unless_present = "undo")]
    pub(crate) url: Option<Url>,
    /// What the server is called there [default: what its URL says]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: Option<String>,
    /// Which of your accounts at this server
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Write the URL alone: the client itself speaks to the server and logs in
    #[arg(long, conflicts_with_all = ["profile", "bridge"])]
    pub(crate) direct: bool,
    /// For whom: for you, or for everybody who works in this folder [default: user]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<Scope>,
    /// The client's file, where it is somewhere else
    #[arg(long, value_name = "FILE", conflicts_with = "scope")]
    pub(crate) file: Option<PathBuf>,
    /// Put the entry in the place of another one of this name
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Only print what a file with nothing but this entry would say
    #[arg(long, conflicts_with_all = ["file", "replace", "undo", "yes"])]
    pub(crate) print: bool,
    /// Bring the file back as it was before the last `setup` of this client
    #[arg(long, conflicts_with_all = ["bridge", "direct", "name", "profile", "replace", "url"])]
    pub(crate) undo: bool,
    /// More options of `bridge`, behind `--`
    #[arg(last = true, value_name = "OPTION")]
    pub(crate) bridge: Vec<String>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// What every client takes for a name, also where it becomes a part of the names of tools.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err("a server's name is 1 to 64 letters, digits, `_` and `-`".to_owned())
}

const EXAMPLES: &str = "\
Examples:
  claviger setup cursor https://mcp.example.com/mcp
  claviger setup codex https://mcp.example.com/mcp --profile work -- --ignore-tool 'delete_*'
  claviger setup vscode https://mcp.example.com/mcp --scope project --direct
  claviger setup cursor --undo";
