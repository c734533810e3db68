//! `claviger call`: curl for MCP. Calls a tool or lists the tools, and prints what comes back.

mod arguments;
mod bar;
mod form;
mod known;
mod render;
mod table;
mod terminal;

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use mcp::error_code::URL_ELICITATION_REQUIRED;
use mcp::method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use self::arguments::Tool;
pub(crate) use self::known::names_for as known_tools;
use self::render::{CallResult, listed};
use self::terminal::Terminal;
use super::token::{read_secret, server_of};
use crate::cli::{CallArguments, Output};
use crate::client::host::{Host, Nobody};
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
    let is_attended = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let work = Work {
        arguments,
        output: if arguments.json { Output::Json } else { arguments.output },
        person: is_attended.then(|| Arc::new(Terminal::new(&arguments.url, pause.clone()))),
        state: around.state_folder(arguments.sign_in.state.state.as_deref()),
    };
    let outcome = Box::pin(pause.within(arguments.timeout, work.carry_out(endpoint, &task))).await;
    let printed = outcome.ok_or_else(|| {
        let seconds = arguments.timeout.as_secs_f64();
        Report::new(Exit::Unavailable, format!("no answer within {seconds} s")).hint("wait longer with `--timeout 5min`")
    })?;
    // The bar goes before the result comes.
    drop(work);
    printed.map_err(report)?.show()
}

/// What is to be done.
enum Task {
    Call(String, Map<String, Json>),
    List,
}

/// How it is done.
struct Work<'w> {
    arguments: &'w CallArguments,
    output: Output,
    /// Whoever sits at the terminal.
    person: Option<Arc<Terminal>>,
    /// Where the names of tools are kept for completion.
    state: Option<PathBuf>,
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

    fn failed(report: Report) -> Self {
        Self { text: String::new(), failed: Some(report) }
    }
}

impl Work<'_> {
    async fn carry_out(&self, endpoint: Endpoint, task: &Task) -> Result<Outcome, CallFailure> {
        let host: Arc<dyn Host> = match &self.person {
            Some(person) => Arc::clone(person) as Arc<dyn Host>,
            None => Arc::new(Nobody),
        };
        let mut client = Client::connect(endpoint, self.arguments.era, host).await?;
        let outcome = match task {
            Task::Call(tool, values) => self.call(&mut client, tool, values).await,
            Task::List => self.tools(&mut client).await.map(|tools| Outcome { text: listed(&tools, self.output), failed: None }),
        };
        client.close().await;
        outcome
    }

    async fn call(&self, client: &mut Client, tool: &str, json: &Map<String, Json>) -> Result<Outcome, CallFailure> {
        let values = if self.arguments.arg.is_empty() {
            json.clone()
        } else {
            match self.arguments_for(client, tool, json).await? {
                Ok(values) => values,
                Err(report) => return Ok(Outcome::failed(report)),
            }
        };
        let result = self.result(client, tool, &values).await?;
        let read: CallResult = serde_json::from_str(result.get()).unwrap_or_default();
        let failed = match read.result_type.as_deref() {
            _ if read.is_error => Some(Report::new(Exit::Failure, "the tool says that it failed")),
            None | Some("complete") => None,
            Some("input_required") => Some(Report::new(Exit::Failure, "the server asks for more input, which this client cannot give")),
            Some(other) => {
                Some(Report::new(Exit::Failure, format!("the server answered with `{}`, which this client cannot follow", plain(other))))
            }
        };
        Ok(Outcome { text: read.printed(&result, self.output), failed })
    }

    /// What was typed, as the tool's schema has it.
    async fn arguments_for(
        &self,
        client: &mut Client,
        tool: &str,
        json: &Map<String, Json>,
    ) -> Result<Result<Map<String, Json>, Report>, CallFailure> {
        let tools = self.tools(client).await?;
        let found = tools.iter().filter_map(|tool| serde_json::from_str::<Tool>(tool.get()).ok()).find(|found| found.name == tool);
        let Some(found) = found else {
            return Ok(Err(Report::new(Exit::Failure, format!("the server has no tool `{}`", plain(tool)))
                .hint("`--list` shows what it has; arguments as JSON are passed on as they are")));
        };
        Ok(found.arguments(json, &self.arguments.arg).map_err(|misfit| Report::new(Exit::Usage, misfit.to_string())))
    }

    /// The result of a call. Where the person has to be somewhere else first, they go there, and it is called again.
    async fn result(&self, client: &mut Client, tool: &str, values: &Map<String, Json>) -> Result<Box<RawValue>, CallFailure> {
        let params = Map::from_iter([("name".to_owned(), Json::from(tool)), ("arguments".to_owned(), Json::Object(values.clone()))]);
        let failure = match client.request(method::TOOLS_CALL, params.clone()).await {
            Err(CallFailure::Said(error)) if error.code == URL_ELICITATION_REQUIRED => error,
            answer => return answer,
        };
        let (Some(person), Some(visits)) = (&self.person, visits(failure.data.as_deref())) else { return Err(CallFailure::Said(failure)) };
        for visit in &visits {
            if person.visit(visit).await != Some("accept") {
                return Err(CallFailure::Said(failure));
            }
        }
        if !person.is_done_elsewhere().await {
            return Err(CallFailure::Said(failure));
        }
        client.request(method::TOOLS_CALL, params).await
    }

    /// Every tool; their names are kept, to complete what is typed next.
    async fn tools(&self, client: &mut Client) -> Result<Vec<Box<RawValue>>, CallFailure> {
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
        if let Some(state) = &self.state {
            known::keep(state, &self.arguments.url, &tools);
        }
        Ok(tools)
    }
}

#[derive(Deserialize)]
struct ToolPage {
    tools: Vec<Box<RawValue>>,
    #[serde(rename = "nextCursor")]
    next_cursor: Option<String>,
}

/// Where the person has to go, by the data of such an error.
fn visits(data: Option<&str>) -> Option<Vec<Json>> {
    #[derive(Deserialize)]
    struct Wanted {
        elicitations: Vec<Json>,
    }

    let Wanted { elicitations } = serde_json::from_str(data?).ok()?;
    (1..=MOST_VISITS).contains(&elicitations.len()).then_some(elicitations)
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
const MOST_VISITS: usize = 4;

#[cfg(test)]
mod tests {
    use super::{tool_arguments, visits};

    #[test]
    fn arguments_must_be_an_object() {
        assert!(tool_arguments(None).unwrap().is_empty());
        assert_eq!(tool_arguments(Some("{\"a\": 1}")).unwrap().len(), 1);
        assert!(tool_arguments(Some("[1]")).is_err());
        assert!(tool_arguments(Some("nonsense")).is_err());
    }

    #[test]
    fn a_few_addresses_may_have_to_be_opened_first() {
        assert_eq!(visits(Some(r#"{"elicitations": [{"url": "https://a"}]}"#)).unwrap().len(), 1);
        for none in [None, Some("{}"), Some(r#"{"elicitations": []}"#), Some(r#"{"elicitations": [1,2,3,4,5]}"#)] {
            assert!(visits(none).is_none(), "{none:?}");
        }
    }
}
