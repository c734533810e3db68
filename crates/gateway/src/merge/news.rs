//! How does a caller hear what changes at several servers as one? One stream to each of them that has something to tell, and all that they say on the caller's
//! own. A server that falls silent is listened to anew, and the caller's stream goes on (2026-07-28, Subscriptions).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use bytes::Bytes;
use futures_util::future::join_all;
use mcp::envelope::{Kind, Message, Params};
use mcp::era::to_modern;
use mcp::method;
use policy::Action;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use super::discovery::{self, Abilities};
use super::forward::Homeward;
use super::visit::{Absence, Visit, Visitor};
use super::{Merged, name, route};
use crate::back::failure::Scarce;
use crate::back::{BackFailure, Content, Reply, Source};
use crate::wire::frame;

/// What a caller wants to hear of (`params.notifications`), or a server will tell.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    #[serde(skip_serializing_if = "is_no")]
    tools_list_changed: bool,
    #[serde(skip_serializing_if = "is_no")]
    prompts_list_changed: bool,
    #[serde(skip_serializing_if = "is_no")]
    resources_list_changed: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    resource_subscriptions: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    task_ids: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_no(flag: &bool) -> bool {
    !flag
}

/// Opens the stream: first the word about what is honoured, then news.
pub(super) async fn listen(merged: &Arc<Merged>, visitor: &Visitor, message: &Message<'_>, id: &str) -> Result<Reply, BackFailure> {
    let wanted = Wanted::of(message);
    if wanted.resource_subscriptions.len() + wanted.task_ids.len() > SUBSCRIPTIONS {
        return Err(BackFailure::Busy(Scarce::Subscriptions));
    }
    let mut shares = wanted.shares(merged, visitor);
    let (frames, events) = mpsc::channel(WAITING);
    let mut opening = Vec::new();
    for visit in visitor.visits(merged, method::SUBSCRIPTIONS_LISTEN) {
        let share = shares.remove(visit.member.name()).unwrap_or_default();
        let share = Wanted { resource_subscriptions: share.resource_subscriptions, task_ids: share.task_ids, ..wanted.clone() };
        let homeward = Homeward {
            tasks: Arc::clone(&merged.tasks),
            server: visit.member.name().to_owned(),
            caller: visitor.principal().key.clone(),
            asked: false,
        };
        let (ready, opened) = oneshot::channel();
        let ear = Ear { visit, share, homeward, id: id.to_owned(), frames: frames.clone() };
        tokio::spawn(ear.listen(ready));
        opening.push(tokio::time::timeout(merged.times.patience, opened));
    }
    let honoured = join_all(opening).await.into_iter().filter_map(|opened| opened.ok()?.ok());
    let honoured = honoured.fold(Wanted::default(), Wanted::and);
    let first = frame(acknowledged(&honoured, id).as_bytes());
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(acknowledge_first(first, events, sender, frames));
    Ok(Reply::Stream { status: StatusCode::OK, content: Content::Events, source: Source::Channel(receiver), session: None })
}

/// What members say while others have not yet answered waits until the caller knows what is honoured. The stream stays open where nobody has anything to tell.
async fn acknowledge_first(first: Bytes, mut events: mpsc::Receiver<Bytes>, sender: mpsc::Sender<Bytes>, open: mpsc::Sender<Bytes>) {
    if sender.send(first).await.is_err() {
        return;
    }
    loop {
        let next = tokio::select! {
            next = events.recv() => next,
            () = sender.closed() => None,
        };
        let Some(next) = next else { break };
        if sender.send(next).await.is_err() {
            break;
        }
    }
    drop(open);
}

/// What listens to one member for one stream.
struct Ear {
    visit: Visit,
    share: Wanted,
    homeward: Homeward,
    /// The caller's id, as raw JSON.
    id: String,
    frames: mpsc::Sender<Bytes>,
}

impl Ear {
    async fn listen(self, ready: oneshot::Sender<Wanted>) {
        let frames = self.frames.clone();
        tokio::select! {
            () = frames.closed() => {}
            () = self.again_and_again(ready) => {}
        }
    }

