//! Which tools does the filesystem server offer, and how is a call to one answered?

mod call;

use std::sync::Arc;

use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, InitializeRequestParams,
    InitializeResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use schemars::JsonSchema;

use self::call::{Answer, Call, CallError, FileInfo, FileInfoRequest, ListRequest, ReadRequest, SearchRequest, TreeRequest};
use super::list::Listing;
use super::read::Cut;
use super::refusal::Refusal;
use super::root::Root;
use super::walk::Finds;
use super::work::Workers;
use crate::era::VERSIONS;

/// The handler of one root's calls; a clone shares it.
#[derive(Clone)]
pub(super) struct Tools {
    root: Arc<Root>,
    workers: Arc<Workers>,
}

impl Tools {
    pub(super) fn new(root: Arc<Root>, workers: Arc<Workers>) -> Self {
        Self { root, workers }
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("claviger-filesystem", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
            .with_instructions(INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> std::borrow::Cow<'static, [ProtocolVersion]> {
        std::borrow::Cow::Borrowed(VERSIONS)
    }

    /// As the SDK's own, but it remembers the version that was agreed on, not the one that was asked for.
    async fn initialize(
        &self,
        mut request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&request)?;
        request.protocol_version = result.protocol_version.clone();
        context.peer.set_peer_info(request);
        Ok(result)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(definitions().map_err(|fault| ErrorData::internal_error(fault, None))?))
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let call = match Call::parse(&request.name, request.arguments.unwrap_or_default()) {
            Ok(call) => call,
            Err(CallError::UnknownTool) => {
                return Err(ErrorData::invalid_params(format!("unknown tool `{}`", escaped(&request.name)), None));
            }
            // The model can mend its arguments when it sees what is wrong (MCP 2025-11-25, tools, error handling).
            Err(CallError::Arguments(error)) => return Ok(failed(shortened(format!("wrong arguments: {error}"))).into()),
        };
        let (root, asked) = (Arc::clone(&self.root), call.path().to_owned());
        let answer = self.workers.run(context.ct.cancelled(), move |stop| call.run(&root, stop)).await;
        match answer {
            Some(Ok(answer)) => Ok(succeeded(answer)?.into()),
            Some(Err(refusal)) => Ok(refused(&asked, &refusal).into()),
            None => {
                tracing::error!(tool = %request.name, "a call to the filesystem server panicked");
                Err(ErrorData::internal_error("the call failed inside", None))
            }
        }
    }
}

fn definitions() -> Result<Vec<Tool>, String> {
    Ok(vec![
        tool::<TreeRequest>("directory_tree", "Directory tree", TREE)?.with_raw_output_schema(schema_for_output::<Finds>()),
        tool::<FileInfoRequest>("get_file_info", "File information", INFO)?.with_raw_output_schema(schema_for_output::<FileInfo>()),
        tool::<ListRequest>("list_directory", "List a directory", LIST)?.with_raw_output_schema(schema_for_output::<Listing>()),
        tool::<ReadRequest>("read_text_file", "Read a text file", READ)?,
        tool::<SearchRequest>("search_files", "Search files by name", SEARCH)?.with_raw_output_schema(schema_for_output::<Finds>()),
    ])
}

fn tool<Request: JsonSchema + 'static>(name: &'static str, title: &str, description: &'static str) -> Result<Tool, String> {
    let annotations = ToolAnnotations::with_title(title).read_only(true).destructive(false).idempotent(true).open_world(false);
    Ok(Tool::new(name, description, schema_for_input::<Request>()?).with_title(title).with_annotations(annotations))
}

fn succeeded(answer: Answer) -> Result<CallToolResult, ErrorData> {
    let structured = match answer {
        Answer::FileInfo(info) => serde_json::to_value(info),
        Answer::Finds(finds) => serde_json::to_value(finds),
        Answer::Listing(listing) => serde_json::to_value(listing),
        Answer::Text(text) => {
            let mut content = vec![ContentBlock::text(text.text)];
            content.extend(note(text.cut).map(ContentBlock::text));
            return Ok(CallToolResult::success(content));
        }
    };
    let fault = |_| ErrorData::internal_error("the answer cannot be written as JSON", None);
    Ok(CallToolResult::structured(structured.map_err(fault)?))
}

/// What the caller must know about a text that was cut.
fn note(cut: Cut) -> Option<String> {
    match cut {
        Cut::Whole => None,
        Cut::Before { next_line } => Some(format!("[cut at 1 MiB; go on with first_line = {next_line}]")),
        Cut::InsideLine => Some("[cut at 1 MiB inside a line; the rest of this line is not given out]".to_owned()),
        Cut::Beginning => Some("[only the last 1 MiB; read what is before it with first_line and last_line]".to_owned()),
    }
}

fn refused(path: &str, refusal: &Refusal) -> CallToolResult {
    failed(format!("`{}`: {refusal}", escaped(path)))
}

fn failed(words: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(words)])
}

/// What the caller wrote, safe to show and not too long.
fn escaped(text: &str) -> String {
    shortened(text.escape_debug().to_string())
}

fn shortened(text: String) -> String {
    if text.len() <= LONGEST_ECHO { text } else { text.chars().take(LONGEST_ECHO).chain("…".chars()).collect() }
}

/// How much of a caller's own words an answer repeats.
const LONGEST_ECHO: usize = 300;
const INSTRUCTIONS: &str = "Read-only files below one directory. Paths are relative to it, with `/` between names; \
    `.` is the directory itself. Symbolic links are listed but not followed.";
const INFO: &str = "Kind, size, time of the last change and permissions of one file or directory. A symbolic link is \
    described itself, not what it points to.";
const LIST: &str = "The entries of one directory with kind and size, sorted by name, at most 2000.";
const READ: &str = "The text of a file (UTF-8, at most 1 MiB in one answer): all of it, the first lines (`head`), the \
    last lines (`tail`), or a range (`first_line`, `last_line`; counted from 1). Files known for secrets, such as \
    `.env` and private keys, are refused.";
const SEARCH: &str = "Files and directories whose name matches a glob, or whose path below `path` does when the glob has \
    a `/` (`*.rs`, `src/**/test_*`). At most 2000 are given; what is in `.git` is left out.";
const TREE: &str = "Everything below a directory down to a depth, as a flat list of paths, at most 2000, nearest first \
    when there are more; what is in `.git` is left out.";
