//! What can a person type? Every command and flag, each with its help; nothing here acts.

mod rotate;

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;
use url::Url;

pub(crate) use self::rotate::RotateArguments;
use crate::config::{env, units};

/// A locked front door and a key-keeper for MCP servers.
#[derive(Debug, Parser)]
#[command(name = "claviger", version, about, after_help = exits_and_variables(), max_term_width = 120, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the record of calls and prove that it is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Call a tool of an MCP server, or list its tools: curl for MCP
    Call(CallArguments),
    /// Watch over one child process of the door
    #[command(hide = true)]
    ChildGuard(ChildGuardArguments),
    /// Check a configuration file, or print its JSON Schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Run any program with the secrets that its environment refers to
    Run(Box<RunArguments>),
    /// Become the program of `run`
    #[command(hide = true)]
    RunChild(RunChildArguments),
    /// Look after the secrets that references name
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Put MCP servers behind the door
    Serve(Box<ServeArguments>),
    /// Mint a token for a server behind the door, or look into one
    #[command(subcommand)]
    Token(TokenCommand),
}

/// `claviger serve`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArguments {
    /// The configuration file [default: claviger.toml where it exists]
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["url", "demo", "program"])]
    pub(crate) config: Option<PathBuf>,
    /// Every server of an existing client configuration (.mcp.json, claude_desktop_config.json, .cursor/mcp.json, .vscode/mcp.json)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "demo", "program"])]
    pub(crate) mcp: Option<PathBuf>,
    /// One Streamable HTTP server
    #[arg(long, conflicts_with_all = ["demo", "program"])]
    pub(crate) url: Option<Url>,
    /// The built-in filesystem server on the current folder, read-only
    #[arg(long, conflicts_with = "program")]
    pub(crate) demo: bool,
    /// The server's name, as it stands in /mcp/NAME (with --url or a command)
    #[arg(long, conflicts_with_all = ["config", "mcp"])]
    pub(crate) name: Option<String>,
    /// What a tool, prompt or resource asks for; may be repeated (with --url, --demo or a command)
    #[arg(long = "scope", value_name = "PATTERN=SCOPES", conflicts_with_all = ["config", "mcp"])]
    pub(crate) scopes: Vec<String>,
    /// Which protocol eras the server speaks [default: auto]
    #[arg(long, value_name = "ERA", conflicts_with_all = ["config", "mcp"])]
    pub(crate) protocol: Option<Era>,
    /// The address to listen on; port 0 lets the system choose [default: 127.0.0.1:8787]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// The address of metrics and readiness detail [default: none]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The URL that callers use, when it is not the address listened on
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<Url>,
    /// The origin of a browser client that may call; may be repeated
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub(crate) allow_origins: Vec<String>,
    /// The environment: `development` listens on loopback only [default: development]
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Use secrets that are written out, and say where; in the environment `development` only
    #[arg(long)]
    pub(crate) allow_literal_secrets: bool,
    #[command(flatten)]
    pub(crate) state: StateArgument,
    /// A stdio server: its program and arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) program: Vec<String>,
}

/// The folder that keeps what must outlive the process.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StateArgument {
    /// The state folder: keys and records [default: $XDG_STATE_HOME/claviger or ~/.local/state/claviger]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
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
    /// The bearer token (others can read it in the process list; better --token-file or CLAVIGER_TOKEN)
    #[arg(long, conflicts_with = "token_file", value_parser = secret)]
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
    /// How long to wait for the whole call, such as 30s or 5min
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::duration)]
    pub(crate) timeout: Duration,
}

/// `claviger run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = RUN_HELP)]
pub(crate) struct RunArguments {
    /// A file of variables in the dotenv format; may be repeated, the later one wins
    #[arg(long = "env-file", value_name = "FILE")]
    pub(crate) env_files: Vec<PathBuf>,
    /// A variable and the reference to its value; may be repeated, and wins over files and the environment
    #[arg(long = "env", value_name = "NAME=REF")]
    pub(crate) variables: Vec<String>,
    /// The configuration that says how vaults are asked; relative files start at its folder [default: none]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to do when a value changes
    #[arg(long, value_name = "WHAT", default_value = "restart")]
    pub(crate) on_rotation: OnRotation,
    /// The signal of `--on-rotation signal` [default: HUP]
    #[arg(long, value_name = "SIGNAL", ignore_case = true)]
    pub(crate) signal: Option<RotationSignal>,
    /// Pass on no inherited variable but those with references, HOME, LANG, LC_*, LOGNAME, PATH, TERM, TMPDIR and USER
    #[arg(long)]
    pub(crate) no_inherit: bool,
    /// Leave references in inherited variables as they are; those of files, --env and the command are resolved
    #[arg(long)]
    pub(crate) keep_references: bool,
    /// Let inherited variables and files refer to the output of a program (command://)
    #[arg(long)]
    pub(crate) allow_commands: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) program: Vec<OsString>,
}

