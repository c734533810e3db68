//! What can a person type after `accounts`, `clients`, `grants` and `keys`?

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::StateArgument;

/// `claviger accounts …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// Make an account; its password is shown this once
    Add(AddAccountArguments),
    /// Say who has an account; never a hash
    List(ListAccountsArguments),
    /// Remove an account: its person is signed out everywhere as soon as a client asks for its next token
    Remove(AccountArguments),
    /// Give an account a new password, which is shown this once
    Reset(AccountArguments),
}

/// Where the file of accounts is.
#[derive(Clone, Debug, Args)]
pub(crate) struct AccountsFile {
    /// The file of accounts [default: what `[issuer] accounts` names, or accounts.toml in the state folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The configuration file [default: claviger.toml where it exists]
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) config: Option<PathBuf>,
    /// The environment [default: development]
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// `claviger accounts add`.
#[derive(Clone, Debug, Args)]
pub(crate) struct AddAccountArguments {
    /// The name to sign in with, which becomes the `sub` of tokens
    #[arg(value_name = "NAME")]
    pub(crate) account: String,
    /// The person's name for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// A group that they are in, for `[issuer] grants`; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    #[command(flatten)]
    pub(crate) at: AccountsFile,
}

/// `claviger accounts reset` and `remove`.
#[derive(Clone, Debug, Args)]
pub(crate) struct AccountArguments {
    /// The account
    #[arg(value_name = "NAME")]
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) at: AccountsFile,
}

/// `claviger accounts list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListAccountsArguments {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) at: AccountsFile,
}

/// Of which door something is asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct DoorArguments {
    /// The configuration file, which counts when no door is running [default: claviger.toml where it exists]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The environment [default: development]
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// `claviger grants …`.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantsCommand {
    /// Say what people have granted to which clients; never a token
    List(ListGrantsArguments),
    /// End grants: their tokens are good no more, at once
    Revoke(RevokeGrantsArguments),
}

/// Which grants.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WhichGrants {
    /// Of this person, as the `sub` of their tokens names them
    #[arg(long, value_name = "SUB")]
    pub(crate) subject: Option<String>,
    /// To this client
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<String>,
}

/// `claviger grants list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListGrantsArguments {
    #[command(flatten)]
    pub(crate) which: WhichGrants,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) door: DoorArguments,
}

/// `claviger grants revoke`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RevokeGrantsArguments {
    /// The grants, by the names that `list` tells
    #[arg(value_name = "GRANT", conflicts_with_all = ["subject", "client", "all"])]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) which: WhichGrants,
    /// Everybody's, to every client
    #[arg(long, conflicts_with_all = ["subject", "client"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) door: DoorArguments,
}

/// `claviger clients …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientsCommand {
    /// Say which clients have registered themselves
    List(ListClientsArguments),
    /// Forget a client, and end everything that people have granted it
    Revoke(RevokeClientArguments),
}

/// `claviger clients list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListClientsArguments {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) door: DoorArguments,
}

/// `claviger clients revoke`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RevokeClientArguments {
    /// The client's `client_id`; one of the configuration keeps its place there, and loses what it was granted
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) door: DoorArguments,
}

/// `claviger keys …`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Sign with a new key from now on; tokens that the old one has signed stay good until they end
    Rotate(RotateKeysArguments),
}

/// `claviger keys rotate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RotateKeysArguments {
    /// Do not believe the old keys any more: every access token that is out is refused, and clients get new ones with their refresh tokens
    #[arg(long)]
    pub(crate) forget_others: bool,
    #[command(flatten)]
    pub(crate) door: DoorArguments,
}
