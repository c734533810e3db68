//! How does a caller keep a conversation with a legacy server? Sessions that opened in the same words share an instance; if it ends, the next
//! call starts another and opens it again in those words, so that the session lives on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use mcp::envelope::{Kind, Message};
use mcp::era::Era;
use mcp::error_code;
use mcp::method;
use mcp::splice::splice;
use policy::Permit;
use tokio::time::Instant;

use super::answer::answer;
use super::failure::{BackFailure, Scarce};
use super::hub::Hub;
use super::peer::{Asking, Peer};
use super::{Answer, GroupKey, Opened, StdioBack, lock};
use crate::principal::PrincipalKey;

/// One caller's instance, and what it takes to open it again.
pub(super) struct Group {
    key: GroupKey,
    hub: Arc<Hub>,
    /// The `initialize` of the first session.
    opening: Bytes,
    /// The server's answer to it, for the sessions that follow.
    opened: Mutex<Option<Bytes>>,
    live: tokio::sync::Mutex<Option<Arc<Peer>>>,
    /// The same, for those who must not wait.
    seen: Mutex<Option<Arc<Peer>>>,
    used: Mutex<Instant>,
}

impl Group {
    fn new(key: GroupKey, opening: Bytes) -> Self {
        Self {
            key,
            hub: Arc::default(),
            opening,
            opened: Mutex::default(),
            live: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Whether an instance is running.
    pub(super) fn is_live(&self) -> bool {
        lock(&self.seen).as_ref().is_some_and(|peer| peer.is_open())
    }

    fn owner(&self) -> &PrincipalKey {
        &self.key.0
    }

    /// Takes the instance out of use and hands it over to be ended; streams end.
    pub(super) async fn retire(&self) -> Option<Arc<Peer>> {
        self.hub.clear();
        self.rest().await
    }

    /// Takes the instance out of use; sessions stay, and the next call starts another.
    async fn rest(&self) -> Option<Arc<Peer>> {
        *lock(&self.seen) = None;
        self.live.lock().await.take()
    }

    /// Idle: nobody has called for a while, nobody waits, nobody listens.
    fn is_idle(&self, limit: Duration) -> bool {
        let unused = lock(&self.used).elapsed() >= limit;
        unused && !self.hub.is_heard() && lock(&self.seen).as_ref().is_none_or(|peer| peer.is_idle())
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }
}

impl StdioBack {
    /// Opens a session with the caller's `initialize`.
    pub async fn open(&self, permit: &Permit, who: &PrincipalKey, message: &Message<'_>) -> Result<Opened, BackFailure> {
        let mine = lock(&self.sessions).values().filter(|group| group.owner() == who).count();
        if mine >= self.limits.sessions_per_caller {
            self.close_oldest(who);
        }
        let words = message.params().map_or("", |params| params.raw().as_str());
        let key = (who.clone(), digest_of(words));
        let group = Arc::clone(
            lock(&self.groups)
                .entry(key.clone())
                .or_insert_with(|| Arc::new(Group::new(key, Bytes::copy_from_slice(message.raw().as_bytes())))),
        );
        let answer = self.greet(permit, &group, message).await;
        match answer {
            Ok(body) if Message::parse(&body).is_ok_and(|answer| answer.result().is_some()) => {
                let session = session_id()?;
                group.hub.add(&session);
                lock(&self.sessions).insert(session.clone(), group);
                Ok(Opened { answer: Answer::Json { status: http::StatusCode::OK, body }, session: Some(session) })
            }
            Ok(body) => {
                self.dissolve(&group).await;
                refused(&body, message)
                    .map_or(Ok(Opened { answer: Answer::Json { status: http::StatusCode::OK, body }, session: None }), Err)
            }
            Err(failure) => {
                self.dissolve(&group).await;
                Err(failure)
            }
        }
    }

    /// Sends a message within a session.
    pub async fn send(&self, permit: &Permit, who: &PrincipalKey, session: &str, message: &Message<'_>) -> Result<Answer, BackFailure> {
        let group = self.group_of(who, session)?;
        group.touch();
        match message.kind() {
            Kind::Request => self.request(permit, &group, session, message).await,
            Kind::Notification => {
                let peer = self.peer_of(permit, &group).await?;
                match message.method() {
                    Some(method::NOTIFICATIONS_CANCELLED) => peer.cancel(session, message).await?,
                    _ => peer.pass(message).await?,
                }
                Ok(Answer::Accepted)
            }
            Kind::Response | Kind::ErrorResponse => {
                let id = message.id().map(|id| id.canonical().into_owned()).unwrap_or_default();
                if !group.hub.answers(session, &id) {
                    return Err(BackFailure::NotAsked);
                }
                self.peer_of(permit, &group).await?.pass(message).await?;
                Ok(Answer::Accepted)
            }
        }
    }

    /// Opens the stream on which the server speaks first.
    pub async fn listen(&self, who: &PrincipalKey, session: &str) -> Result<Answer, BackFailure> {
        let group = self.group_of(who, session)?;
        group.touch();
        group.hub.listen(session).map(|events| Answer::Stream { events }).ok_or(BackFailure::SessionGone)
    }

    /// Ends a session; with the last one its instance is left to the reaper.
    pub async fn close(&self, who: &PrincipalKey, session: &str) -> Result<(), BackFailure> {
        let group = self.group_of(who, session)?;
        self.end(&group, session);
        Ok(())
    }

    async fn request(&self, permit: &Permit, group: &Arc<Group>, session: &str, message: &Message<'_>) -> Result<Answer, BackFailure> {
        let uri = message.params().and_then(|params| params.uri());
        match (message.method(), uri) {
            (Some(method::PING), _) => return Ok(empty_result(message)),
            (Some(method::RESOURCES_SUBSCRIBE), Some(uri)) => group.hub.subscribe(session, uri),
            (Some(method::RESOURCES_UNSUBSCRIBE), Some(uri)) if !group.hub.unsubscribe(session, uri) => return Ok(empty_result(message)),
            _ => {}
        }
        let peer = self.peer_of(permit, group).await?;
        let asking = Asking { caller: group.owner(), session: Some(session), wants_logs: true, cancels_when_dropped: false };
        let ticket = peer.ask(message, asking).await?;
        answer(ticket, message, self.limits.call, Era::Legacy).await
    }

    /// The answer to an `initialize`: the server's, or the kept one under this caller's id.
    async fn greet(&self, permit: &Permit, group: &Arc<Group>, message: &Message<'_>) -> Result<Bytes, BackFailure> {
        let mut live = group.live.lock().await;
        let kept = lock(&group.opened).clone();
        if let (Some(kept), Some(peer)) = (kept, live.as_ref())
            && peer.is_open()
        {
            return under_id(&kept, message).ok_or(BackFailure::BadAnswer);
        }
        let (peer, answer) = self.start(permit, group).await?;
        *lock(&group.seen) = Some(Arc::clone(&peer));
        *live = Some(peer);
        *lock(&group.opened) = Some(answer.clone());
        under_id(&answer, message).ok_or(BackFailure::BadAnswer)
    }

    /// The running instance, or a fresh one opened in the words of the first.
    async fn peer_of(&self, permit: &Permit, group: &Arc<Group>) -> Result<Arc<Peer>, BackFailure> {
        let mut live = group.live.lock().await;
        if let Some(peer) = live.as_ref().filter(|peer| peer.is_open()) {
            return Ok(Arc::clone(peer));
        }
        let (peer, _) = self.start(permit, group).await?;
        let initialized = Message::parse(INITIALIZED).map_err(|_| BackFailure::BadAnswer)?;
        peer.pass(&initialized).await?;
        tracing::info!(target: "door", server = &*self.launch.server, "an instance that had ended was started again for its sessions");
        *lock(&group.seen) = Some(Arc::clone(&peer));
        *live = Some(Arc::clone(&peer));
        Ok(peer)
    }

    /// Starts an instance and opens it; the answer is the server's.
    async fn start(&self, permit: &Permit, group: &Arc<Group>) -> Result<(Arc<Peer>, Bytes), BackFailure> {
        self.room_for_one_more()?;
        let peer = self.launch.start(permit, Some(Arc::clone(&group.hub))).await?;
        let opening = Message::parse(&group.opening).map_err(|_| BackFailure::BadAnswer)?;
        let asking = Asking { caller: group.owner(), session: None, wants_logs: false, cancels_when_dropped: false };
        let mut ticket = peer.ask(&opening, asking).await?;
        let answered = async {
            while let Some(delivery) = ticket.next().await {
                if delivery.is_response {
                    return Some(delivery.message);
                }
            }
            None
        };
        match tokio::time::timeout(self.limits.call, answered).await {
            Ok(Some(answer)) => {
                self.launch.succeeded();
                Ok((peer, answer))
            }
            Ok(None) => {
                self.launch.failed();
                Err(BackFailure::Crashed)
            }
            Err(_) => {
                peer.life.stop.cancel();
                Err(BackFailure::TimedOut { after: self.limits.call })
            }
        }
    }

    fn group_of(&self, who: &PrincipalKey, session: &str) -> Result<Arc<Group>, BackFailure> {
        let group = lock(&self.sessions).get(session).cloned().ok_or(BackFailure::SessionGone)?;
        if group.owner() == who { Ok(group) } else { Err(BackFailure::ForeignSession) }
    }

    fn end(&self, group: &Arc<Group>, session: &str) {
        lock(&self.sessions).remove(session);
        group.hub.remove(session);
        if let Some(peer) = &*lock(&group.seen) {
            peer.forget(session);
        }
    }

    /// Makes room: the session of the caller's least used instance ends.
    fn close_oldest(&self, who: &PrincipalKey) {
        let oldest = {
            let sessions = lock(&self.sessions);
            let mine = sessions.iter().filter(|(_, group)| group.owner() == who);
            mine.min_by_key(|(_, group)| *lock(&group.used)).map(|(session, group)| (session.clone(), Arc::clone(group)))
        };
        if let Some((session, group)) = oldest {
            tracing::info!(target: "door", server = &*self.launch.server, limit = %Scarce::Sessions, "the oldest session ends for a new one");
            self.end(&group, &session);
        }
    }

    /// Gives up a group that never opened, unless somebody else has opened it meanwhile.
    async fn dissolve(&self, group: &Arc<Group>) {
        if !group.hub.is_empty() {
            return;
        }
        lock(&self.groups).remove(&group.key);
        if let Some(peer) = group.retire().await {
            peer.life.stop.cancel();
        }
    }

    /// Ends instances that nobody uses, and forgets groups without a session.
    pub(super) async fn reap_legacy(&self) {
        let idle: Vec<Arc<Group>> = lock(&self.groups).values().filter(|group| group.is_idle(self.limits.idle)).cloned().collect();
        for group in idle {
            if group.hub.is_empty() {
                lock(&self.groups).remove(&group.key);
            }
            if let Some(peer) = group.rest().await {
                peer.life.stop.cancel();
            }
        }
    }
}

/// A server that refuses to open because it knows only the modern wire: its own words would not help a legacy client.
fn refused(body: &[u8], asked: &Message<'_>) -> Option<BackFailure> {
    let answer = Message::parse(body).ok()?;
    if answer.error()?.code() != error_code::UNSUPPORTED_PROTOCOL_VERSION {
        return None;
    }
    let requested = asked.params().and_then(|params| params.protocol_version()).unwrap_or_default().chars().take(32).collect();
    Some(BackFailure::ImpossiblePair { upstream: Era::Modern, caller: Era::Legacy, requested })
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

fn digest_of(words: &str) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(digest::digest(&digest::SHA256, words.as_bytes()).as_ref());
    output
}

const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
