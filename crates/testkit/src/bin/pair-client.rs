//! Does the Rust SDK's client get on with what stands behind the door? One JSON object on stdout: feature → what the client saw of it.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use claviger_testkit::rmcp_client::{ClientEra, use_everything};

/// rmcp's client, told by a test to use everything that a server has.
#[derive(Debug, Parser)]
struct Options {
    /// Of the server.
    url: String,
    era: ClientEra,
    /// Which tools show which feature, as JSON.
    settings: String,
    /// The bearer token.
    #[arg(long, env = "TOKEN", hide_env_values = true)]
    token: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "pair-client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let settings = serde_json::from_str(&options.settings)?;
    let seen = use_everything(&options.url, options.token, options.era, &settings).await;
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(&seen)?)?)
}
