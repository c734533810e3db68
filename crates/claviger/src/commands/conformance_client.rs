//! `claviger conformance-client`: what the conformance harness wants of an MCP client, done with the client and the log-in that people use.
//!
//! The harness says in variables which scenario it is, which revision it speaks, and what the client is to know beforehand. Every process has a state folder of its own,
//! because the harness starts all scenarios at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcp::method;
use oauth::issuer::Issuer;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use crate::cli::{ConformanceClientArguments, Era, KeeperChoice, SignInArguments, StateArgument};
use crate::client::host::Defaults;
use crate::client::{CallFailure, Client};
use crate::config::env::Surroundings;
use crate::sign_in::{self, Manner, Pause, Storage};
use crate::voice::{Exit, Report};

/// Carries out one scenario.
pub(crate) async fn run(arguments: &ConformanceClientArguments, around: &Surroundings) -> Result<Exit, Report> {
    let said = |name: &str| around.variables().get(name).map(String::as_str);
    let context = said(CONTEXT).map_or_else(|| Ok(Context::default()), serde_json::from_str);
    let context = context.map_err(|error| Report::new(Exit::Usage, format!("`{CONTEXT}` cannot be read")).caused_by(&error))?;
    let era = if said(VERSION).is_some_and(|version| version >= "2026") { Era::Modern } else { Era::Legacy };
    let state = tempfile::tempdir().map_err(|error| Report::new(Exit::InputOutput, "there is no temporary folder").caused_by(&error))?;
    sign_in::keep_choice(state.path(), Storage::File)?;
    let options = options(&context, state.path(), said(SCENARIO).unwrap_or_default())?;
    let endpoint = sign_in::endpoint(&arguments.url, &options, Some(Manner::Browser(Pause::new())), around)?;
    let scenario = async {
        let mut client = Client::connect(endpoint, era, Arc::new(Defaults)).await?;
        let outcome = Box::pin(everything(&mut client, &context)).await;
        client.close().await;
        outcome
    };
    let done = tokio::time::timeout(PATIENCE, scenario).await;
    let done = done.map_err(|_| Report::new(Exit::Unavailable, "the scenario takes too long"))?;
    done.map(|()| Exit::Success).map_err(|failure| failure.report(None))
}

/// Whatever the server offers is listed and used once; a scenario judges what it sees of that.
async fn everything(client: &mut Client, context: &Context) -> Result<(), CallFailure> {
    let tools: Tools = ask(client, method::TOOLS_LIST, Map::new()).await?.unwrap_or_default();
    let calls = if context.tool_calls.is_empty() { tools.calls() } else { context.tool_calls.clone() };
    for ToolCall { name, arguments } in calls {
        let params = Map::from_iter([("name".to_owned(), Json::from(name)), ("arguments".to_owned(), arguments)]);
        let _result: Option<Json> = ask(client, method::TOOLS_CALL, params).await?;
    }
    if !client.offers("resources") && !client.offers("prompts") {
        return Ok(());
    }
    let resources: Resources = ask(client, method::RESOURCES_LIST, Map::new()).await?.unwrap_or_default();
    for resource in resources.resources {
        let params = Map::from_iter([("uri".to_owned(), Json::from(resource.uri))]);
        let _content: Option<Json> = ask(client, method::RESOURCES_READ, params).await?;
    }
    let prompts: Prompts = ask(client, method::PROMPTS_LIST, Map::new()).await?.unwrap_or_default();
    for prompt in prompts.prompts {
        let params = Map::from_iter([("name".to_owned(), Json::from(prompt.name)), ("arguments".to_owned(), json!({}))]);
        let _messages: Option<Json> = ask(client, method::PROMPTS_GET, params).await?;
    }
    Ok(())
}

