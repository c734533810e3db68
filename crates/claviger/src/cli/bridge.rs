//! What can a person type after `bridge`?

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use http::{HeaderName, HeaderValue};
use url::Url;

use super::SignInArguments;

/// `claviger bridge`.
#[derive(Clone, Debug, Args)]
#[command(after_help = BRIDGE_EXAMPLES)]
pub(crate) struct BridgeArguments {
    /// The remote server's MCP endpoint
    pub(crate) url: Url,
    /// The port that the browser comes back to; the same as `--callback-port`
    #[arg(value_name = "PORT", conflicts_with = "callback_port", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// A header for every request, such as `X-Team: blue`; `${NAME}` stands for a variable
    #[arg(long, value_name = "NAME: VALUE", value_parser = Header::from_str)]
    pub(crate) header: Vec<Header>,
    /// Hide the tools whose names match; `*` stands for any run of characters
    #[arg(long, value_name = "PATTERN")]
    pub(crate) ignore_tool: Vec<String>,
    /// How the server is spoken to; HTTP with SSE of 2024-11-05 is not spoken: `claviger serve --transport sse` does
    #[arg(long, value_name = "WAY", default_value = "http-only")]
    pub(crate) transport: Transport,
    /// A client that the authorization server knows already, as JSON with `client_id` and `client_secret`, or `@FILE` with that
    #[arg(long, value_name = "JSON", conflicts_with = "client_id")]
    pub(crate) static_oauth_client_info: Option<String>,
    /// Your browser is on another machine: only show the address
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Never ask anybody to log in: fail instead
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) no_login: bool,
    /// Say on stderr what passes, without its content
    #[arg(long, short, visible_alias = "debug")]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) sign_in: SignInArguments,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// Streamable HTTP
    HttpOnly,
    /// The same: there is no second way
    HttpFirst,
}

/// A header as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) name: HeaderName,
    /// With `${NAME}` in it as written.
    pub(crate) value: String,
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("write `NAME: VALUE`")?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| "this is no name of a header".to_owned())?;
        let value = value.trim().to_owned();
        HeaderValue::try_from(value.as_str()).map_err(|_| "the value holds what no header can".to_owned())?;
        Ok(Self { name, value })
    }
}

/// A file that an option names with `@`.
pub(crate) fn at_file(text: &str) -> Option<PathBuf> {
    text.strip_prefix('@').map(PathBuf::from)
}

const BRIDGE_EXAMPLES: &str = "\
Examples:
  claviger bridge https://mcp.example.com/mcp
  claviger bridge https://mcp.example.com/mcp --profile work --ignore-tool 'delete_*'

In a client's configuration:
  {\"mcpServers\": {\"example\": {\"command\": \"claviger\", \"args\": [\"bridge\", \"https://mcp.example.com/mcp\"]}}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let header: Header = "X-Team:  blue ".parse().unwrap();
        assert_eq!((header.name.as_str(), header.value.as_str()), ("x-team", "blue"));
        for wrong in ["", "X-Team", "a b: c", "X: a\nb"] {
            assert!(wrong.parse::<Header>().is_err(), "{wrong}");
        }
    }
}
