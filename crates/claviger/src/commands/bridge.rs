//! `claviger bridge`: a program on a pipe that is a remote server.

use std::io::IsTerminal as _;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

use crate::bridge::{self, Shelf};
use crate::cli::{BridgeArguments, KeeperChoice, SignInArguments, at_file};
use crate::config::env::Surroundings;
use crate::log;
use crate::sign_in::{self, Manner, Pause};
use crate::voice::{self, Exit, Report};

/// Carries messages until the host ends.
pub(crate) async fn run(arguments: &BridgeArguments, around: &Surroundings) -> Result<Exit, Report> {
    log::start(around.value(crate::config::env::LOG).or(Some("error")));
    let always = headers(arguments, around)?;
    let options = options(arguments)?;
    let state = sign_in::state_folder(options.state.state.as_deref(), around)?;
    sign_in::choose(&state, None).await?;
    let pause = Pause::new();
    let manner = match (arguments.no_login, arguments.no_browser) {
        (true, _) => None,
        (false, true) => Some(Manner::Shown(pause)),
        (false, false) => Some(Manner::Browser(pause)),
    };
    if std::io::stdin().is_terminal() {
        voice::talk("this waits for an MCP client on stdin; write the command into the client's configuration\n");
    }
    let endpoint = sign_in::endpoint(&arguments.url, &options, manner, around)?.with_headers(always);
    let shelf = Shelf::hiding(&arguments.ignore_tool);
    let carried = bridge::run(endpoint, shelf, arguments.verbose, tokio::io::stdin(), tokio::io::stdout()).await;
    carried.map_err(|error| Report::new(Exit::InputOutput, "the pipe to the client broke").caused_by(&error))?;
    Ok(Exit::Success)
}

fn headers(arguments: &BridgeArguments, around: &Surroundings) -> Result<HeaderMap, Report> {
    let mut headers = HeaderMap::new();
    for header in &arguments.header {
        if header.name == AUTHORIZATION {
            voice::warn("a token in `--header` can be read in the list of processes and never ends; `claviger login` does without");
        }
        let value = filled(&header.value, around)?;
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| Report::new(Exit::Usage, format!("the value of the header `{}` holds what no header can", header.name)))?;
        value.set_sensitive(true);
        headers.append(header.name.clone(), value);
    }
    Ok(headers)
}

/// `${NAME}` is the variable's value: clients that start us do not fill it in.
fn filled(text: &str, around: &Surroundings) -> Result<String, Report> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        let value = around.variables().get(name).ok_or_else(|| {
            Report::new(Exit::Configuration, format!("the variable `{}`, which a header needs, is not set", voice::plain(name)))
        })?;
        filled.push_str(before);
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The options of other bridges, as ours.
fn options(arguments: &BridgeArguments) -> Result<SignInArguments, Report> {
    let mut options = arguments.sign_in.clone();
    if arguments.verbose {
        options.keeper = KeeperChoice::AskedAloud;
    }
    options.callback_port = options.callback_port.or(arguments.port);
    let Some(text) = &arguments.static_oauth_client_info else { return Ok(options) };
    let unusable = |error: &dyn std::error::Error| {
        Report::new(Exit::Usage, "`--static-oauth-client-info` cannot be used")
            .caused_by(error)
            .hint("give a JSON object, or `@FILE` with one")
    };
    let text = match at_file(text) {
        Some(file) => std::fs::read_to_string(file).map_err(|error| unusable(&error))?,
        None => text.clone(),
    };
    // What the parser says may quote the secret.
    let client: StaticClient = serde_json::from_str(&text).map_err(|_| unusable(&std::io::Error::from(std::io::ErrorKind::InvalidData)))?;
    options.client_id = Some(client.client_id);
    options.client_secret = client.client_secret.map(Into::into);
    Ok(options)
}

#[derive(Deserialize)]
struct StaticClient {
    client_id: String,
    client_secret: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_header_takes_the_variables_that_it_names() {
        let around = Surroundings::pretend(Path::new("/"), &[("TEAM", "blue")]);
        assert_eq!(filled("a ${TEAM} b ${TEAM}", &around).unwrap(), "a blue b blue");
        assert_eq!(filled("no $TEAM ${", &around).unwrap(), "no $TEAM ${");
        assert!(filled("${OTHER}", &around).is_err());
    }
}
