//! What can a person type after `connections`?

use clap::{Args, Subcommand};

use super::DoorArguments;

/// `claviger connections …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// Say who has let the door use an account of theirs, and where; never a token
    List(ConnectionsArguments),
    /// End connections: forget what was granted, and have it taken back where it came from
    Revoke(RevokeArguments),
}

/// `claviger connections list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConnectionsArguments {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) door: DoorArguments,
}

/// Which connections.
#[derive(Clone, Debug, Args)]
pub(crate) struct Whose {
    /// Of this server behind the door
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// Of this person, as the `sub` of their tokens names them
    #[arg(long, value_name = "SUB")]
    pub(crate) subject: Option<String>,
    /// Of people that this issuer vouches for
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
}

/// `claviger connections revoke`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// Everybody's, everywhere
    #[arg(long, conflicts_with_all = ["server", "subject", "issuer"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) door: DoorArguments,
}
