//! What does the client see of each feature? One after the other; what fails leaves the others alone.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use rmcp::{
    RoleClient,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, GetPromptRequestParams, JsonObject, ProtocolVersion,
        ReadResourceRequestParams, ResourceContents, ServerNotification, SubscribeRequestParams, SubscriptionFilter,
    },
    service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle},
    transport::streamable_http_client::{StreamableHttpClientTransport, StreamableHttpClientTransportConfig},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    handler::{Handler, Heard},
    http::LoopbackClient,
};

/// The era that the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClientEra {
    /// With a session, 2025-11-25.
    Legacy,
    /// Stateless, 2026-07-28.
    Modern,
}

/// Which of the server's tools shows which feature.
#[derive(Debug, Deserialize)]
pub struct Settings {
    call: Tool,
    progress: Tool,
    elicitation: Tool,
    sampling: Tool,
    read: String,
    prompt: String,
    changes: Changes,
}

#[derive(Debug, Deserialize)]
struct Tool {
    name: String,
    arguments: JsonObject,
}

#[derive(Debug, Deserialize)]
struct Changes {
    /// A resource's URI, or `tools`.
    of: String,
    #[serde(flatten)]
    tool: Tool,
}

type Running = RunningService<RoleClient, Handler>;

/// Uses everything that the server at `url` has: feature → what was seen of it, or `{"error": …}`.
pub async fn use_everything(url: &str, token: String, era: ClientEra, settings: &Settings) -> BTreeMap<&'static str, Value> {
    let (hearing, mut heard) = mpsc::unbounded_channel();
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    let transport = StreamableHttpClientTransport::with_client(LoopbackClient, config);
    let mode = match era {
        ClientEra::Legacy => ClientLifecycleMode::Initialize,
        ClientEra::Modern => ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
    };
    let client = match timeout(PATIENCE, serve_client_with_lifecycle(Handler(hearing), transport, mode)).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return BTreeMap::from([("open", failed(error))]),
        Err(late) => return BTreeMap::from([("open", failed(late))]),
    };
    let mut seen = BTreeMap::new();
    seen.insert("open", version(&client, era));
    seen.insert("list", attempt(list(&client)).await);
    seen.insert("call", attempt(call(&client, &settings.call)).await);
    seen.insert("progress", attempt(progress(&client, &settings.progress, &mut heard)).await);
    seen.insert("elicitation", attempt(call(&client, &settings.elicitation)).await);
    seen.insert("sampling", attempt(call(&client, &settings.sampling)).await);
    seen.insert("read", attempt(read(&client, &settings.read)).await);
    seen.insert("prompt", attempt(prompt(&client, &settings.prompt)).await);
    seen.insert("changes", attempt(changes(&client, era, &settings.changes, &mut heard)).await);
    // Whether the server hears of the end is not asked here.
    let _ = timeout(PATIENCE, client.cancel()).await;
    seen
}

type Outcome = Result<String, Box<dyn std::error::Error + Send + Sync>>;

async fn attempt(feature: impl Future<Output = Outcome>) -> Value {
    match timeout(PATIENCE, feature).await {
        Ok(Ok(seen)) => json!(seen),
        Ok(Err(error)) => failed(error),
        Err(late) => failed(late),
    }
}

fn failed(error: impl Display) -> Value {
    json!({"error": error.to_string()})
}

fn version(client: &Running, era: ClientEra) -> Value {
    match era {
        ClientEra::Modern => json!(ProtocolVersion::V_2026_07_28),
        ClientEra::Legacy => client.peer().peer_info().map_or(Value::Null, |info| json!(info.protocol_version)),
    }
}

async fn list(client: &Running) -> Outcome {
    let names: Vec<_> = client.list_all_tools().await?.into_iter().map(|tool| tool.name.into_owned()).collect();
    Ok(names.join(" "))
}

async fn call(client: &Running, tool: &Tool) -> Outcome {
    Ok(text_of(&use_tool(client, tool).await?))
}

async fn use_tool(client: &Running, tool: &Tool) -> Result<CallToolResult, rmcp::ServiceError> {
    client.call_tool(CallToolRequestParams::new(tool.name.clone()).with_arguments(tool.arguments.clone())).await
}

async fn progress(client: &Running, tool: &Tool, heard: &mut mpsc::UnboundedReceiver<Heard>) -> Outcome {
    use_tool(client, tool).await?;
    let mut steps = Vec::new();
    // The steps came before the answer, but are handed over by tasks of their own.
    while let Ok(Some(Heard::Progress(step))) = timeout(STRAGGLERS, heard.recv()).await {
        steps.push(step);
    }
    steps.sort_by(f64::total_cmp);
    Ok(steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}

async fn read(client: &Running, uri: &str) -> Outcome {
    let result = client.read_resource(ReadResourceRequestParams::new(uri)).await?;
    match result.contents.into_iter().next() {
        Some(ResourceContents::TextResourceContents { text, .. }) => Ok(text),
        other => Err(format!("no text but {other:?}").into()),
    }
}

async fn prompt(client: &Running, name: &str) -> Outcome {
    let result = client.get_prompt(GetPromptRequestParams::new(name)).await?;
    let first = result.messages.into_iter().next().map(|message| message.content);
    match first {
        Some(ContentBlock::Text(text)) => Ok(text.text),
        other => Err(format!("no text but {other:?}").into()),
    }
}

async fn changes(client: &Running, era: ClientEra, changes: &Changes, heard: &mut mpsc::UnboundedReceiver<Heard>) -> Outcome {
    let is_tools = changes.of == "tools";
    if era == ClientEra::Modern {
        let filter = SubscriptionFilter::builder();
        let filter = if is_tools { filter.tools_list_changed() } else { filter.resource_subscription(changes.of.clone()) };
        let mut subscription = client.listen(filter.build()).await?;
        use_tool(client, &changes.tool).await?;
        return match subscription.next().await? {
            Some(ServerNotification::ToolListChangedNotification(_)) => Ok("tools".to_owned()),
            Some(ServerNotification::ResourceUpdatedNotification(updated)) => Ok(updated.params.uri),
            other => Err(format!("no news but {other:?}").into()),
        };
    }
    if !is_tools {
        #[expect(deprecated, reason = "the legacy revisions have resources/subscribe")]
        client.subscribe(SubscribeRequestParams::new(changes.of.clone())).await?;
    }
    use_tool(client, &changes.tool).await?;
    loop {
        match heard.recv().await {
            Some(Heard::Changed(what)) => return Ok(what),
            Some(Heard::Progress(_)) => {}
            None => return Err("the connection ended".into()),
        }
    }
}

fn text_of(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|block| block.as_text());
    texts.map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// For one feature.
const PATIENCE: Duration = Duration::from_secs(15);
const STRAGGLERS: Duration = Duration::from_millis(500);
