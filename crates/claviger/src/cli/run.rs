//! What can a person type after `run`?

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{KeychainArgument, StateArgument};

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
    #[command(flatten)]
    pub(crate) keychain: KeychainArgument,
    #[command(flatten)]
    pub(crate) state: StateArgument,
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

const RUN_HELP: &str = "\
References are vault://MOUNT/PATH#FIELD, file:///PATH, env://NAME and others, whole or as ${REFERENCE}.
In files and --env, ${NAME} is another variable. More: docs/guides/run.md.

Exit codes:
  n      the program's own
  128+n  the program was ended by signal n, or claviger by INT or TERM before it was started
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
