//! Which era does this request speak? The gate in front of every built-in server.
//!
//! The SDK's own opening handshake ties a connection to one era. The servers skip that handshake, so that both eras
//! live on one connection, and this gate refuses what the handshake would have refused.

use std::borrow::Cow;

use rmcp::model::{
    ClientNotification, ClientRequest, ErrorCode, ErrorData, ProtocolVersion, RequestMetaObject, ServerConfig, ServerResult,
};
use rmcp::service::{NotificationContext, RequestContext, Service};
use rmcp::{RoleServer, ServerHandler};

/// The revisions that a built-in server speaks, oldest first. 2024-11-05 is not served.
pub(crate) const VERSIONS: &[ProtocolVersion] =
    &[ProtocolVersion::V_2025_03_26, ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

/// A server of tools behind the gate. What is not about tools is not found.
pub(crate) struct ToolsOnly<Server>(pub(crate) Server);

impl<Server: ServerHandler> Service<RoleServer> for ToolsOnly<Server> {
    async fn handle_request(&self, request: ClientRequest, context: RequestContext<RoleServer>) -> Result<ServerResult, ErrorData> {
        admit(&request, &context)?;
        Service::handle_request(&self.0, request, context).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Service::handle_notification(&self.0, notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        ServerHandler::get_info(&self.0)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(VERSIONS)
    }
}

/// Any sign of the modern era makes the request modern or wrong, never silently legacy (MCP 2026-07-28, versioning).
fn admit(request: &ClientRequest, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    let modern = context.meta.contains_key(PROTOCOL_VERSION);
    if modern && context.meta.protocol_version().is_none() {
        return Err(incomplete_metadata());
    }
    match request {
        ClientRequest::InitializeRequest(_) if modern => Err(method_not_found(request)),
        ClientRequest::InitializeRequest(_) | ClientRequest::PingRequest(_) => Ok(()),
        _ if !modern && context.peer.peer_info().is_none() => Err(incomplete_metadata()),
        ClientRequest::CallToolRequest(_) | ClientRequest::DiscoverRequest(_) | ClientRequest::ListToolsRequest(_) => Ok(()),
        // The SDK turns a known method whose parameters it cannot read into a custom one.
        ClientRequest::CustomRequest(custom) if KNOWN_METHODS.contains(&custom.method.as_str()) => {
            Err(ErrorData::invalid_params(format!("the parameters of `{}` are malformed", custom.method), None))
        }
        _ => Err(method_not_found(request)),
    }
}

fn incomplete_metadata() -> ErrorData {
    let needed = RequestMetaObject::DRAFT_REQUIRED_KEYS.join("`, `");
    ErrorData::invalid_params(format!("send `initialize` first, or `_meta` with `{needed}` in each request"), None)
}

fn method_not_found(request: &ClientRequest) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method().to_owned(), None)
}

const KNOWN_METHODS: [&str; 5] = ["initialize", "ping", "server/discover", "tools/call", "tools/list"];
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
