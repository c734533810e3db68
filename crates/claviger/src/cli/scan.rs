//! What can a person type after `scan`?

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::StateArgument;

/// `claviger scan …`.
#[derive(Debug, Args)]
pub(crate) struct ScanArguments {
    /// Files, and folders to look for configurations in [default: the working folder, and every known client's file in the home folder]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: ReportFormat,
    /// The least severity that makes the command end with 1
    #[arg(long, value_enum, default_value_t, value_name = "SEVERITY")]
    pub(crate) fail_on: Threshold,
    #[command(flatten)]
    pub(crate) state: StateArgument,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One object with all of them
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// For a person, each place underlined
    #[default]
    Text,
}

/// Severities as a person types them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Threshold {
    /// Somebody may be using it already
    Critical,
    /// To be mended now
    High,
    /// Everything
    Info,
    /// Worth mending when one is there
    Low,
    /// To be mended
    #[default]
    Medium,
}
