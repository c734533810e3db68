//! What does a legacy server say on a stream of its own? Questions and news that belong to no answer; they are brought to whom they concern.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mcp::envelope::{Kind, Message, Params};
use mcp::method;

use super::conversation::Conversation;
use crate::back::BackFailure;
use crate::era::agent::Agent;
use crate::era::incoming::Incoming;

/// Whether the door listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ear {
    /// Not now.
    #[default]
    Closed,
    /// A task reads the stream.
    Open,
    /// The server has no such stream.
    None,
}

impl Conversation {
    /// Listens to the server, if it speaks, before it is asked anything.
    pub(super) async fn hear(self: &Arc<Self>, agent: &Agent) {
        let mut ear = self.ear.lock().await;
        if *ear != Ear::Closed || self.session.is_none() {
            return;
        }
        let mut incoming = Incoming::of_stream(agent.clone(), self.session.clone(), self.message_bytes);
        *ear = match tokio::time::timeout(OPENS_WITHIN, incoming.begun()).await {
            Ok(Ok(())) => {
                tokio::spawn(listen(Arc::downgrade(self), incoming, agent.without_token()));
                Ear::Open
            }
            // A server that shows nothing until it has something to say is listened to all the same.
            Err(_) => {
                tokio::spawn(listen(Arc::downgrade(self), incoming, agent.clone()));
                Ear::Open
            }
            Ok(Err(BackFailure::UnexpectedStatus { .. })) => Ear::None,
            Ok(Err(failure)) => {
                tracing::debug!(target: "door", error = &failure as &dyn std::error::Error, "a legacy server's own stream could not be opened");
                Ear::Closed
            }
        };
    }

    /// Brings one message to whom it concerns.
    async fn heard(self: &Arc<Self>, message: &Message<'_>, agent: &Agent) {
        match message.kind() {
            Kind::Request if message.method() == Some(method::PING) || !self.give(None, message) => self.refuse(agent, message).await,
            Kind::Request => {}
            Kind::Response | Kind::ErrorResponse => {
                self.give(message.id().and_then(|id| id.as_str().parse().ok()), message);
            }
            Kind::Notification => match message.method() {
                Some(method::NOTIFICATIONS_PROGRESS) => {
                    let token = message.params().and_then(Params::progress_token).and_then(|token| token.as_str().parse().ok());
                    if token.is_some() {
                        self.give(token, message);
                    }
                }
                Some(method::NOTIFICATIONS_MESSAGE) => self.give_log(message),
                _ => self.tell(message),
            },
        }
    }
}

/// Reads the stream until the server ends it or the conversation is over.
async fn listen(conversation: Weak<Conversation>, mut incoming: Incoming, agent: Agent) {
    loop {
        let next = tokio::select! {
            next = incoming.next() => next,
            () = gone(&conversation) => return,
        };
        let Some(conversation) = conversation.upgrade() else { return };
        let Ok(Some(heard)) = next else {
            *conversation.ear.lock().await = Ear::Closed;
            if conversation.is_busy() && !conversation.is_lost() {
                tokio::time::sleep(AGAIN_AFTER).await;
                hear_again(conversation, agent).await;
            }
            return;
        };
        match Message::parse(&heard) {
            Ok(message) => conversation.heard(&message, &agent).await,
            Err(error) => tracing::warn!(target: "door", %error, "not a message on a legacy server's own stream; ignored"),
        }
    }
}

/// The same, in a box: the task that listens begins the next one.
fn hear_again(conversation: Arc<Conversation>, agent: Agent) -> BoxFuture<'static, ()> {
    async move { conversation.hear(&agent).await }.boxed()
}

/// Ends soon after the conversation has.
async fn gone(conversation: &Weak<Conversation>) {
    while conversation.strong_count() > 0 {
        tokio::time::sleep(GLANCE).await;
    }
}

/// How long a call waits for the server's own stream to open.
const OPENS_WITHIN: Duration = Duration::from_secs(2);
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_secs(1);
