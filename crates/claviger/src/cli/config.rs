//! What can a person type after `config`?

use clap::Subcommand;

use super::ServeArguments;

/// `claviger config …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report every fault of a configuration; start nothing
    Check(Box<ServeArguments>),
    /// Print the JSON Schema of claviger.toml
    Schema,
}