/// What becomes of a running program when a value changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnRotation {
    /// Tell it through the socket whose number is in CLAVIGER_SECRETS_FD
    HandOver,
    /// Nothing: it keeps the values that it got
    Leave,
    /// End it (TERM, KILL after 10 s) and start it again
    Restart,
    /// Write the file named in CLAVIGER_SECRETS_FILE anew, then send a signal
    Signal,
}

/// A signal that a program may take as a word to read its secrets again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RotationSignal {
    #[value(name = "HUP", alias = "SIGHUP")]
    Hup,
    #[value(name = "INT", alias = "SIGINT")]
    Int,
    #[value(name = "QUIT", alias = "SIGQUIT")]
    Quit,
    #[value(name = "TERM", alias = "SIGTERM")]
    Term,
    #[value(name = "USR1", alias = "SIGUSR1")]
    Usr1,
    #[value(name = "USR2", alias = "SIGUSR2")]
    Usr2,
    #[value(name = "WINCH", alias = "SIGWINCH")]
    Winch,
}

/// `claviger run-child`, which only `claviger run` types.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunChildArguments {
    /// The process id of `claviger run`
    pub(crate) supervisor: u32,
    /// The program to become and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) program: Vec<OsString>,
}

/// `claviger token …`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Print the header and the claims of a token; nothing is verified
    Inspect(InspectArguments),
    /// Print a new token for one server
    Mint(MintArguments),
}

/// `claviger token inspect`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InspectArguments {
    /// The token; `-` or nothing reads it from stdin
    #[arg(value_parser = secret)]
    pub(crate) token: Option<SecretString>,
}

/// `claviger token mint`.
#[derive(Clone, Debug, Args)]
#[command(after_help = MINT_EXAMPLES)]
pub(crate) struct MintArguments {
    /// The audience: the server's name or its URL
    #[arg(long = "aud", value_name = "AUDIENCE")]
    pub(crate) audience: String,
    /// How long it is good for: seconds, or a time such as 15min
    #[arg(long = "ttl", value_name = "TIME", default_value = "900", value_parser = units::lifetime)]
    pub(crate) lifetime: Duration,
    /// Who it is for
    #[arg(long = "sub", value_name = "SUBJECT", default_value = "user")]
    pub(crate) subject: String,
    /// The scopes it grants, separated by spaces
    #[arg(long, value_name = "SCOPES", default_value = "")]
    pub(crate) scope: String,
    /// The client that acts for the subject
    #[arg(long, value_name = "CLIENT")]
    pub(crate) client: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
    /// A file that holds the shared secret, instead of the key of the state folder
    #[arg(long, value_name = "FILE", conflicts_with = "secret_reference")]
    pub(crate) secret_file: Option<PathBuf>,
    /// A reference to the shared secret, such as env://MCP_SECRET
    #[arg(long = "secret-ref", value_name = "REFERENCE")]
    pub(crate) secret_reference: Option<String>,
}

/// `claviger audit …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print the calls that match
    Query(QueryArguments),
    /// Print the last calls
    Tail(TailArguments),
    /// Prove that no line was cut, changed or reordered
    Verify(RecordArguments),
}

/// Which record to read.
#[derive(Clone, Debug, Args)]
pub(crate) struct RecordArguments {
    #[command(flatten)]
    pub(crate) state: StateArgument,
    /// The record itself, instead of audit/mcp_calls.jsonl in the state folder
    #[arg(long, value_name = "FILE", conflicts_with = "state")]
    pub(crate) file: Option<PathBuf>,
}

/// `claviger audit tail`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TailArguments {
    #[command(flatten)]
    pub(crate) record: RecordArguments,
    /// How many calls
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,
    /// Go on printing as calls come
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print the lines as they are
    #[arg(long)]
    pub(crate) json: bool,
}

/// `claviger audit query`.
#[derive(Clone, Debug, Args)]
pub(crate) struct QueryArguments {
    #[command(flatten)]
    pub(crate) record: RecordArguments,
    /// From this time on: RFC 3339, or a time ago such as 2h
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Of this server
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// Of this tool, prompt or resource
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Option<String>,
    /// By this subject
    #[arg(long = "sub", value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// With this outcome
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<OutcomeArgument>,
    /// With this request id
    #[arg(long, value_name = "ID")]
    pub(crate) request: Option<String>,
    /// Print the lines as they are
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a call ended, as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutcomeArgument {
    /// The caller went away or took it back
    Cancelled,
    /// Refused at the door
    Denied,
    /// Failed
    Error,
    /// Answered
    Ok,
}

/// `claviger config …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report every fault of a configuration; start nothing
    Check(Box<ServeArguments>),
    /// Print the JSON Schema of claviger.toml
    Schema,
}

