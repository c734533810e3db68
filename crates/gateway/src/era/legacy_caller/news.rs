//! How does a legacy caller hear what changes at a modern server? A `subscriptions/listen` of the door's own feeds the caller's stream, and is opened anew when
//! they watch something else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use mcp::envelope::{Kind, Message};
use mcp::era::to_legacy;
use mcp::method;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::caller::Caller;
use super::{DISCOVER, MODERN};
use crate::back::{BackFailure, Content, Reply, Source};
use crate::era::Crossing;
use crate::era::agent::{Agent, Letter};
use crate::era::incoming::Incoming;
use crate::wire::frame;

/// Opens the caller's stream; one that they had before ends.
pub(crate) fn listen(crossing: &Arc<Crossing>, agent: Agent, caller: Arc<Caller>) -> Reply {
    let (frames, events) = mpsc::channel(WAITING);
    tokio::spawn(feed(Arc::clone(crossing), agent, caller, frames));
    Reply::Stream { status: StatusCode::OK, content: Content::Events, source: Source::Channel(events), session: None }
}

async fn feed(crossing: Arc<Crossing>, agent: Agent, caller: Arc<Caller>, frames: mpsc::Sender<Bytes>) {
    let superseded = caller.begin_stream();
    caller.promise(Some(BTreeSet::new()));
    let feeding = async {
        let mut pause = SHORTEST_PAUSE;
        let mut before = None;
        loop {
            match listen_once(&crossing, &agent, &caller, &frames, &mut before).await {
                Ok(()) => pause = SHORTEST_PAUSE,
                Err(failure) => {
                    tracing::debug!(target: "door", error = &failure as &dyn std::error::Error, "a modern server's news could not be had");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            caller.touch();
        }
    };
    tokio::select! {
        biased;
        // The newer stream has promises of its own.
        () = superseded.cancelled() => return,
        () = frames.closed() => {}
        () = crossing.closing.cancelled() => {}
        () = feeding => {}
    }
    caller.promise(None);
}

/// Listens until the caller watches something else or the server ends the stream. `before`: the stream so far, which is heard until this one is
/// acknowledged, so that nothing is missed between the two.
async fn listen_once(
    crossing: &Crossing,
    agent: &Agent,
    caller: &Caller,
    frames: &mpsc::Sender<Bytes>,
    before: &mut Option<Incoming>,
) -> Result<(), BackFailure> {
    let mut watching = caller.watching();
    let offers = discover(crossing, agent, caller).await?;
    let watched: BTreeSet<String> = watching.borrow_and_update().clone();
    let Some(wanted) = offers.wanted(&watched) else {
        // There is nothing to hear until they watch something, or the server tells no news of what they watch.
        *before = None;
        caller.promise(Some(watched));
        return watching.changed().await.map_err(|_| BackFailure::SessionGone);
    };
    let request =
        json!({ "jsonrpc": "2.0", "id": "claviger-news", "method": method::SUBSCRIPTIONS_LISTEN, "params": { "notifications": wanted } });
    let body = caller.client.request(request.to_string().as_bytes(), "\"claviger-news\"", None)?;
    let mut incoming = Incoming::of(agent.clone(), Letter::plain(body, MODERN, None), crossing.limits.message_bytes);
    loop {
        let (heard, is_of_before) = tokio::select! {
            heard = incoming.next() => (heard?.ok_or(BackFailure::Crashed)?, false),
            Some(heard) = next_of(before) => (heard, true),
            _ = watching.changed() => {
                before.get_or_insert(incoming);
                return Ok(());
            }
        };
        let message = Message::parse(&heard).map_err(|_| BackFailure::BadAnswer)?;
        match (message.kind(), message.method()) {
            (Kind::Notification, Some(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED)) if is_of_before => {}
            (Kind::Notification, Some(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED)) => {
                *before = None;
                caller.promise(Some(watched.clone()));
            }
            (Kind::Notification, _) => {
                let plain = to_legacy::notification(&message).map_err(|_| BackFailure::BadAnswer)?;
                if frames.send(frame(&plain)).await.is_err() {
                    return Ok(());
                }
            }
            _ if is_of_before => *before = None,
            // Whether it ends with a word or with an error, it is opened again after a pause.
            _ => return Err(BackFailure::Crashed),
        }
    }
}

/// What the stream before says; `None`, once: it has ended.
async fn next_of(before: &mut Option<Incoming>) -> Option<Bytes> {
    match before {
        Some(stream) => {
            let heard = stream.next().await.ok().flatten();
            if heard.is_none() {
                *before = None;
            }
            heard
        }
        None => std::future::pending().await,
    }
}

async fn discover(crossing: &Crossing, agent: &Agent, caller: &Caller) -> Result<Offers, BackFailure> {
    let body = caller.client.request(DISCOVER, "0", None)?;
    let mut incoming = Incoming::of(agent.clone(), Letter::plain(body, MODERN, None), crossing.limits.message_bytes);
    let heard = tokio::time::timeout(crossing.limits.call, incoming.next()).await;
    let heard = heard.map_err(|_| BackFailure::TimedOut { after: crossing.limits.call })??.ok_or(BackFailure::Crashed)?;
    let message = Message::parse(&heard).map_err(|_| BackFailure::BadAnswer)?;
    let result = message.result().ok_or(BackFailure::BadAnswer)?;
    let Discovery { capabilities } = serde_json::from_str(result.as_str()).map_err(|_| BackFailure::BadAnswer)?;
    Ok(capabilities)
}

#[derive(Deserialize)]
struct Discovery {
    #[serde(default)]
    capabilities: Offers,
}

/// What a server can tell news of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Offers {
    tools: Option<Part>,
    prompts: Option<Part>,
    resources: Option<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part {
    list_changed: bool,
    subscribe: bool,
}

impl Offers {
    /// `params.notifications` for everything that this server offers; `None`: that is nothing.
    fn wanted(&self, watched: &BTreeSet<String>) -> Option<serde_json::Value> {
        let mut wanted = serde_json::Map::new();
        for (name, part) in
            [("toolsListChanged", &self.tools), ("promptsListChanged", &self.prompts), ("resourcesListChanged", &self.resources)]
        {
            if part.as_ref().is_some_and(|part| part.list_changed) {
                wanted.insert(name.to_owned(), true.into());
            }
        }
        if !watched.is_empty() && self.resources.as_ref().is_some_and(|part| part.subscribe) {
            wanted.insert("resourceSubscriptions".to_owned(), json!(watched));
        }
        (!wanted.is_empty()).then_some(wanted.into())
    }
}

/// Frames that may wait for the reader.
const WAITING: usize = 64;
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_offers_is_asked_for() {
        let offers = |text: &str| serde_json::from_str::<Offers>(text).unwrap();
        let watched = BTreeSet::from(["file:///a".to_owned()]);
        assert_eq!(offers("{}").wanted(&watched), None);
        assert_eq!(offers(r#"{"tools":{},"resources":{"listChanged":false}}"#).wanted(&watched), None);
        let all = offers(r#"{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}}"#);
        assert_eq!(all.wanted(&watched), Some(json!({"toolsListChanged": true, "resourceSubscriptions": ["file:///a"]})));
        assert_eq!(all.wanted(&BTreeSet::new()), Some(json!({"toolsListChanged": true})));
    }
}
