//! What can a person type after `audit`?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::StateArgument;

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
