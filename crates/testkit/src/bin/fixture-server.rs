//! What is there to test with? The fixture of the conformance runs, as a program.
//!
//! Over HTTP it prints its URL as the first line of stdout; over stdio, stdout belongs to the protocol.

use std::{io::Write, net::SocketAddr, process::ExitCode};

use clap::Parser;
use claviger_testkit::fixture::{Era, Given, Shared, http, stdio};
use tokio::net::TcpListener;

/// An MCP server to test with.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// Speak over stdin and stdout instead.
    #[arg(long, conflicts_with = "listen")]
    stdio: bool,
    /// Which revisions to speak.
    #[arg(long, value_enum, default_value = "both")]
    era: Era,
    #[command(flatten)]
    given: Given,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "fixture-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let shared = Shared::new(options.era, options.given)?;
    if options.stdio {
        let (input, output) = rmcp::transport::stdio();
        return Ok(stdio::serve(shared, input, output).await?);
    }
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    writeln!(std::io::stdout(), "http://{address}{}", http::PATH)?;
    Ok(http::serve(shared, listener).await?)
}