    async fn again_and_again(&self, ready: oneshot::Sender<Wanted>) {
        let mut ready = Some(ready);
        let mut pause = SHORTEST_PAUSE;
        let mut was_open = false;
        loop {
            let begun = tokio::time::Instant::now();
            match self.once(&mut ready, &mut was_open).await {
                // There is nothing to hear here.
                Ok(()) => return,
                Err(absence) => {
                    tracing::info!(target: "door", server = self.visit.member.name(), reason = absence.outward(), "a member of `/mcp` tells no more news");
                }
            }
            if begun.elapsed() > LONGEST_PAUSE {
                pause = SHORTEST_PAUSE;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Listens until the member ends the stream. `Ok`: it has nothing to tell.
    async fn once(&self, ready: &mut Option<oneshot::Sender<Wanted>>, was_open: &mut bool) -> Result<(), Absence> {
        let abilities = discovery::abilities(&self.visit).await?;
        let share = self.share.clone().that(&abilities);
        if share == Wanted::default() {
            return Ok(());
        }
        let notifications = serde_json::to_value(&share).map_err(|_| BackFailure::BadAnswer)?;
        let params = Map::from_iter([("notifications".to_owned(), notifications)]);
        let mut incoming = self.visit.open(method::SUBSCRIPTIONS_LISTEN, params).await?;
        loop {
            let heard = incoming.next().await?.ok_or(BackFailure::Crashed)?;
            let message = Message::parse(&heard).map_err(|_| BackFailure::BadAnswer)?;
            match (message.kind(), message.method()) {
                (Kind::Notification, Some(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED)) => {
                    let honoured = Wanted::of(&message);
                    if std::mem::replace(was_open, true) {
                        self.catch_up(&honoured).await;
                    }
                    if let Some(ready) = ready.take() {
                        // Whoever waited too long for it goes on without.
                        let _ = ready.send(honoured.at(&self.homeward));
                    }
                }
                (Kind::Notification, Some(_)) => self.pass_on(heard.clone()).await?,
                _ => return Err(BackFailure::Crashed.into()),
            }
        }
    }

    /// Whatever has changed while nobody listened was missed.
    async fn catch_up(&self, honoured: &Wanted) {
        for (is_wanted, changed) in [
            (honoured.tools_list_changed, method::NOTIFICATIONS_TOOLS_LIST_CHANGED),
            (honoured.prompts_list_changed, method::NOTIFICATIONS_PROMPTS_LIST_CHANGED),
            (honoured.resources_list_changed, method::NOTIFICATIONS_RESOURCES_LIST_CHANGED),
        ] {
            if is_wanted {
                // A caller who is gone needs no telling.
                let _ = self.pass_on(json!({ "jsonrpc": "2.0", "method": changed }).to_string().into()).await;
            }
        }
    }

    /// Under the caller's id, and in the names that things have here.
    async fn pass_on(&self, heard: Bytes) -> Result<(), BackFailure> {
        let renamed = self.homeward.message(heard).ok_or(BackFailure::BadAnswer)?;
        let message = Message::parse(&renamed).map_err(|_| BackFailure::BadAnswer)?;
        let tagged = to_modern::notification(&message, &self.id).map_err(|_| BackFailure::BadAnswer)?;
        self.frames.send(frame(&tagged)).await.map_err(|_| BackFailure::Cancelled)
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
        let read = params.and_then(|params| serde_json::from_str::<Listen>(params.as_str()).ok());
        read.map(|listen| listen.notifications).unwrap_or_default()
    }

    /// What each member has of what is watched by name, in the member's own names; what the caller may not see, and what is nobody's, is no part of it.
    fn shares(&self, merged: &Merged, visitor: &Visitor) -> BTreeMap<String, Self> {
        let principal = visitor.principal();
        let mut shares: BTreeMap<String, Self> = BTreeMap::new();
        for uri in &self.resource_subscriptions {
            let Some((server, bare)) = name::split_uri(uri) else { continue };
            let Some(member) = merged.member(server) else { continue };
            if route::decide(member, principal, &Action::Resource(bare)).is_ok() {
                shares.entry(server.to_owned()).or_default().resource_subscriptions.insert(bare.to_owned());
            }
        }
        for task in self.task_ids.iter().filter_map(|id| merged.tasks.open(id, &principal.key)) {
            shares.entry(task.server).or_default().task_ids.insert(task.id);
        }
        shares
    }

    /// The part of it that a server with these abilities can tell.
    fn that(mut self, abilities: &Abilities) -> Self {
        self.tools_list_changed &= abilities.tells("tools", "listChanged");
        self.prompts_list_changed &= abilities.tells("prompts", "listChanged");
        self.resources_list_changed &= abilities.tells("resources", "listChanged");
        if !abilities.tells("resources", "subscribe") {
            self.resource_subscriptions.clear();
        }
        if !abilities.knows_tasks() {
            self.task_ids.clear();
        }
        self
    }

    /// The same in the names that things have here.
    fn at(self, homeward: &Homeward) -> Self {
        let Homeward { server, tasks, caller, .. } = homeward;
        let uris = self.resource_subscriptions.iter().map(|uri| name::uri_of_member(server, uri)).collect();
        let ids = self.task_ids.iter().filter_map(|id| tasks.seal(server, caller, id)).collect();
        Self { resource_subscriptions: uris, task_ids: ids, ..self }
    }

    fn and(mut self, other: Self) -> Self {
        self.tools_list_changed |= other.tools_list_changed;
        self.prompts_list_changed |= other.prompts_list_changed;
        self.resources_list_changed |= other.resources_list_changed;
        self.resource_subscriptions.extend(other.resource_subscriptions);
        self.task_ids.extend(other.task_ids);
        self
    }
}

fn acknowledged(honoured: &Wanted, id: &str) -> String {
    let notifications = serde_json::to_value(honoured).unwrap_or(Value::Object(Map::new()));
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{notifications},"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
    )
}

/// Frames that may wait for the reader.
const WAITING: usize = 64;
/// Resources and tasks that one stream may watch.
const SUBSCRIPTIONS: usize = 1024;
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_honoured_is_the_union_and_says_only_yes() {
        let tools = Wanted { tools_list_changed: true, ..Wanted::default() };
        let watched = Wanted { resource_subscriptions: BTreeSet::from(["claviger://a/x".to_owned()]), ..Wanted::default() };
        let all = tools.and(watched);
        assert!(
            acknowledged(&all, "\"7\"").contains(r#""notifications":{"resourceSubscriptions":["claviger://a/x"],"toolsListChanged":true}"#)
        );
        let message = acknowledged(&all, "7");
        assert_eq!(Wanted::of(&Message::parse(message.as_bytes()).unwrap()), all);
        assert!(acknowledged(&Wanted::default(), "7").contains(r#""notifications":{}"#));
    }
}
