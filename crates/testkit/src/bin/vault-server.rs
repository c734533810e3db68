//! The pretended Vault, as a program. Its first line on stdout is its address; [`ROOT`] opens it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use claviger_testkit::vault::{ROOT, Vault};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[expect(clippy::disallowed_methods, reason = "leases end by the clock of the machine")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[expect(clippy::print_stdout, reason = "whoever starts it reads where it is")]
async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("VAULT_ADDR=http://{} VAULT_TOKEN={ROOT}", listener.local_addr()?);
    Arc::new(Vault::new(Arc::new(now))).serve(listener).await
}
