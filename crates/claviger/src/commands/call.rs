//! `claviger call`: curl for MCP. Calls a tool or lists the tools, and prints what comes back.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;

use mcp::method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::token::{read_secret, server_of};
use crate::cli::CallArguments;
use crate::client::host::Nobody;
use crate::client::{CallFailure, Client, Endpoint, MAX_PAGES};
use crate::config::env::{self, Surroundings};
use crate::config::is_local;
use crate::sign_in::{self, Manner, Pause};
use crate::voice::{self, Exit, Report, plain};

/// Calls or lists, within the time given.
pub(crate) async fn run(arguments: &CallArguments, around: &Surroundings) -> Result<Exit, Report> {
    // Wrong arguments are told before anything is sent.
    let task = match &arguments.tool {
        Some(tool) => Task::Call(tool.clone(), tool_arguments(arguments.arguments.as_deref())?),
        None => Task::List,
    };
    let token = token(arguments, around)?;
    let audience = is_local(&arguments.url).then(|| server_of(arguments.url.as_str()));
    let report = |failure: CallFailure| failure.report(audience);
    let pause = Pause::new();
    let endpoint = if let Some(token) = token {
        Endpoint::new(&arguments.url, Some(&token)).map_err(report)?
    } else {
        // Whoever reads no terminal is not made to log in by surprise.
        let manner = std::io::stderr().is_terminal().then(|| Manner::Browser(pause.clone()));
        if manner.is_some() {
            // Where tokens are kept is settled before there are any: a later choice would not find them.
            let state = sign_in::state_folder(arguments.sign_in.state.state.as_deref(), around)?;
            sign_in::choose(&state, None).await?;
        }
        sign_in::endpoint(&arguments.url, &arguments.sign_in, manner, around)?
    };
    let outcome = Box::pin(pause.within(arguments.timeout, carry_out(endpoint, arguments, &task))).await;
    let printed = outcome.ok_or_else(|| {
        let seconds = arguments.timeout.as_secs_f64();
        Report::new(Exit::Unavailable, format!("no answer within {seconds} s")).hint("wait longer with `--timeout 5min`")
    })?;
    printed.map_err(report)?.show()
}

/// What is to be done.
enum Task {
    Call(String, Map<String, Json>),
    List,
}

/// What is to be printed, and how the command ends.
struct Outcome {
    text: String,
    failed: Option<Report>,
}

impl Outcome {
    fn show(self) -> Result<Exit, Report> {
        voice::data(&self.text)?;
        self.failed.map_or(Ok(Exit::Success), Err)
    }
}

async fn carry_out(endpoint: Endpoint, arguments: &CallArguments, task: &Task) -> Result<Outcome, CallFailure> {
    let mut client = Client::connect(endpoint, arguments.era, Arc::new(Nobody)).await?;
    let outcome = match task {
        Task::Call(tool, values) => call(&mut client, tool, values, arguments.json).await,
        Task::List => list(&mut client, arguments.json).await,
    };
    client.close().await;
    outcome
}

async fn call(client: &mut Client, tool: &str, values: &Map<String, Json>, json: bool) -> Result<Outcome, CallFailure> {
    let params = Map::from_iter([("name".to_owned(), Json::from(tool)), ("arguments".to_owned(), Json::Object(values.clone()))]);
    let result = client.request(method::TOOLS_CALL, params).await?;
    let read: CallResult = serde_json::from_str(result.get()).unwrap_or_default();
    let failed = match read.result_type.as_deref() {
        _ if read.is_error => Some(Report::new(Exit::Failure, "the tool says that it failed")),
        None | Some("complete") => None,
        Some("input_required") => Some(Report::new(Exit::Failure, "the server asks for more input, which this client cannot give")),
        Some(other) => {
            Some(Report::new(Exit::Failure, format!("the server answered with `{}`, which this client cannot follow", plain(other))))
        }
    };
    let text = if json || (read.content.is_empty() && read.structured.is_none()) { format!("{}\n", result.get()) } else { read.render() };
    Ok(Outcome { text, failed })
}

async fn list(client: &mut Client, json: bool) -> Result<Outcome, CallFailure> {
    let mut tools: Vec<Box<RawValue>> = Vec::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let params = cursor.take().map(|cursor: String| ("cursor".to_owned(), Json::from(cursor)));
        let result = client.request(method::TOOLS_LIST, params.into_iter().collect()).await?;
        let Ok(page) = serde_json::from_str::<ToolPage>(result.get()) else { break };
        tools.extend(page.tools);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let text = if json {
        let tools: Vec<&str> = tools.iter().map(|tool| tool.get()).collect();
        format!("[{}]\n", tools.join(","))
    } else {
        tools.iter().map(|tool| tool_line(tool)).collect()
    };
    Ok(Outcome { text, failed: None })
}

