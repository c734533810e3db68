//! How does a modern caller hear what changes at a legacy server? `subscriptions/listen` out of the server's own stream and `resources/subscribe` (2026-07-28, Subscriptions).

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use mcp::envelope::{Message, Params};
use mcp::era::to_modern;
use mcp::method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::conversation::{Conversation, Offers};
use crate::back::failure::Scarce;
use crate::back::{BackFailure, Content, Reply, Source};
use crate::era::agent::Agent;
use crate::wire::frame;

/// One `subscriptions/listen` that is open.
pub(super) struct Listener {
    /// The caller's id, as raw JSON.
    id: String,
    wanted: Wanted,
    frames: mpsc::Sender<Bytes>,
}

/// What a caller wants to hear of (`params.notifications`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    tools_list_changed: bool,
    prompts_list_changed: bool,
    resources_list_changed: bool,
    resource_subscriptions: BTreeSet<String>,
}

/// Opens the stream: first the word about what is honoured, then news.
pub(super) async fn listen(conversation: &Arc<Conversation>, agent: &Agent, message: &Message<'_>, id: &str) -> Result<Reply, BackFailure> {
    let mut wanted = Wanted::of(message).honoured(conversation.offers);
    if conversation.listeners().len() >= LISTENERS || wanted.resource_subscriptions.len() > SUBSCRIPTIONS {
        return Err(BackFailure::Busy(Scarce::Subscriptions));
    }
    conversation.hear(agent).await;
    let (frames, events) = mpsc::channel(WAITING);
    // Whoever watches before the server is asked misses nothing.
    let number = conversation.own_number();
    let listener = Listener { id: id.to_owned(), wanted: wanted.clone(), frames: frames.clone() };
    let watched = conversation.watched();
    conversation.listeners().insert(number, listener);
    let mut refused = Vec::new();
    for uri in wanted.resource_subscriptions.iter().filter(|uri| !watched.contains(*uri)) {
        let answer = conversation.request(agent, method::RESOURCES_SUBSCRIBE, &json!({ "uri": uri })).await;
        if !answer.is_ok_and(|answer| Message::parse(&answer).is_ok_and(|answer| answer.result().is_some())) {
            refused.push(uri.clone());
        }
    }
    wanted.resource_subscriptions.retain(|uri| !refused.contains(uri));
    // The channel is empty, so there is room.
    let _ = frames.try_send(frame(wanted.acknowledged(id).as_bytes()));
    if let Some(listener) = conversation.listeners().get_mut(&number) {
        listener.wanted = wanted;
    }
    tokio::spawn(forget_in_time(Arc::clone(conversation), agent.without_token(), number, frames));
    Ok(Reply::Stream { status: StatusCode::OK, content: Content::Events, source: Source::Channel(events), session: None })
}

impl Conversation {
    /// Tells those who asked for it that something has changed.
    pub(super) fn tell(&self, message: &Message<'_>) {
        if message.method() == Some(method::NOTIFICATIONS_TOOLS_LIST_CHANGED) {
            self.note_tool_change();
        }
        let mut listeners = self.listeners();
        // A stream that is so far behind ends: what it missed is no longer there.
        listeners.retain(|_, listener| {
            if !listener.wanted.includes(message) {
                return true;
            }
            let tagged = to_modern::notification(message, &listener.id);
            tagged.is_ok_and(|tagged| listener.frames.try_send(frame(&tagged)).is_ok())
        });
    }

    /// Every resource that somebody watches.
    fn watched(&self) -> BTreeSet<String> {
        self.listeners().values().flat_map(|listener| listener.wanted.resource_subscriptions.iter().cloned()).collect()
    }

    /// Ends all streams, each with its empty result.
    pub(super) fn end_streams(&self) {
        for (_, Listener { id, frames, .. }) in self.listeners().drain() {
            let result = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
            );
            // A reader who is behind sees the end of the stream alone.
            let _ = frames.try_send(frame(result.as_bytes()));
        }
    }
}

impl Wanted {
    fn of(message: &Message<'_>) -> Self {
        #[derive(Deserialize)]
        struct Listen {
            #[serde(default)]
            notifications: Wanted,
        }
        let params = message.params().map(Params::raw);
        params
            .and_then(|params| serde_json::from_str::<Listen>(params.as_str()).ok())
            .map(|listen| listen.notifications)
            .unwrap_or_default()
    }

