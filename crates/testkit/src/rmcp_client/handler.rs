//! What does the client answer when a server asks it, and what does it hear? Always the same words, and everything, for the test to look at.
#![expect(deprecated, reason = "sampling lives on in both eras that the client speaks")]

use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams, ElicitResult,
        ElicitationAction, Implementation, ProgressNotificationParam, ResourceUpdatedNotificationParam, SamplingMessage,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::json;
use tokio::sync::mpsc;

/// What the client heard.
#[derive(Debug)]
pub(super) enum Heard {
    Progress(f64),
    Changed(String),
}

/// The client's side of a connection.
#[derive(Debug)]
pub(super) struct Handler(pub(super) mpsc::UnboundedSender<Heard>);

impl Handler {
    fn hear(&self, heard: Heard) {
        // At the end of the test nobody listens any more.
        let _ = self.0.send(heard);
    }
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_elicitation().enable_sampling().build();
        ClientConfig::new(capabilities, Implementation::new("interop-rmcp", "1"))
    }

    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let content = json!({"name": "Ada", "username": "ada", "email": "ada@example.com", "check": true});
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(content))
    }

    async fn create_message(
        &self,
        _params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Ok(CreateMessageResult::new(SamplingMessage::assistant_text("sampled by the test"), "none".to_owned()))
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.hear(Heard::Progress(params.progress));
    }

    async fn on_resource_updated(&self, params: ResourceUpdatedNotificationParam, _context: NotificationContext<RoleClient>) {
        self.hear(Heard::Changed(params.uri));
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.hear(Heard::Changed("tools".to_owned()));
    }
}
