//! How does Vault answer? The small one of the tests, as a program on a free port of loopback.
//!
//! Its first line on stdout is its address.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use claviger_testkit::vault::Vault;
use tokio::net::TcpListener;
use tokio::time::Instant;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "fake-vault: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> std::io::Result<()> {
    let start = Instant::now();
    let vault = Vault::new(Arc::new(move || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    Arc::new(vault).serve(listener).await
}
