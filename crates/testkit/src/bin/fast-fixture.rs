//! What is there to measure against? The fast fixture, as a program; its first line on stdout is its URL.

use std::{io::Write, net::SocketAddr, num::NonZero, process::ExitCode};

use clap::Parser;
use claviger_testkit::{fast, fixture::Era};
use tokio::net::TcpListener;

/// A server that answers everything at once, for benchmarks.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// How many threads answer.
    #[arg(long, default_value = "1", value_name = "N")]
    threads: NonZero<usize>,
    /// Which revisions to speak.
    #[arg(long, value_enum, default_value = "both")]
    era: Era,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "fast-fixture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(options.threads.get()).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(options.listen).await?;
        writeln!(std::io::stdout(), "http://{}{}", listener.local_addr()?, fast::PATH)?;
        // Spawned, so that the worker threads accept too.
        runtime.spawn(fast::serve(options.era, listener)).await.map_err(std::io::Error::other)?
    })
}
