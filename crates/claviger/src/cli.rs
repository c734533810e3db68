//! What can a person type? Every command and flag, each with its help; nothing here acts.
//!
//! The words that several commands share stand here, those of one command or group in the file of its name.

mod audit;
mod bridge;
mod call;
mod config;
mod conformance;
mod connections;
mod doctor;
mod init;
mod issuer;
mod keeper;
mod rotate;
mod run;
mod scan;
mod secrets;
mod serve;
mod setup;
mod sign_in;
mod token;

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::CompleteEnv;
use secrecy::SecretString;

pub(crate) use self::audit::{AuditCommand, OutcomeArgument, QueryArguments, RecordArguments, TailArguments};
pub(crate) use self::bridge::{BridgeArguments, at_file};
pub(crate) use self::call::{CallArguments, Output};
pub(crate) use self::config::ConfigCommand;
pub(crate) use self::conformance::ConformanceClientArguments;
pub(crate) use self::connections::{ConnectionsArguments, ConnectionsCommand, RevokeArguments, Whose};
pub(crate) use self::doctor::DoctorArguments;
pub(crate) use self::init::InitArguments;
pub(crate) use self::issuer::{
    AccountsCommand, AccountsFile, AddAccountArguments, ClientsCommand, DoorArguments, GrantsCommand, KeysCommand, ListAccountsArguments,
    ListClientsArguments, ListGrantsArguments, RevokeClientArguments, RevokeGrantsArguments, WhichGrants,
};
pub(crate) use self::keeper::KeeperArguments;
pub(crate) use self::rotate::RotateArguments;
pub(crate) use self::run::{OnRotation, RotationSignal, RunArguments, RunChildArguments};
pub(crate) use self::scan::{BaselineArguments, ReportFormat, ScanArguments, StoreChoice, Threshold};
pub(crate) use self::secrets::{
    GetArguments, ListArguments, MigrateArguments, PutArguments, SecretsArguments, SecretsCommand, StatusArguments,
};
pub(crate) use self::serve::{ChildGuardArguments, ServeArguments, ServerTransport};
pub(crate) use self::setup::SetupArguments;
pub(crate) use self::sign_in::{KeeperChoice, LoginArguments, LoginStatusArguments, LogoutArguments, SignInArguments};
pub(crate) use self::token::{InspectArguments, MintArguments, TokenCommand};
use crate::config::env;

/// A locked front door and a key-keeper for MCP servers.
#[derive(Debug, Parser)]
#[command(name = "claviger", version, about, after_help = exits_and_variables(), max_term_width = 120, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What was typed.
pub(crate) fn parse() -> Cli {
    let words: Vec<_> = std::env::args_os().collect();
    match words.get(1) {
        Some(name) if name == "call" => Cli::parse_from(call::with_arguments_of_tools(&Cli::command(), words)),
        _ => Cli::parse_from(words),
    }
}

/// Answers a shell that completes a word, and ends then. In all other cases, nothing.
pub(crate) fn complete_words() {
    CompleteEnv::with_factory(Cli::command).complete();
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say who may sign in at the door's own authorization server
    #[command(subcommand)]
    Accounts(AccountsCommand),
    /// Read the record of calls and prove that it is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Be a program on a pipe that is a remote MCP server
    Bridge(Box<BridgeArguments>),
    /// Call a tool of an MCP server, or list its tools: curl for MCP
    Call(Box<CallArguments>),
    /// Watch over one child process of the door
    #[command(hide = true)]
    ChildGuard(ChildGuardArguments),
    /// Say which clients have registered themselves, and forget one
    #[command(subcommand)]
    Clients(ClientsCommand),
    /// Check a configuration file, or print its JSON Schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Do what the MCP conformance harness wants of a client
    #[command(hide = true)]
    ConformanceClient(ConformanceClientArguments),
    /// Say who has let the door use an account of theirs, and end that
    #[command(subcommand)]
    Connections(ConnectionsCommand),
    /// Find out where it fails on the way to a server, and what is the mend
    Doctor(Box<DoctorArguments>),
    /// Say what people have granted to which clients, and end that
    #[command(subcommand)]
    Grants(GrantsCommand),
    /// Prepare a repository so that secrets do not end up in it
    Init(InitArguments),
    /// Log in and renew for every program of one person
    #[command(hide = true)]
    Keeper(KeeperArguments),
    /// Look after the keys that sign tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Log in to a protected server, once for every program on this machine
    Login(Box<LoginArguments>),
    /// Log out of a protected server, and have its tokens taken back
    Logout(Box<LogoutArguments>),
    /// Run any program with the secrets that its environment refers to
    Run(Box<RunArguments>),
    /// Become the program of `run`
    #[command(hide = true)]
    RunChild(RunChildArguments),
    /// Say what is unsafe in MCP configurations; start nothing
    Scan(ScanArguments),
    /// Look after the secrets that references name
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Put MCP servers behind the door
    Serve(Box<ServeArguments>),
    /// Write a remote MCP server into a client's configuration, or take that back
    Setup(Box<SetupArguments>),
    /// Say where you are logged in
    Status(LoginStatusArguments),
    /// Mint a token for a server behind the door, or look into one
    #[command(subcommand)]
    Token(TokenCommand),
}