/// The result as far as it can be read; `None`: the server says no.
async fn ask<T: for<'de> Deserialize<'de>>(client: &mut Client, method: &str, params: Map<String, Json>) -> Result<Option<T>, CallFailure> {
    match client.request(method, params).await {
        Ok(result) => Ok(serde_json::from_str(result.get()).ok()),
        Err(CallFailure::Said(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What a person would type: what is secret goes into files.
fn options(context: &Context, state: &Path, scenario: &str) -> Result<SignInArguments, Report> {
    let file = |name: &str, text: &Option<String>| {
        let Some(text) = text else { return Ok(None) };
        let file = state.join(name);
        let written = std::fs::write(&file, text);
        written.map_err(|error| Report::new(Exit::InputOutput, "what the harness gives cannot be kept").caused_by(&error))?;
        Ok::<_, Report>(Some(file))
    };
    Ok(SignInArguments {
        client_key_file: file("client.pem", &context.private_key_pem)?,
        client_key_id: None,
        client_credentials: scenario.starts_with("auth/client-credentials"),
        assertion_file: file("assertion", &context.valid_jwt)?,
        provider: context.idp_issuer.as_deref().and_then(|issuer| Issuer::parse(issuer).ok()),
        provider_client_id: context.idp_client_id.clone(),
        id_token_file: file("id-token", &context.idp_id_token)?,
        profile: "default".to_owned(),
        scope: None,
        client_id: context.client_id.clone(),
        client_secret_file: None,
        client_secret: context.client_secret.clone().map(Into::into),
        device: false,
        // Its folder ends with it.
        keeper: KeeperChoice::Unasked,
        client_metadata_url: Some(DOCUMENT.to_owned()),
        callback_port: None,
        no_resource: false,
        ca_file: None,
        allow_network: Vec::new(),
        state: StateArgument { state: Some(state.to_owned()) },
    })
}

/// What the client is to know beforehand.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    client_id: Option<String>,
    client_secret: Option<String>,
    private_key_pem: Option<String>,
    valid_jwt: Option<String>,
    idp_issuer: Option<String>,
    idp_client_id: Option<String>,
    idp_id_token: Option<String>,
    #[serde(rename = "toolCalls")]
    tool_calls: Vec<ToolCall>,
}

#[derive(Clone, Deserialize)]
struct ToolCall {
    name: String,
    arguments: Json,
}

#[derive(Default, Deserialize)]
struct Tools {
    tools: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    #[serde(rename = "inputSchema", default)]
    input_schema: Json,
}

#[derive(Default, Deserialize)]
struct Resources {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    uri: String,
}

#[derive(Default, Deserialize)]
struct Prompts {
    prompts: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Tools {
    /// Each tool once, with the plainest arguments that its schema asks for.
    fn calls(&self) -> Vec<ToolCall> {
        let tools: Vec<Tool> = self.tools.iter().filter_map(|tool| serde_json::from_str(tool.get()).ok()).collect();
        let schema_of_other = tools.iter().find(|tool| tool.name != ECHO).map(|tool| tool.input_schema.clone());
        let arguments = |tool: &Tool| match &schema_of_other {
            Some(schema) if tool.name == ECHO => json!({ "schema": schema }),
            _ => plainest(&tool.input_schema),
        };
        tools.iter().map(|tool| ToolCall { name: tool.name.clone(), arguments: arguments(tool) }).collect()
    }
}

fn plainest(schema: &Json) -> Json {
    let properties = schema.get("properties").and_then(Json::as_object);
    let value = |property: &Json| match property.get("type").and_then(Json::as_str) {
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("x"),
    };
    Json::Object(properties.into_iter().flatten().map(|(name, property)| (name.clone(), value(property))).collect())
}

/// Wants to see the schema of the other tool as it arrived.
const ECHO: &str = "json_schema_echo";
const CONTEXT: &str = "MCP_CONFORMANCE_CONTEXT";
const SCENARIO: &str = "MCP_CONFORMANCE_SCENARIO";
const VERSION: &str = "MCP_CONFORMANCE_PROTOCOL_VERSION";
/// The harness gives up after thirty seconds, and leaves us running.
const PATIENCE: Duration = Duration::from_secs(28);
/// The document that the harness takes for ours; nobody fetches it.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";
