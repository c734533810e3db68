//! How does a caller keep a conversation with a legacy server? Sessions that opened in the same words share an instance; if it ends, the next
//! call starts another and opens it again in those words, so that the session lives on.

use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use mcp::envelope::{Kind, Message};
use mcp::era::Era;
use mcp::method;
use mcp::splice::{Edit, range_within, splice};
use policy::Permit;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::answer;
use super::call::Asking;
use super::group::{Group, Live};
use super::launch::Fresh;
use super::peer::{Owner, Peer};
use super::{Answer, Opened, StdioBack, lock, revision};
use crate::back::BackFailure;
use crate::back::failure::Scarce;
use crate::config::Protocol;
use crate::principal::PrincipalKey;

impl StdioBack {
    /// Opens a session with the caller's `initialize`.
    pub async fn open(&self, permit: &Permit, who: &PrincipalKey, message: &Message<'_>) -> Result<Opened, BackFailure> {
        if self.protocol == Protocol::Modern {
            return Err(impossible(message));
        }
        let key = (who.clone(), digest_of(&words_of(message)));
        loop {
            let group = Arc::clone(
                lock(&self.groups)
                    .entry(key.clone())
                    .or_insert_with(|| Arc::new(Group::new(key.clone(), Bytes::copy_from_slice(message.raw().as_bytes())))),
            );
            group.touch();
            let mut live = group.live.lock().await;
            if live.retired {
                // Given up while we waited for it; its place in the table is free.
                continue;
            }
            let opened = tokio::select! {
                opened = self.greet(permit, &group, &mut live, message) => opened,
                () = self.closing.cancelled() => Err(BackFailure::Stopping),
            };
            if !opened.as_ref().is_ok_and(|opened| opened.session.is_some()) && group.hub.is_empty() {
                // A group that never opened.
                self.remove(&group, &mut live);
            }
            return opened;
        }
    }

    /// Sends a message within a session.
    pub async fn send(&self, permit: &Permit, who: &PrincipalKey, session: &str, message: &Message<'_>) -> Result<Answer, BackFailure> {
        let group = self.group_of(who, session)?;
        match message.kind() {
            Kind::Request => return self.request(permit, &group, session, message).await,
            Kind::Notification => match message.method() {
                Some(method::NOTIFICATIONS_CANCELLED) => {
                    for peer in group.instances() {
                        peer.cancel(Owner::Session(session), message).await?;
                    }
                }
                _ => self.peer_of(permit, &group).await?.pass(message).await?,
            },
            Kind::Response | Kind::ErrorResponse => reply(&group, session, message).await?,
        }
        Ok(Answer::Accepted)
    }

    /// Opens the stream on which the server speaks first.
    #[expect(clippy::unused_async, reason = "backs are called alike, and some have to ask elsewhere")]
    pub async fn listen(&self, who: &PrincipalKey, session: &str) -> Result<Answer, BackFailure> {
        let group = self.group_of(who, session)?;
        group.hub.listen(session).map(|events| Answer::Stream { events }).ok_or(BackFailure::SessionGone)
    }

    /// Ends a session; with the last one its instance is left to the reaper.
    #[expect(clippy::unused_async, reason = "backs are called alike, and some have to ask elsewhere")]
    pub async fn close(&self, who: &PrincipalKey, session: &str) -> Result<(), BackFailure> {
        let group = self.group_of(who, session)?;
        self.end(&group, session);
        Ok(())
    }

