//! What can a person type after `init`?

use std::path::PathBuf;

use clap::Args;

/// `claviger init`.
#[derive(Clone, Debug, Args)]
#[command(after_help = WHAT)]
pub(crate) struct InitArguments {
    /// The folder of the repository [default: the working folder]
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

const WHAT: &str = "\
It writes, where there is nothing yet:
  .gitignore                      lines that keep files of variables out
  .env.example                    the variables that the servers refer to, with placeholders
  .git/hooks/pre-commit           `claviger scan --staged`
  .github/workflows/claviger.yml  `claviger scan`
  claviger.toml                   the servers of .mcp.json, .vscode/mcp.json or .cursor/mcp.json
What is there already is left alone.";
