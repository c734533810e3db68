//! What can a person type after `serve`?

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use super::{Era, StateArgument};

/// `claviger serve`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArguments {
    /// The configuration file [default: claviger.toml where it exists]
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["url", "demo", "program"])]
    pub(crate) config: Option<PathBuf>,
    /// Every server of an existing client configuration (.mcp.json, claude_desktop_config.json, .cursor/mcp.json, .vscode/mcp.json)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "demo", "program"])]
    pub(crate) mcp: Option<PathBuf>,
    /// One HTTP server
    #[arg(long, conflicts_with_all = ["demo", "program"])]
    pub(crate) url: Option<Url>,
    /// How the server at --url is spoken to [default: streamable-http]
    #[arg(long, value_name = "WAY", requires = "url")]
    pub(crate) transport: Option<ServerTransport>,
    /// The built-in filesystem server on the current folder, read-only
    #[arg(long, conflicts_with = "program")]
    pub(crate) demo: bool,
    /// The server's name, as it stands in /mcp/NAME (with --url or a command)
    #[arg(long, conflicts_with_all = ["config", "mcp"])]
    pub(crate) name: Option<String>,
    /// What a tool, prompt or resource asks for; may be repeated (with --url, --demo or a command)
    #[arg(long = "scope", value_name = "PATTERN=SCOPES", conflicts_with_all = ["config", "mcp"])]
    pub(crate) scopes: Vec<String>,
    /// Which protocol eras the server speaks [default: auto]
    #[arg(long, value_name = "ERA", conflicts_with_all = ["config", "mcp"])]
    pub(crate) protocol: Option<Era>,
    /// All servers as one at /mcp as well, with the tools named SERVER__TOOL
    #[arg(long)]
    pub(crate) merge: bool,
    /// The address to listen on; port 0 lets the system choose [default: 127.0.0.1:8787]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// The address of metrics and readiness detail [default: none]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The URL that callers use, when it is not the address listened on
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<Url>,
    /// The origin of a browser client that may call; may be repeated
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub(crate) allow_origins: Vec<String>,
    /// The environment: `development` listens on loopback only [default: development]
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Use secrets that are written out, and say where; in the environment `development` only
    #[arg(long)]
    pub(crate) allow_literal_secrets: bool,
    #[command(flatten)]
    pub(crate) state: StateArgument,
    /// A stdio server: its program and arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) program: Vec<String>,
}

/// How an HTTP server is spoken to, as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServerTransport {
    /// HTTP with SSE of 2024-11-05, which is deprecated
    Sse,
    /// Every later revision
    StreamableHttp,
}

/// `claviger child-guard`, which only the door types.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChildGuardArguments {
    /// The process id of the door
    pub(crate) door: u32,
    /// The program to watch over and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) program: Vec<OsString>,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  claviger serve --demo
  claviger serve -- npx -y @modelcontextprotocol/server-everything
  claviger serve --url http://127.0.0.1:3001/mcp --scope 'delete_*=docs:write' --scope '*=docs:read'
  claviger serve --mcp .mcp.json
  claviger serve -c claviger.toml --env production";
