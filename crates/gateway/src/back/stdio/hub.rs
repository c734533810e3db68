//! Who listens to a legacy server's own words? The sessions that share one server, and the stream of each.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use mcp::envelope::Message;
use mcp::method;
use tokio::sync::{Notify, mpsc};

use super::lock;
use crate::wire::frame;

/// The sessions of one server.
#[derive(Default)]
pub(super) struct Hub {
    sessions: Mutex<HashMap<String, Listener>>,
    /// Counts the questions of all instances that these sessions have had.
    questions: AtomicU64,
}

/// One session: what waits for its stream, and the stream, if there is one.
#[derive(Default)]
struct Listener {
    queue: VecDeque<Frame>,
    queued_bytes: usize,
    more: Arc<Notify>,
    stream: Option<mpsc::WeakSender<Bytes>>,
    /// Counts the streams: only the newest is fed.
    generation: u64,
    subscribed: HashSet<String>,
}

struct Frame {
    bytes: Bytes,
    /// The door's number for it, if it is a question.
    question: Option<u64>,
}

impl Hub {
    pub(super) fn add(&self, session: &str) {
        self.sessions().insert(session.to_owned(), Listener::default());
    }

    /// Removes a session; its stream ends.
    pub(super) fn remove(&self, session: &str) {
        if let Some(listener) = self.sessions().remove(session) {
            listener.more.notify_one();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions().is_empty()
    }

    /// Whether somebody listens on a stream just now.
    pub(super) fn is_heard(&self) -> bool {
        self.sessions().values().any(Listener::is_heard)
    }

    /// Whether this session listens on its stream just now.
    pub(super) fn hears(&self, session: &str) -> bool {
        self.sessions().get(session).is_some_and(Listener::is_heard)
    }

    /// Opens a session's own stream; an older one of the same session ends.
    pub(super) fn listen(self: &Arc<Self>, session: &str) -> Option<mpsc::Receiver<Bytes>> {
        let mut sessions = self.sessions();
        let listener = sessions.get_mut(session)?;
        let (stream, frames) = mpsc::channel(1);
        listener.generation += 1;
        listener.stream = Some(stream.downgrade());
        // Wakes the stream before this one, which ends, and leaves a word for the new one.
        listener.more.notify_waiters();
        listener.more.notify_one();
        tokio::spawn(Arc::clone(self).feed(session.to_owned(), listener.generation, stream));
        Some(frames)
    }

    /// A number for a question. An instance that takes over from another counts on: its questions are never taken for those of the first.
    pub(super) fn next_question(&self) -> u64 {
        self.questions.fetch_add(1, Ordering::Relaxed)
    }

    /// A session to put a question to: one that listens, else any.
    pub(super) fn listener(&self) -> Option<String> {
        let sessions = self.sessions();
        let heard = sessions.iter().find(|(_, listener)| listener.is_heard());
        heard.or_else(|| sessions.iter().next()).map(|(session, _)| session.clone())
    }

    /// Puts a message in for a session. Returns the questions that were pushed out for it.
    pub(super) fn give(&self, session: &str, message: &Bytes, question: Option<u64>) -> Vec<u64> {
        let frame = Frame { bytes: frame(message), question };
        self.sessions().get_mut(session).map(|listener| listener.give(frame)).unwrap_or_default()
    }

    /// Passes on what the server says by itself: changes to those who asked for them, everything else to all. Returns the questions that
    /// were pushed out of full queues.
    pub(super) fn told(&self, message: &Message<'_>) -> Vec<u64> {
        let bytes = frame(message.raw().as_bytes());
        let updated = (message.method() == Some(method::NOTIFICATIONS_RESOURCES_UPDATED))
            .then(|| message.params().and_then(|params| params.uri()).unwrap_or_default());
        let mut sessions = self.sessions();
        let heard = sessions.values_mut().filter(|listener| updated.is_none_or(|uri| listener.is_subscribed(uri)));
        heard.flat_map(|listener| listener.give(Frame { bytes: bytes.clone(), question: None })).collect()
    }

    /// Notes a subscription; `false` when the session has too many.
    pub(super) fn subscribe(&self, session: &str, uri: &str) -> bool {
        let mut sessions = self.sessions();
        let Some(listener) = sessions.get_mut(session) else { return true };
        if listener.subscribed.len() >= SUBSCRIPTIONS && !listener.subscribed.contains(uri) {
            return false;
        }
        listener.subscribed.insert(uri.to_owned());
        true
    }

    /// Notes the end of a subscription; `true` when no other session has the same one, so that the server may forget it.
    pub(super) fn unsubscribe(&self, session: &str, uri: &str) -> bool {
        let mut sessions = self.sessions();
        if let Some(listener) = sessions.get_mut(session) {
            listener.subscribed.remove(uri);
        }
        !sessions.values().any(|listener| listener.subscribed.contains(uri))
    }

    /// Everything that any session has subscribed to.
    pub(super) fn subscriptions(&self) -> BTreeSet<String> {
        self.sessions().values().flat_map(|listener| listener.subscribed.iter().cloned()).collect()
    }

    /// Ends all sessions and their streams.
    pub(super) fn clear(&self) {
        for (_, listener) in self.sessions().drain() {
            listener.more.notify_one();
        }
    }

    /// Feeds one stream until its reader or its session is gone, it falls too far behind, or a newer one takes over.
    async fn feed(self: Arc<Self>, session: String, generation: u64, stream: mpsc::Sender<Bytes>) {
        loop {
            // Nothing is taken from the queue before there is room for it, so that a reader who leaves loses nothing that waits.
            let Ok(place) = stream.reserve().await else { return };
            let more = {
                let mut sessions = self.sessions();
                let Some(listener) = sessions.get_mut(&session).filter(|listener| listener.generation == generation) else { return };
                match listener.take() {
                    Some(frame) => {
                        place.send(frame);
                        continue;
                    }
                    None => Arc::clone(&listener.more),
                }
            };
            drop(place);
            tokio::select! {
                () = more.notified() => {}
                () = stream.closed() => return,
            }
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Listener>> {
        lock(&self.sessions)
    }
}

impl Listener {
    fn is_heard(&self) -> bool {
        self.stream.as_ref().and_then(mpsc::WeakSender::upgrade).is_some_and(|stream| !stream.is_closed())
    }

    /// A server may say that a part of what was subscribed to has changed (2025-11-25, `ResourceUpdatedNotification`).
    fn is_subscribed(&self, uri: &str) -> bool {
        self.subscribed.contains(uri) || self.subscribed.iter().any(|subscribed| uri.starts_with(subscribed.as_str()))
    }

    /// Queues a frame, the oldest ones making room. A stream that is so far behind ends: what it missed is no longer there.
    fn give(&mut self, frame: Frame) -> Vec<u64> {
        self.queued_bytes += frame.bytes.len();
        self.queue.push_back(frame);
        let mut lost = Vec::new();
        while self.queue.len() > QUEUE || (self.queued_bytes > QUEUE_BYTES && self.queue.len() > 1) {
            let Some(oldest) = self.queue.pop_front() else { break };
            self.queued_bytes -= oldest.bytes.len();
            lost.extend(oldest.question);
            self.generation += 1;
            self.stream = None;
        }
        self.more.notify_one();
        lost
    }

    fn take(&mut self) -> Option<Bytes> {
        let frame = self.queue.pop_front()?;
        self.queued_bytes -= frame.bytes.len();
        Some(frame.bytes)
    }
}

/// Frames kept for one session.
const QUEUE: usize = 128;
/// Their bytes, the newest one not counted.
const QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// Resources that one session may watch.
const SUBSCRIPTIONS: usize = 1024;
