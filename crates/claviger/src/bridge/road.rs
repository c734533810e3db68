//! How does a message get to the remote server, and its answer back to the host? In the era that the host speaks; a legacy session is opened anew when the server has
//! lost it, and a stream that breaks off is gone on with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::AbortHandle;
use http::{HeaderName, HeaderValue, StatusCode};
use mcp::envelope::{Kind, Message};
use mcp::error_code::{FORBIDDEN, INVALID_PARAMS, UNAUTHENTICATED, UPSTREAM_UNAVAILABLE};
use mcp::header;
use mcp::method;
use mcp::raw::RawJson;
use mcp::version::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::sync::{Mutex as Gate, mpsc};
use tokio::task::JoinSet;

use super::letter::{Letter, Sort};
use super::tools::Shelf;
use crate::client::{CallFailure, Content, Endpoint, Place, Reply, Stream};
use crate::voice;

/// The way there and back.
pub(super) struct Road {
    endpoint: Endpoint,
    shelf: Shelf,
    verbose: bool,
    answers: mpsc::Sender<Bytes>,
    session: Mutex<Option<Arc<Session>>>,
    /// One opens a lost session anew; the others wait for it.
    opening: Gate<()>,
    underway: Mutex<HashMap<String, AbortHandle>>,
    /// What the server says of its own accord.
    ear: Mutex<JoinSet<()>>,
}

/// A legacy session at the server.
struct Session {
    headers: Vec<(HeaderName, HeaderValue)>,
    has_id: bool,
    /// What the host opened it with.
    opened_by: Letter,
}

#[derive(Deserialize)]
struct Initialized {
    #[serde(rename = "protocolVersion")]
    protocol_version: String,
}

impl Road {
    pub(super) fn new(endpoint: Endpoint, shelf: Shelf, verbose: bool, answers: mpsc::Sender<Bytes>) -> Self {
        Self {
            endpoint,
            shelf,
            verbose,
            answers,
            session: Mutex::default(),
            opening: Gate::default(),
            underway: Mutex::default(),
            ear: Mutex::default(),
        }
    }

    /// Carries one message, and whatever comes back for it. What goes wrong is the answer of a request, and for everything else is said on stderr.
    pub(super) async fn carry(self: &Arc<Self>, letter: Letter) {
        if self.verbose {
            voice::talk(&format!("to the server: {:?} {} ({} bytes)\n", letter.sort, voice::plain(&letter.method), letter.bytes.len()));
        }
        let id = letter.id.clone();
        let outcome = Box::pin(self.delivered(&letter)).await;
        if let Some(id) = &id {
            self.underway().remove(id);
        }
        let Err(failure) = outcome else { return };
        match id {
            Some(id) => self.say(refusal(Some(&id), code_of(&failure), &failure.report(None).on_one_line())).await,
            None => voice::warn(&format!("a message of the host was not delivered: {failure}")),
        }
    }

    /// Gives the host one message.
    pub(super) async fn say(&self, message: Vec<u8>) {
        // A host that has gone reads nothing any more.
        let _gone = self.answers.send(one_line(&message)).await;
    }

    /// Remembers what can be given up.
    pub(super) fn is_underway(&self, name: Option<String>, task: AbortHandle) {
        if let Some(name) = name {
            self.underway().insert(name, task);
        }
    }

    /// Stops listening for the answer of a request.
    pub(super) fn give_up(&self, name: &str) {
        if let Some(task) = self.underway().remove(name) {
            task.abort();
        }
    }

    /// Ends the session where there is one.
    pub(super) async fn close(&self) {
        self.ear.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        let session = self.session().take();
        if let Some(session) = session.filter(|session| session.has_id) {
            let _late = tokio::time::timeout(FAREWELL, self.endpoint.delete(&session.headers)).await;
        }
    }

    async fn delivered(self: &Arc<Self>, letter: &Letter) -> Result<(), CallFailure> {
        if letter.opens_session() {
            let reply = self.open(letter).await?;
            return self.forward(letter, reply, None).await;
        }
        if let Some((tool, _)) = &letter.call
            && self.shelf.hides(tool)
        {
            self.say(refusal(letter.id.as_deref(), INVALID_PARAMS, "there is no such tool")).await;
            return Ok(());
        }
        let session = self.current(letter);
        match self.posted(letter, session.as_deref()).await {
            Err(failure) if is_lost(&failure) && session.as_ref().is_some_and(|session| session.has_id) => {
                let session = self.reopened(session).await?;
                let reply = self.posted(letter, session.as_deref()).await?;
                self.forward(letter, reply, session.as_deref()).await
            }
            Err(failure) => Err(failure),
            Ok(reply) => self.forward(letter, reply, session.as_deref()).await,
        }
    }

