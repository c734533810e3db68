//! `claviger`: the key-keeper at the door of MCP servers.
//!
//! A library only so that the fuzz target can reach the reading of configuration files; the program is all of it.

mod accounts;
mod admin;
mod annex;
mod announce;
mod bridge;
mod cli;
mod client;
mod commands;
mod config;
mod control;
mod hardening;
mod interruption;
mod known_clients;
mod lifecycle;
mod log;
mod mend;
mod providers;
mod queue;
mod run;
mod sign_in;
mod voice;
mod watch;
mod webhook;
mod wire;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

/// The program.
pub fn main() -> ExitCode {
    cli::complete_words();
    match commands::run(cli::parse().command) {
        Ok(code) => code,
        Err(report) => voice::fail(&report),
    }
}

/// Judges a configuration file as `claviger config check -c FILE` does, without fetching a secret. The error is what a person would read.
pub fn judge_configuration(file: &Path) -> Result<(), String> {
    let arguments = cli::Cli::try_parse_from([
        "claviger".as_ref(),
        "serve".as_ref(),
        "--state".as_ref(),
        "/state".as_ref(),
        "--config".as_ref(),
        file.as_os_str(),
    ]);
    let Ok(cli::Cli { command: cli::Command::Serve(arguments) }) = arguments else { return Err("the command line is wrong".to_owned()) };
    let around = config::env::Surroundings::pretend(file.parent().unwrap_or(file), &[]);
    config::draft::draft(&arguments, &around).map(|_| ()).map_err(|report| report.render())
}