    async fn request(&self, permit: &Permit, group: &Arc<Group>, session: &str, message: &Message<'_>) -> Result<Answer, BackFailure> {
        let params = message.params();
        match (message.method(), params.and_then(|params| params.uri())) {
            (Some(method::PING), _) => return Ok(empty_result(message)),
            (Some(method::RESOURCES_SUBSCRIBE), Some(uri)) if !group.hub.subscribe(session, uri) => {
                return Err(BackFailure::Busy(Scarce::Subscriptions));
            }
            (Some(method::RESOURCES_UNSUBSCRIBE), Some(uri)) if !group.hub.unsubscribe(session, uri) => return Ok(empty_result(message)),
            (Some(method::LOGGING_SET_LEVEL), _) => {
                *lock(&group.log_level) = params.and_then(|params| params.level()).map(|level| level.chars().take(32).collect());
            }
            _ => {}
        }
        let asking = || Asking { caller: group.owner(), session: Some(session), wants_logs: true, cancels_when_dropped: false };
        let peer = self.peer_of(permit, group).await?;
        let ticket = match peer.ask(message, asking()).await {
            // It ended before it got the request, so another may have it.
            Err(_) if !peer.is_open() && !self.closing.is_cancelled() => self.peer_of(permit, group).await?.ask(message, asking()).await?,
            asked => asked?,
        };
        answer(ticket, message, self.limits.call, Era::Legacy).await
    }

    /// The answer to an `initialize`: the kept one under this caller's id, or that of a fresh instance.
    async fn greet(&self, permit: &Permit, group: &Arc<Group>, live: &mut Live, message: &Message<'_>) -> Result<Opened, BackFailure> {
        let kept = lock(&group.opened).clone();
        let is_open = live.peer.as_ref().is_some_and(|peer| peer.is_open());
        let body = if let Some(kept) = kept.filter(|_| is_open) {
            kept
        } else {
            let place = self.place(Some(group.owner())).await?;
            let (fresh, answer) = self.start(permit, group, Some(place)).await?;
            if !is_result(&answer) {
                return self.refused(&fresh, group, &answer, message).await;
            }
            if !group.hub.is_empty() {
                resume(fresh.peer(), group).await?;
            }
            *lock(&group.opened) = Some(answer.clone());
            group.install(live, &fresh.keep());
            self.look_after();
            answer
        };
        let body = under_id(&body, message).ok_or(BackFailure::BadAnswer)?;
        let session = session_id()?;
        group.hub.add(&session);
        self.hold(&session, group);
        Ok(Opened { answer: Answer::Json { status: http::StatusCode::OK, body }, session: Some(session) })
    }

    /// A server that refuses to open: if it is a modern one its own words would not help a legacy client.
    async fn refused(&self, fresh: &Fresh, group: &Group, answer: &Bytes, asked: &Message<'_>) -> Result<Opened, BackFailure> {
        let eras = self.eras_of_refuser(fresh.peer(), group.owner()).await;
        if eras.is_some_and(|eras| eras.modern) {
            return Err(impossible(asked));
        }
        let body = under_id(answer, asked).ok_or(BackFailure::BadAnswer)?;
        Ok(Opened { answer: Answer::Json { status: http::StatusCode::OK, body }, session: None })
    }

    /// The running instance, or a fresh one opened in the words of the first.
    async fn peer_of(&self, permit: &Permit, group: &Arc<Group>) -> Result<Arc<Peer>, BackFailure> {
        if let Some(peer) = group.running() {
            return Ok(peer);
        }
        let mut live = group.live.lock().await;
        if live.retired {
            return Err(BackFailure::SessionGone);
        }
        if let Some(peer) = live.peer.as_ref().filter(|peer| peer.is_open()) {
            return Ok(Arc::clone(peer));
        }
        let starting = async {
            let place = self.place(Some(group.owner())).await?;
            self.start(permit, group, Some(place)).await
        };
        let (fresh, answer) = tokio::select! {
            started = starting => started?,
            () = self.closing.cancelled() => return Err(BackFailure::Stopping),
        };
        if !is_result(&answer) {
            return Err(BackFailure::BadAnswer);
        }
        resume(fresh.peer(), group).await?;
        tracing::info!(target: "door", server = &*self.launch.server, "an instance that had ended was started again for its sessions");
        let peer = fresh.keep();
        group.install(&mut live, &peer);
        self.look_after();
        Ok(peer)
    }

