//! `claviger`: the key-keeper at the door of MCP servers.

mod admin;
mod announce;
mod cli;
mod client;
mod commands;
mod config;
mod lifecycle;
mod log;
mod voice;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse().command) {
        Ok(code) => code,
        Err(report) => voice::fail(&report),
    }
}