    async fn posted(&self, letter: &Letter, session: Option<&Session>) -> Result<Reply, CallFailure> {
        let mut headers = letter.modern_headers();
        if letter.version.is_some()
            && let Some((tool, arguments)) = &letter.call
        {
            headers.extend(self.shelf.headers(tool, arguments));
        }
        headers.extend(session.into_iter().flat_map(|session| session.headers.iter().cloned()));
        let reply = self.endpoint.post(letter.bytes.to_vec(), &headers).await?;
        // A session that the server does not know any more is a 404, whatever stands in its body.
        match reply.content {
            Content::Json(status @ StatusCode::NOT_FOUND, _) if session.is_some() => Err(CallFailure::Status { status, text: None }),
            _ => Ok(reply),
        }
    }

    /// Opens a session with what the host said, and keeps it.
    async fn open(self: &Arc<Self>, letter: &Letter) -> Result<Reply, CallFailure> {
        let mut reply = self.endpoint.post(letter.bytes.to_vec(), &[]).await?;
        let id = reply.headers.get(header::SESSION_ID).cloned();
        let answer = match reply.content {
            Content::Stream(stream) => whole(letter, stream).await?,
            Content::Json(_, body) => body,
            Content::Nothing => return Err(CallFailure::Ended),
        };
        if let Some(version) = agreed(&answer) {
            let has_id = id.is_some();
            let mut headers: Vec<_> = id.into_iter().map(|id| (header::SESSION_ID, id)).collect();
            headers.push((header::PROTOCOL_VERSION, HeaderValue::from_static(version.as_str())));
            *self.session() = Some(Arc::new(Session { headers, has_id, opened_by: letter.clone() }));
        }
        reply.content = Content::Json(StatusCode::OK, answer);
        Ok(reply)
    }

    /// The session that was opened in place of `lost`, by whoever comes first.
    async fn reopened(self: &Arc<Self>, lost: Option<Arc<Session>>) -> Result<Option<Arc<Session>>, CallFailure> {
        let _gate = self.opening.lock().await;
        let now = self.session().clone();
        let is_same = matches!((&now, &lost), (Some(now), Some(lost)) if Arc::ptr_eq(now, lost));
        let Some(lost) = lost.filter(|_| is_same) else { return Ok(now) };
        voice::talk("the server has lost the session; it is opened anew\n");
        self.open(&lost.opened_by).await?;
        let session = self.session().clone();
        if let Some(session) = &session {
            self.endpoint.post(INITIALIZED.to_vec(), &session.headers).await?;
            self.listen(session);
        }
        Ok(session)
    }

    /// Writes what comes back.
    async fn forward(self: &Arc<Self>, letter: &Letter, reply: Reply, session: Option<&Session>) -> Result<(), CallFailure> {
        match reply.content {
            Content::Nothing => {
                if letter.method == method::NOTIFICATIONS_INITIALIZED
                    && let Some(session) = self.session().clone()
                {
                    self.listen(&session);
                }
                Ok(())
            }
            Content::Json(status, body) => {
                let is_answer = Message::parse(&body).is_ok() || letter.sort == Sort::Batch;
                if !is_answer || letter.sort == Sort::Notification {
                    return if status.is_success() { Ok(()) } else { Err(CallFailure::Status { status, text: None }) };
                }
                self.pass(letter, body).await;
                Ok(())
            }
            Content::Stream(stream) => self.follow(letter, stream, session).await,
        }
    }

    /// A stream to the answer, over as many connections as it takes in a legacy session (SEP-1699).
    async fn follow(&self, letter: &Letter, mut stream: Box<Stream>, session: Option<&Session>) -> Result<(), CallFailure> {
        let mut place = Place::default();
        for _ in 0..MAX_STREAMS {
            let broke_off = match self.read(letter, &mut stream, &mut place).await {
                Ok(true) => return Ok(()),
                Ok(false) => CallFailure::Ended,
                Err(failure @ CallFailure::Broken(_)) => failure,
                Err(failure) => return Err(failure),
            };
            let (Some(session), Some(last)) = (session, &place.last_event_id) else { return Err(broke_off) };
            drop(stream);
            tokio::time::sleep(place.retry).await;
            stream = self.resumed(session, Some(last)).await?.ok_or(broke_off)?;
        }
        Err(CallFailure::Ended)
    }

    /// Whether the answer has come.
    async fn read(&self, letter: &Letter, stream: &mut Stream, place: &mut Place) -> Result<bool, CallFailure> {
        while let Some(event) = stream.next().await? {
            place.remember(&event);
            let Some(data) = event.data.filter(|data| !data.is_empty()) else { continue };
            let is_answer = letter.id.is_some() && answers(data.as_bytes(), letter);
            self.pass(letter, data.into()).await;
            if is_answer {
                return Ok(true);
            }
        }
        // Several answers end with their stream.
        Ok(letter.sort == Sort::Batch)
    }