    /// The part of it that this server can serve.
    fn honoured(mut self, offers: Offers) -> Self {
        self.tools_list_changed &= offers.tools_change;
        self.prompts_list_changed &= offers.prompts_change;
        self.resources_list_changed &= offers.resources_change;
        if !offers.subscriptions {
            self.resource_subscriptions.clear();
        }
        self
    }

    fn includes(&self, message: &Message<'_>) -> bool {
        match message.method() {
            Some(method::NOTIFICATIONS_TOOLS_LIST_CHANGED) => self.tools_list_changed,
            Some(method::NOTIFICATIONS_PROMPTS_LIST_CHANGED) => self.prompts_list_changed,
            Some(method::NOTIFICATIONS_RESOURCES_LIST_CHANGED) => self.resources_list_changed,
            // A server may say that a part of what was subscribed to has changed (2025-11-25, `ResourceUpdatedNotification`).
            Some(method::NOTIFICATIONS_RESOURCES_UPDATED) => message
                .params()
                .and_then(|params| params.uri())
                .is_some_and(|uri| self.resource_subscriptions.iter().any(|subscribed| uri.starts_with(subscribed.as_str()))),
            _ => false,
        }
    }

    fn acknowledged(&self, id: &str) -> String {
        let mut honoured = Map::new();
        for (name, is_honoured) in [
            ("toolsListChanged", self.tools_list_changed),
            ("promptsListChanged", self.prompts_list_changed),
            ("resourcesListChanged", self.resources_list_changed),
        ] {
            if is_honoured {
                honoured.insert(name.to_owned(), true.into());
            }
        }
        if !self.resource_subscriptions.is_empty() {
            honoured.insert("resourceSubscriptions".to_owned(), json!(self.resource_subscriptions));
        }
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{},"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#,
            Value::Object(honoured)
        )
    }
}

/// When its reader has gone, a stream is forgotten, and with the last one the server forgets its resources.
async fn forget_in_time(conversation: Arc<Conversation>, agent: Agent, number: u64, frames: mpsc::Sender<Bytes>) {
    frames.closed().await;
    drop(frames);
    let gone = conversation.listeners().remove(&number);
    conversation.touch();
    let Some(Listener { wanted, .. }) = gone else { return };
    let watched = conversation.watched();
    for uri in wanted.resource_subscriptions.iter().filter(|uri| !watched.contains(*uri)) {
        if conversation.request(&agent, method::RESOURCES_UNSUBSCRIBE, &json!({ "uri": uri })).await.is_err() {
            return;
        }
    }
}

/// Frames that may wait for one reader.
const WAITING: usize = 128;
/// Streams of one conversation.
const LISTENERS: usize = 64;
/// Resources that one stream may watch.
const SUBSCRIPTIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(notifications: &str) -> Wanted {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{{"notifications":{notifications}}}}}"#);
        Wanted::of(&Message::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn what_the_server_does_not_offer_is_not_honoured() {
        let asked = r#"{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["file:///a"],"other":1}"#;
        let offers = Offers { tools_change: true, resources_change: true, ..Offers::default() };
        let honoured = wanted(asked).honoured(offers);
        assert_eq!(honoured, Wanted { tools_list_changed: true, ..Wanted::default() });
        assert!(
            honoured
                .acknowledged("\"x\"")
                .contains(r#"{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":"x"}}"#)
        );
    }

    #[test]
    fn only_what_was_asked_for_is_told() {
        let all = Offers { tools_change: true, prompts_change: true, resources_change: true, subscriptions: true, logging: true };
        let wanted = wanted(r#"{"promptsListChanged":true,"resourceSubscriptions":["file:///a"]}"#).honoured(all);
        let told = |method: &str, params: &str| {
            let text = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
            wanted.includes(&Message::parse(text.as_bytes()).unwrap())
        };
        assert!(told(method::NOTIFICATIONS_PROMPTS_LIST_CHANGED, "{}"));
        assert!(!told(method::NOTIFICATIONS_TOOLS_LIST_CHANGED, "{}"));
        assert!(told(method::NOTIFICATIONS_RESOURCES_UPDATED, r#"{"uri":"file:///a/b"}"#));
        assert!(!told(method::NOTIFICATIONS_RESOURCES_UPDATED, r#"{"uri":"file:///b"}"#));
        assert!(!told(method::NOTIFICATIONS_MESSAGE, "{}"));
    }
}
