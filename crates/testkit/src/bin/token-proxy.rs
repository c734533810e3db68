//! How does a client that cannot send tokens pass the door? The token proxy, as a program.
//!
//! Its first line on stdout is the URL to use instead of `--to`.

use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use claviger_testkit::token_proxy::{TokenProxy, TokenSource};
use http::Uri;
use tokio::net::TcpListener;

/// A loopback proxy that adds `Authorization: Bearer …` to each request.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// The URL behind the proxy.
    #[arg(long, value_name = "URL")]
    to: Uri,
    /// A file whose first line is the token; it is read again for every request.
    #[arg(long, value_name = "FILE", required_unless_present = "token")]
    token_file: Option<PathBuf>,
    /// The token; better not on the command line, where every process can read it.
    #[arg(long, env = "TOKEN_PROXY_TOKEN", hide_env_values = true, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "token-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let token = match (options.token_file, options.token) {
        (Some(path), _) => TokenSource::File(path),
        (None, Some(token)) => TokenSource::Fixed(token),
        (None, None) => return Err("no token".into()),
    };
    let proxy = TokenProxy::new(&options.to, token).ok_or("--to must be an http:// URL")?;
    let listener = TcpListener::bind(options.listen).await?;
    writeln!(std::io::stdout(), "http://{}{}", listener.local_addr()?, options.to.path())?;
    Ok(proxy.serve(listener).await?)
}