    async fn pass(&self, letter: &Letter, message: Bytes) {
        if self.verbose {
            voice::talk(&format!("to the host: {} bytes for {}\n", message.len(), voice::plain(&letter.method)));
        }
        let message = if letter.method == method::TOOLS_LIST { self.shelf.shown(message, letter.version.is_some()) } else { message };
        let _gone = self.answers.send(one_line(&message)).await;
    }

    /// Hears what the server says of its own accord, as long as this session lasts.
    fn listen(self: &Arc<Self>, session: &Arc<Session>) {
        let (road, session) = (Arc::downgrade(self), Arc::clone(session));
        let mut ear = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        ear.abort_all();
        ear.spawn(async move {
            let mut place = Place::default();
            loop {
                let Some(road) = road.upgrade() else { return };
                match road.resumed(&session, place.last_event_id.as_deref()).await {
                    Ok(Some(mut stream)) => {
                        if let Err(failure) = road.hear(&mut stream, &mut place).await {
                            tracing::debug!(target: "bridge", %failure, "the server's own stream broke off");
                        }
                    }
                    // It has none, or the session is over: the next request finds out.
                    Ok(None) | Err(_) => return,
                }
                drop(road);
                tokio::time::sleep(place.retry).await;
            }
        });
    }

    async fn hear(&self, stream: &mut Stream, place: &mut Place) -> Result<(), CallFailure> {
        while let Some(event) = stream.next().await? {
            place.remember(&event);
            if let Some(data) = event.data.filter(|data| !data.is_empty()) {
                let _gone = self.answers.send(one_line(data.as_bytes())).await;
            }
        }
        Ok(())
    }

    async fn resumed(&self, session: &Session, last_event_id: Option<&str>) -> Result<Option<Box<Stream>>, CallFailure> {
        let mut headers = session.headers.clone();
        headers.extend(last_event_id.and_then(|id| HeaderValue::try_from(id).ok()).map(|id| (header::LAST_EVENT_ID, id)));
        self.endpoint.get(&headers).await
    }

    /// What a legacy message travels with.
    fn current(&self, letter: &Letter) -> Option<Arc<Session>> {
        if letter.version.is_some() { None } else { self.session().clone() }
    }

    fn session(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn underway(&self) -> MutexGuard<'_, HashMap<String, AbortHandle>> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a request that is read here, out of its stream.
async fn whole(letter: &Letter, mut stream: Box<Stream>) -> Result<Bytes, CallFailure> {
    while let Some(event) = stream.next().await? {
        if let Some(data) = event.data.filter(|data| answers(data.as_bytes(), letter)) {
            return Ok(data.into());
        }
    }
    Err(CallFailure::Ended)
}

/// Whether a message is the answer to a letter. An error without an id can only be meant for it.
fn answers(message: &[u8], letter: &Letter) -> bool {
    let Ok(message) = Message::parse(message) else { return false };
    let same = || message.id().map(RawJson::canonical).as_deref() == letter.id.as_deref();
    match message.kind() {
        Kind::Response => same(),
        Kind::ErrorResponse => message.id().is_none() || same(),
        Kind::Notification | Kind::Request => false,
    }
}

/// The revision that a server agreed to, if it did.
fn agreed(answer: &[u8]) -> Option<ProtocolVersion> {
    let message = Message::parse(answer).ok()?;
    let result: Initialized = serde_json::from_str(message.result()?.as_str()).ok()?;
    ProtocolVersion::parse(&result.protocol_version)
}

fn is_lost(failure: &CallFailure) -> bool {
    matches!(failure, CallFailure::Status { status: StatusCode::NOT_FOUND, .. })
}

fn code_of(failure: &CallFailure) -> i64 {
    match failure {
        CallFailure::NotSignedIn { .. } | CallFailure::Unauthorized { .. } => UNAUTHENTICATED,
        CallFailure::Forbidden(_) => FORBIDDEN,
        _ => UPSTREAM_UNAVAILABLE,
    }
}

/// What the host reads when a request has no answer.
fn refusal(id: Option<&str>, code: i64, message: &str) -> Vec<u8> {
    let id = id.and_then(|id| serde_json::from_str::<Json>(id).ok());
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).to_string().into_bytes()
}

/// A message may be written over several lines, and a pipe has one for each. Within texts JSON has no line ends of its own.
fn one_line(message: &[u8]) -> Bytes {
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let mut line: Vec<u8> = Vec::with_capacity(message.len() + 1);
    line.extend(message.iter().map(|byte| if is_break(byte) { b' ' } else { *byte }));
    line.push(b'\n');
    line.into()
}

const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
/// How often one answer may be cut off.
const MAX_STREAMS: usize = 32;
/// How long the end of the bridge may take.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);