/// The folder that keeps what must outlive the process.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StateArgument {
    /// The state folder: keys and records [default: $XDG_STATE_HOME/claviger or ~/.local/state/claviger]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// Which keychain `keychain://` means.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct KeychainArgument {
    /// The keychain behind keychain:// [default: what the configuration says, else the system's own]
    #[arg(long, value_enum, value_name = "KEYCHAIN")]
    pub(crate) keychain: Option<KeychainChoice>,
}

/// Keychains as a person names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeychainChoice {
    /// keychain.json in the state folder, sealed with the instance key
    File,
    /// The kernel's session keyring of Linux
    Keyutils,
    /// The Secret Service of a Linux desktop
    SecretService,
}

/// Protocol eras as a person names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Era {
    /// Found out by asking
    #[default]
    Auto,
    /// Revisions up to 2025-11-25: initialize, sessions
    Legacy,
    /// Revision 2026-07-28 and later: stateless
    Modern,
}

/// Exit codes, and the variables as the one place that reads them describes them.
fn exits_and_variables() -> String {
    let lines: Vec<String> = env::VARIABLES
        .iter()
        .chain(&env::CLIENTS)
        .chain(&env::VAULT)
        .map(|variable| format!("  {:<20} {}", variable.name, variable.meaning))
        .collect();
    format!("{EXIT_CODES}\n\nVariables:\n{}", lines.join("\n"))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a parser of arguments")]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   done, and the answer is no: a broken record, a failed call
  2   wrong command line
  3   a file could not be scanned
  64  wrong configuration; nothing was started
  69  somebody else did not answer
  70  a fault of Claviger itself
  74  reading or writing failed
  130, 143  given up at Ctrl-C or at TERM";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command, TokenCommand};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn minting_takes_the_flags_of_mcp_token() {
        let cli = Cli::try_parse_from(["claviger", "token", "mint", "--aud", "filesystem", "--ttl", "900", "--sub", "admin"]).unwrap();
        let Command::Token(TokenCommand::Mint(arguments)) = cli.command else { panic!("not a mint") };
        assert_eq!((arguments.audience.as_str(), arguments.lifetime.as_secs(), arguments.subject.as_str()), ("filesystem", 900, "admin"));
    }

    #[test]
    fn two_sources_of_servers_are_refused() {
        for arguments in [&["--demo", "--url", "http://127.0.0.1:1/"][..], &["--demo", "--", "npx"], &["-c", "a.toml", "--demo"]] {
            Cli::try_parse_from(["claviger", "serve"].iter().chain(arguments)).unwrap_err();
        }
        Cli::try_parse_from(["claviger", "serve", "-c", "a.toml", "--mcp", ".mcp.json"]).unwrap();
    }

    #[test]
    fn a_child_keeps_its_own_flags() {
        let cli = Cli::try_parse_from(["claviger", "serve", "--listen", "127.0.0.1:0", "--", "npx", "-y", "--listen"]).unwrap();
        let Command::Serve(arguments) = cli.command else { panic!("not serve") };
        assert_eq!(arguments.program, ["npx", "-y", "--listen"]);
    }
}