#[derive(Deserialize)]
struct ToolPage {
    tools: Vec<Box<RawValue>>,
    #[serde(rename = "nextCursor")]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    title: Option<String>,
    description: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CallResult {
    content: Vec<Block>,
    #[serde(rename = "structuredContent")]
    structured: Option<Box<RawValue>>,
    #[serde(rename = "isError")]
    is_error: bool,
    #[serde(rename = "resultType")]
    result_type: Option<String>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    data: Option<String>,
    uri: Option<String>,
    #[serde(rename = "mimeType")]
    mime_type: Option<String>,
    resource: Option<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    uri: String,
    text: Option<String>,
}

impl CallResult {
    fn render(&self) -> String {
        let mut text: String = self.content.iter().map(Block::render).collect();
        if self.content.is_empty()
            && let Some(structured) = &self.structured
        {
            text = format!("{}\n", structured.get());
        }
        text
    }
}

impl Block {
    /// Text as it is; of everything else what it is.
    fn render(&self) -> String {
        let embedded = self.resource.as_ref().and_then(|resource| resource.text.as_deref());
        if let Some(text) = self.text.as_deref().or(embedded) {
            let text = plain(text);
            return if text.ends_with('\n') { text } else { format!("{text}\n") };
        }
        let mut line = format!("[{}", plain(&self.kind));
        let uri = self.uri.as_deref().or(self.resource.as_ref().map(|resource| resource.uri.as_str()));
        for word in [self.mime_type.as_deref(), uri].into_iter().flatten() {
            let _ = write!(line, " {}", plain(word));
        }
        if let Some(data) = &self.data {
            let _ = write!(line, ", {} characters of base64; `--json` shows them", data.len());
        }
        format!("{line}]\n")
    }
}

fn tool_line(tool: &RawValue) -> String {
    let Ok(tool) = serde_json::from_str::<Tool>(tool.get()) else { return "(a tool without a name)\n".to_owned() };
    let about = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default();
    let line = format!("{:<24} {}", plain(&tool.name), plain(about.trim().lines().next().unwrap_or_default()));
    format!("{}\n", line.trim_end())
}

/// The tool's arguments: an object, or nothing.
fn tool_arguments(text: Option<&str>) -> Result<Map<String, Json>, Report> {
    let text = match text {
        None => return Ok(Map::new()),
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(MAX_ARGUMENT_BYTES).read_to_string(&mut text);
            read.map_err(|error| Report::new(Exit::InputOutput, "cannot read the arguments").caused_by(&error))?;
            text
        }
        Some(text) => text.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| {
        Report::new(Exit::Usage, "the arguments of the tool must be a JSON object")
            .caused_by(&error)
            .hint("write for example '{\"path\": \"README.md\"}'")
    })
}

/// The token: the flag, the file, the variable; none at all is fine.
fn token(arguments: &CallArguments, around: &Surroundings) -> Result<Option<SecretString>, Report> {
    if let Some(token) = &arguments.token {
        voice::warn("others can read `--token` in the list of processes; `--token-file` and `CLAVIGER_TOKEN` are hidden from them");
        return Ok(Some(token.clone()));
    }
    if let Some(file) = &arguments.token_file {
        let token = read_secret(file, "the token")?;
        if token.expose_secret().is_empty() {
            return Err(Report::new(Exit::Failure, "the file of the token is empty"));
        }
        return Ok(Some(token));
    }
    Ok(around.value(env::TOKEN).map(Into::into))
}

const MAX_ARGUMENT_BYTES: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{CallResult, tool_arguments, tool_line};

    #[test]
    fn content_is_printed_as_what_it_is_and_cannot_drive_the_terminal() {
        let json = r#"{"content": [
            {"type": "text", "text": "one\u001b[2J"},
            {"type": "image", "mimeType": "image/png", "data": "AAAA"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "inside\n"}},
            {"type": "resource_link", "uri": "file:///b", "name": "b"}]}"#;
        let result: CallResult = serde_json::from_str(json).unwrap();
        assert_eq!(
            result.render(),
            "one\\u{1b}[2J\n[image image/png, 4 characters of base64; `--json` shows them]\ninside\n[resource_link file:///b]\n"
        );
    }

    #[test]
    fn a_tool_is_one_line() {
        let tool = RawValue::from_string(r#"{"name": "read", "description": "Reads a file.\nLong story.", "inputSchema": {}}"#.to_owned())
            .unwrap();
        assert_eq!(tool_line(&tool), "read                     Reads a file.\n");
    }

    #[test]
    fn arguments_must_be_an_object() {
        assert!(tool_arguments(None).unwrap().is_empty());
        assert_eq!(tool_arguments(Some("{\"a\": 1}")).unwrap().len(), 1);
        assert!(tool_arguments(Some("[1]")).is_err());
        assert!(tool_arguments(Some("nonsense")).is_err());
    }
}
