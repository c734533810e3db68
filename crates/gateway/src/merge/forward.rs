//! How does a request reach the member whose it is, and what does its answer become? Names change on the way there, URIs and ids of tasks on the way back; all
//! else stays as it is, and a stream stays one.

use std::sync::Arc;

use bytes::Bytes;
use mcp::envelope::{Message, Params};
use mcp::method;
use mcp::rename;
use mcp::splice::{Edit, splice};
use policy::Permit;

use super::visit::{self, Visitor};
use super::{Member, Merged, name};
use crate::back::{BackFailure, Content, Outgoing, Reply, Source};
use crate::principal::PrincipalKey;
use crate::relay::Mapped;
use crate::tasks::{self, TaskIds, Tasks};

/// Sends it on under the name that its subject has at the member.
pub(super) async fn pass(
    merged: &Arc<Merged>,
    member: &Arc<Member>,
    visitor: &Visitor,
    permit: Permit,
    bare: &str,
    outgoing: &Outgoing<'_>,
) -> Result<Reply, BackFailure> {
    let message = outgoing.message;
    // The body may have been changed since the message was read (`connect::ask`).
    let sent = Message::parse(outgoing.body).map_err(|_| BackFailure::BadAnswer)?;
    let edit = rename::target(&sent, bare).ok_or(BackFailure::BadAnswer)?;
    let body: Bytes = splice(sent.raw().as_bytes(), &[edit]).into();
    let agent = visitor.agent(member, permit);
    let reply = visit::send(member, &agent, &body, outgoing.headers).await?;
    let homeward = Homeward {
        tasks: Arc::clone(&merged.tasks),
        server: member.name().to_owned(),
        caller: visitor.principal().key.clone(),
        asked: message.method().is_some_and(tasks::is_about_task),
    };
    homeward.reply(reply, merged.message_bytes)
}

/// What messages of one member become on their way to one caller.
pub(super) struct Homeward {
    pub(super) tasks: Arc<TaskIds>,
    pub(super) server: String,
    pub(super) caller: PrincipalKey,
    /// Whether a task was asked about.
    pub(super) asked: bool,
}

impl Homeward {
    fn reply(self, reply: Reply, message_bytes: usize) -> Result<Reply, BackFailure> {
        Ok(match reply {
            Reply::Json { status, body, session, retry_after } => {
                Reply::Json { status, body: self.message(body).ok_or(BackFailure::BadAnswer)?, session, retry_after }
            }
            Reply::Stream { content: Content::Json, .. } => return Err(BackFailure::TooLarge { limit: message_bytes }),
            Reply::Stream { status, content: Content::Events, source, session } => {
                let source = Source::Mapped(Box::new(Mapped::new(source, message_bytes, move |message| self.message(message))));
                Reply::Stream { status, content: Content::Events, source, session }
            }
            reply @ (Reply::Accepted { .. } | Reply::Bare { .. }) => reply,
        })
    }

    /// One message as the caller may read it; `None`: it could be read in two ways.
    pub(super) fn message(&self, body: Bytes) -> Option<Bytes> {
        let message = Message::parse(&body).ok()?;
        let edits = self.edits(&message)?;
        if edits.is_empty() {
            return Some(body);
        }
        Some(splice(message.raw().as_bytes(), &edits).into())
    }

    fn edits(&self, message: &Message<'_>) -> Option<Vec<Edit>> {
        let rename = |uri: &str| name::uri_of_member(&self.server, uri);
        let mut edits = Tasks { ids: &self.tasks, server: &self.server, caller: &self.caller }.outward(message, self.asked)?;
        let told = match (message.result(), message.method()) {
            (Some(result), _) => Some(result),
            (None, Some(method::NOTIFICATIONS_TASKS | method::NOTIFICATIONS_TASKS_STATUS)) => message.params().map(Params::raw),
            (None, Some(method::NOTIFICATIONS_RESOURCES_UPDATED)) => {
                let uri = message.params()?.uri_raw()?;
                let renamed = serde_json::Value::from(rename(&uri.decode_string()?)).to_string();
                edits.extend(message.replace(uri, renamed));
                None
            }
            (None, _) => None,
        };
        if let Some(told) = told {
            let start = message.range_of(told)?.start;
            let resources = rename::resources(told.as_str(), &rename).ok()?;
            edits.extend(resources.into_iter().map(|edit| edit.shifted(start)));
        }
        Some(edits)
    }
}

#[cfg(test)]
mod tests {
    use store::seal::InstanceKey;

    use super::*;

    fn told(message: &str) -> String {
        let tasks = Arc::new(TaskIds::new(&InstanceKey::from_bytes(&[1; 32])).unwrap());
        let homeward = Homeward { tasks, server: "docs".to_owned(), caller: PrincipalKey::new("i", "s"), asked: false };
        String::from_utf8(homeward.message(message.to_owned().into()).unwrap().into()).unwrap()
    }

    #[test]
    fn resources_are_named_as_they_are_called_here_and_all_else_is_untouched() {
        let read = r#"{"jsonrpc":"2.0","id":1, "result":{"contents":[{"uri":"file:///a","text":"x"}],"ttlMs":1.0}}"#;
        assert_eq!(told(read), read.replace("file:///a", "claviger://docs/file:///a"));
        let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a","_meta":{}}}"#;
        assert_eq!(told(updated), updated.replace("file:///a", "claviger://docs/file:///a"));
        for same in [
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"uri","progress":1.50}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"file:///a"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"a\u0062","inputRequests":{}}}"#,
        ] {
            assert_eq!(told(same), same);
        }
    }
}