    /// Starts an instance and opens it; the answer is the server's.
    pub(super) async fn start(
        &self,
        permit: &Permit,
        group: &Arc<Group>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<(Fresh, Bytes), BackFailure> {
        let fresh = self.launch.start(permit, Some(Arc::clone(&group.hub)), &group.crashes, place).await?;
        let opening = Message::parse(&group.opening).map_err(|_| BackFailure::BadAnswer)?;
        let asking = Asking { caller: group.owner(), session: None, wants_logs: false, cancels_when_dropped: false };
        let mut ticket = fresh.peer().ask(&opening, asking).await?;
        let Ok(answer) = tokio::time::timeout(self.limits.call, ticket.response()).await else {
            self.launch.failed();
            return Err(BackFailure::TimedOut { after: self.limits.call });
        };
        let answer = revision::lifted(answer?);
        if is_result(&answer) {
            *lock(&self.legacy_works) = true;
        }
        Ok((fresh, answer))
    }
}

/// Passes a session's answer on to the instance that asked.
async fn reply(group: &Group, session: &str, message: &Message<'_>) -> Result<(), BackFailure> {
    for peer in group.instances() {
        match peer.reply(session, message).await {
            Err(BackFailure::NotAsked) => {}
            outcome => return outcome,
        }
    }
    Err(BackFailure::NotAsked)
}

/// Brings an instance that takes over from another to where that one was.
pub(super) async fn resume(peer: &Arc<Peer>, group: &Group) -> Result<(), BackFailure> {
    let initialized = Message::parse(INITIALIZED).map_err(|_| BackFailure::BadAnswer)?;
    peer.pass(&initialized).await?;
    let level = lock(&group.log_level).clone().map(|level| (method::LOGGING_SET_LEVEL, serde_json::json!({ "level": level })));
    let watched = group.hub.subscriptions().into_iter().map(|uri| (method::RESOURCES_SUBSCRIBE, serde_json::json!({ "uri": uri })));
    for (method, params) in level.into_iter().chain(watched) {
        let request = serde_json::json!({ "jsonrpc": "2.0", "id": "claviger-resume", "method": method, "params": params }).to_string();
        let request = Message::parse(request.as_bytes()).map_err(|_| BackFailure::BadAnswer)?;
        // Whether the server agrees again is nobody's question: the answers are not waited for.
        let asking = Asking { caller: group.owner(), session: None, wants_logs: false, cancels_when_dropped: false };
        let _answer = peer.ask(&request, asking).await?;
    }
    Ok(())
}

pub(super) fn is_result(answer: &[u8]) -> bool {
    Message::parse(answer).is_ok_and(|answer| answer.result().is_some())
}

fn impossible(asked: &Message<'_>) -> BackFailure {
    let requested = asked.params().and_then(|params| params.protocol_version()).unwrap_or_default().chars().take(32).collect();
    BackFailure::ImpossiblePair { upstream: Era::Modern, caller: Era::Legacy, requested }
}

/// A kept answer under the id of whoever asks now.
fn under_id(kept: &Bytes, asked: &Message<'_>) -> Option<Bytes> {
    let answer = Message::parse(kept).ok()?;
    let edit = answer.replace(answer.id()?, asked.id()?.as_str())?;
    Some(splice(kept, &[edit]).into())
}

fn empty_result(asked: &Message<'_>) -> Answer {
    let id = asked.id().map_or("null", |id| id.as_str());
    Answer::Json { status: http::StatusCode::OK, body: format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#).into() }
}

/// 128 random bits. The id never leaves the door unsealed.
fn session_id() -> Result<String, BackFailure> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| BackFailure::Stopping)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// What a session is opened with: the parameters but for `_meta`, which may say something else each time, such as where a trace comes from.
fn words_of(message: &Message<'_>) -> Vec<u8> {
    let Some(params) = message.params() else { return Vec::new() };
    let words = params.raw().as_str();
    let meta = params.meta().and_then(|meta| range_within(words, meta.raw().as_str()));
    splice(words.as_bytes(), &meta.map(|range| Edit::new(range, "{}")).into_iter().collect::<Vec<_>>())
}

fn digest_of(words: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(digest::digest(&digest::SHA256, words).as_ref());
    output
}

const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
