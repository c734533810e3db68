//! What does a program type that starts the keeper of accounts?

use std::time::Duration;

use clap::Args;

use super::StateArgument;
use crate::config::units;

/// `claviger keeper`, which only other commands type.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeeperArguments {
    /// How long it stays when nobody asks for anything
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = units::duration)]
    pub(crate) idle: Duration,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}
