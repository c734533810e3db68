//! Who listens to a legacy server's own words? The sessions that share one server, their streams, and the questions put to each.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mcp::envelope::Message;
use mcp::method;
use mcp::sse;
use tokio::sync::mpsc;

/// The sessions of one server.
#[derive(Default)]
pub(super) struct Hub {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<String, Listener>,
    /// Questions of the server that wait for an answer: its id for it, and the session that was asked.
    questions: HashMap<String, String>,
}

/// One session's own stream, and what waits while there is none.
#[derive(Default)]
struct Listener {
    stream: Option<mpsc::Sender<Bytes>>,
    queue: VecDeque<Bytes>,
    subscribed: HashSet<String>,
}

impl Hub {
    pub(super) fn add(&self, session: &str) {
        self.inner().sessions.insert(session.to_owned(), Listener::default());
    }

    /// Removes a session; `true` when none is left.
    pub(super) fn remove(&self, session: &str) -> bool {
        let mut inner = self.inner();
        inner.sessions.remove(session);
        inner.questions.retain(|_, asked| asked != session);
        inner.sessions.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inner().sessions.is_empty()
    }

    /// Whether somebody listens on a stream just now.
    pub(super) fn is_heard(&self) -> bool {
        self.inner().sessions.values().any(|listener| listener.stream.as_ref().is_some_and(|stream| !stream.is_closed()))
    }

    /// Opens a session's own stream; an older one of the same session ends.
    pub(super) fn listen(&self, session: &str) -> Option<mpsc::Receiver<Bytes>> {
        let mut inner = self.inner();
        let listener = inner.sessions.get_mut(session)?;
        let (stream, frames) = mpsc::channel(QUEUE * 2);
        for frame in listener.queue.drain(..) {
            // The channel has room for all of them.
            let _ = stream.try_send(frame);
        }
        listener.stream = Some(stream);
        Some(frames)
    }

    /// Notes that a question went to a session, on the stream of one of its requests.
    pub(super) fn asked(&self, id: &str, session: &str) {
        self.inner().questions.insert(id.to_owned(), session.to_owned());
    }

    /// Puts a question to a session that listens, else to any; `false` when there is no session.
    pub(super) fn put(&self, id: &str, message: &Bytes) -> bool {
        let mut inner = self.inner();
        let heard = inner.sessions.iter().find(|(_, listener)| listener.is_heard()).map(|(session, _)| session.clone());
        let Some(session) = heard.or_else(|| inner.sessions.keys().next().cloned()) else { return false };
        if let Some(listener) = inner.sessions.get_mut(&session) {
            listener.give(frame(message));
        }
        inner.questions.insert(id.to_owned(), session);
        true
    }

    /// Whether this session was asked; the question is then closed.
    pub(super) fn answers(&self, session: &str, id: &str) -> bool {
        let mut inner = self.inner();
        if inner.questions.get(id).is_some_and(|asked| asked == session) {
            inner.questions.remove(id);
            return true;
        }
        false
    }

    /// Passes on what the server says by itself: changes to those who asked for them, everything else to all.
    pub(super) fn told(&self, message: &Message<'_>) {
        let bytes = frame(message.raw().as_bytes());
        let uri = message.params().and_then(|params| params.uri());
        let cancelled = message.params().and_then(|params| params.request_id()).map(|id| id.canonical().into_owned());
        let mut inner = self.inner();
        match message.method() {
            Some(method::NOTIFICATIONS_RESOURCES_UPDATED) => {
                for listener in inner.sessions.values_mut().filter(|listener| uri.is_some_and(|uri| listener.subscribed.contains(uri))) {
                    listener.give(bytes.clone());
                }
            }
            // The server takes a question back: said to whom it was put.
            Some(method::NOTIFICATIONS_CANCELLED) => {
                let session = cancelled.and_then(|id| inner.questions.remove(&id));
                if let Some(listener) = session.and_then(|session| inner.sessions.get_mut(&session)) {
                    listener.give(bytes);
                }
            }
            _ => {
                for listener in inner.sessions.values_mut() {
                    listener.give(bytes.clone());
                }
            }
        }
    }

    /// Notes a subscription.
    pub(super) fn subscribe(&self, session: &str, uri: &str) {
        if let Some(listener) = self.inner().sessions.get_mut(session) {
            listener.subscribed.insert(uri.to_owned());
        }
    }

    /// Notes the end of a subscription; `true` when no other session has the same one, so that the server may forget it.
    pub(super) fn unsubscribe(&self, session: &str, uri: &str) -> bool {
        let mut inner = self.inner();
        if let Some(listener) = inner.sessions.get_mut(session) {
            listener.subscribed.remove(uri);
        }
        !inner.sessions.values().any(|listener| listener.subscribed.contains(uri))
    }

    /// Ends all streams.
    pub(super) fn clear(&self) {
        *self.inner() = Inner::default();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    fn is_heard(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !stream.is_closed())
    }

    fn give(&mut self, frame: Bytes) {
        let unsent = match &self.stream {
            Some(stream) => match stream.try_send(frame) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(frame) | mpsc::error::TrySendError::Closed(frame)) => frame,
            },
            None => frame,
        };
        // Nobody reads, or too slowly: the stream ends, and the newest words wait for the next one.
        self.stream = None;
        if self.queue.len() >= QUEUE {
            self.queue.pop_front();
        }
        self.queue.push_back(unsent);
    }
}

/// One message as a frame of an event stream.
pub(super) fn frame(message: &[u8]) -> Bytes {
    sse::encode(&sse::Event::message(String::from_utf8_lossy(message))).into()
}

/// Frames kept for a session that does not listen.
const QUEUE: usize = 128;