/// `claviger secrets …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Print a secret into a pipe or a file; on a terminal, say that it is there
    Get(GetArguments),
    /// Print the references to the secrets that there are; never a value
    List(ListArguments),
    /// Copy a secret to another place and prove that it arrived
    Migrate(MigrateArguments),
    /// Put a secret in its place: typed unseen, or read from stdin
    Put(PutArguments),
    /// Have the running door fetch secrets anew
    Rotate(RotateArguments),
    /// Say which secrets are used, who renews them and what is overdue
    Status(StatusArguments),
}

/// `claviger secrets status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS_CODES)]
pub(crate) struct StatusArguments {
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// Which places references mean.
#[derive(Clone, Debug, Args)]
pub(crate) struct SecretsArguments {
    /// The configuration file, whose `[secrets]` counts [default: claviger.toml where it exists]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The environment [default: development]
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// `claviger secrets get`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GetArguments {
    /// The reference, such as keychain://claviger/github
    pub(crate) reference: String,
    /// Print it on a terminal too
    #[arg(long)]
    pub(crate) reveal: bool,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger secrets list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListArguments {
    /// Where to look, such as keychain, vault://secret/team or azure-keyvault://VAULT [default: keychain]
    pub(crate) within: Option<String>,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger secrets migrate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = MIGRATE_EXAMPLES)]
pub(crate) struct MigrateArguments {
    /// The reference to the secret as it is now
    pub(crate) from: String,
    /// The reference to its new place
    pub(crate) to: String,
    /// Take the place of another secret that is there
    #[arg(long)]
    pub(crate) replace: bool,
    /// Remove the old one when the new one is proved
    #[arg(long)]
    pub(crate) delete: bool,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger secrets put`.
#[derive(Clone, Debug, Args)]
#[command(after_help = PUT_EXAMPLES)]
pub(crate) struct PutArguments {
    /// The reference, such as keychain://claviger/github; never the secret itself
    pub(crate) reference: String,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

/// `claviger child-guard`, which only the door types.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChildGuardArguments {
    /// The process id of the door
    pub(crate) door: u32,
    /// The program to watch over and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) program: Vec<OsString>,
}

/// Exit codes, and the variables as the one place that reads them describes them.
fn exits_and_variables() -> String {
    let lines: Vec<String> =
        env::VARIABLES.iter().chain(&env::VAULT).map(|variable| format!("  {:<20} {}", variable.name, variable.meaning)).collect();
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
  64  wrong configuration; nothing was started
  69  somebody else did not answer
  70  a fault of Claviger itself
  74  reading or writing failed";

const SERVE_EXAMPLES: &str = "\
Examples:
  claviger serve --demo
  claviger serve -- npx -y @modelcontextprotocol/server-everything
  claviger serve --url http://127.0.0.1:3001/mcp --scope 'delete_*=docs:write' --scope '*=docs:read'
  claviger serve --mcp .mcp.json
  claviger serve -c claviger.toml --env production";

const RUN_HELP: &str = "\
References are vault://MOUNT/PATH#FIELD, file:///PATH, env://NAME and others, whole or as ${REFERENCE}.
In files and --env, ${NAME} is another variable. More: docs/guides/run.md.

Exit codes:
  n      the program's own
  128+n  the program was ended by signal n
  127    there is no such program
  126    the program cannot be started
  2      wrong command line
  64     a reference or a file is wrong, or a secret is not there; nothing was started
  69     a vault did not answer or refused; nothing was started
  70     a fault of Claviger itself
  74     reading or writing failed

Examples:
  claviger run --env API_KEY=vault://kv/api#key -- ./server
  claviger run --env-file .env --no-inherit -- npm start
  claviger run --env 'URL=postgres://app:${file:///run/secrets/db}@db/app' -- ./server";

const CALL_EXAMPLES: &str = "\
Examples:
  claviger call http://127.0.0.1:8787/mcp/filesystem --list
  claviger call http://127.0.0.1:8787/mcp/filesystem read_text_file '{\"path\": \"README.md\"}'";

const MINT_EXAMPLES: &str = "\
Examples:
  claviger token mint --aud filesystem --ttl 900 --sub admin --scope filesystem:read
  claviger token mint --aud payments --secret-ref env://PAYMENTS_SECRET";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  claviger secrets migrate env://GITHUB_TOKEN keychain://claviger/github
  claviger secrets migrate file://./token keychain://claviger/github --delete";

const STATUS_CODES: &str = "\
Exit codes:
  0  nothing is overdue
  1  something is";

const PUT_EXAMPLES: &str = "\
Examples:
  claviger secrets put keychain://claviger/github
  pass show github | claviger secrets put keychain://claviger/github";

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
