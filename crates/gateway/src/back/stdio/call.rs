//! One request on its way: whose it is, what comes for it, and why nothing more does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use broker::Missing;
use bytes::Bytes;
use http::StatusCode;
use mcp::envelope::{Message, Meta};
use mcp::method;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::lock;
use super::peer::Peer;
use crate::back::failure::Scarce;
use crate::back::{BackFailure, CredentialPlace};
use crate::principal::PrincipalKey;

/// A request that the server has and has not answered.
pub(super) struct Call {
    /// The caller's own id, as raw JSON.
    pub(super) id: String,
    /// The same in its one spelling.
    pub(super) canonical: String,
    /// The caller's own progress token, as raw JSON.
    pub(super) progress_token: Option<String>,
    /// The legacy session that it belongs to.
    pub(super) session: Option<String>,
    pub(super) caller: PrincipalKey,
    /// Whether log messages may be sent on its stream.
    pub(super) wants_logs: bool,
    /// The message, if it is a `subscriptions/listen`: all that comes for it carries its id a second time, and it moves when another instance takes over.
    pub(super) listens: Option<Bytes>,
    /// Whether it came from another instance, so that its caller knows already that it is heard.
    pub(super) is_acknowledged: bool,
    /// Modern: whoever goes away cancels. Legacy: only a `notifications/cancelled` does.
    pub(super) cancels_when_dropped: bool,
    asked: Instant,
    deliver: mpsc::Sender<Delivery>,
    fate: Arc<Fate>,
}

/// A message for a caller.
pub(super) struct Delivery {
    pub(super) message: Bytes,
    /// Whether it is the response, after which nothing comes.
    pub(super) is_response: bool,
}

/// The caller's end of a request. Dropping it cancels a modern request, and a legacy one that was given up.
pub(super) struct Ticket {
    deliveries: mpsc::Receiver<Delivery>,
    fate: Arc<Fate>,
    cancels_when_dropped: bool,
    done: bool,
}

/// Who asks, and how.
pub(super) struct Asking<'a> {
    pub(super) caller: &'a PrincipalKey,
    pub(super) session: Option<&'a str>,
    pub(super) wants_logs: bool,
    pub(super) cancels_when_dropped: bool,
}

/// Why nothing more comes for a request, when that is not its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server answered with what is no message.
    BadAnswer,
    /// Too much is on its way to the server.
    Busy,
    /// The caller cancelled it and the server said no more.
    Cancelled,
    /// The server ended.
    Crashed,
    /// It could not be posted: a credential cannot be had.
    Credential(Missing),
    /// It could not be posted: the server refuses the door's credential with this status.
    CredentialRefused(StatusCode),
    /// It could not be posted: a credential does not fit where it belongs.
    CredentialShape(CredentialPlace),
    /// The session ended.
    SessionGone,
    /// The door is ending the server.
    Stopping,
    /// It could not be posted: no credential came within this time.
    TimedOut(Duration),
    /// A message of the server was over this cap, in bytes.
    TooLarge(usize),
    /// The caller does not read what comes.
    TooSlow,
    /// It could not be posted: the server answered this.
    UnexpectedStatus(StatusCode),
}

/// Why a delivery was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// Too much waits already.
    Full,
    /// The caller is gone.
    Gone,
}

/// What both ends of a request know.
struct Fate {
    /// The instance that works on it, and its number there.
    place: Mutex<(Weak<Peer>, u64)>,
    ending: OnceLock<Ending>,
    /// Bytes that wait for the caller.
    queued: AtomicUsize,
}

impl From<Ending> for BackFailure {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::BadAnswer => Self::BadAnswer,
            Ending::Busy => Self::Busy(Scarce::Calls),
            Ending::Cancelled => Self::Cancelled,
            Ending::Crashed => Self::Crashed,
            Ending::Credential(missing) => Self::Credential(missing),
            Ending::CredentialRefused(status) => Self::CredentialRefused { status },
            Ending::CredentialShape(place) => Self::CredentialShape { place },
            Ending::SessionGone => Self::SessionGone,
            Ending::Stopping => Self::Stopping,
            Ending::TimedOut(after) => Self::TimedOut { after },
            Ending::TooLarge(limit) => Self::TooLarge { limit },
            Ending::TooSlow => Self::TooSlow,
            Ending::UnexpectedStatus(status) => Self::UnexpectedStatus { status },
        }
    }
}

impl Call {
    /// Both ends of a request that goes out under `number`; `None` when the message is no request.
    pub(super) fn new(peer: &Arc<Peer>, number: u64, message: &Message<'_>, asking: &Asking<'_>) -> Option<(Self, Ticket)> {
        let id = message.id()?;
        let token = message.meta().and_then(Meta::progress_token);
        let (deliver, deliveries) = mpsc::channel(DELIVERIES);
        let place = Mutex::new((Arc::downgrade(peer), number));
        let fate = Arc::new(Fate { place, ending: OnceLock::new(), queued: AtomicUsize::new(0) });
        let call = Self {
            id: id.as_str().to_owned(),
            canonical: id.canonical().into_owned(),
            progress_token: token.map(|token| token.as_str().to_owned()),
            session: asking.session.map(str::to_owned),
            caller: asking.caller.clone(),
            wants_logs: asking.wants_logs,
            listens: (message.method() == Some(method::SUBSCRIPTIONS_LISTEN)).then(|| Bytes::copy_from_slice(message.raw().as_bytes())),
            is_acknowledged: false,
            cancels_when_dropped: asking.cancels_when_dropped,
            asked: Instant::now(),
            deliver,
            fate: Arc::clone(&fate),
        };
        let ticket = Ticket { deliveries, fate, cancels_when_dropped: asking.cancels_when_dropped, done: false };
        Some((call, ticket))
    }

    /// Puts a message in for the caller, who may be slow: what waits is bounded in number and in bytes.
    pub(super) fn give(&self, message: Bytes, is_response: bool) -> Result<(), NotTaken> {
        if self.fate.queued.load(Ordering::Relaxed) >= QUEUED_BYTES {
            return Err(NotTaken::Full);
        }
        let length = message.len();
        self.fate.queued.fetch_add(length, Ordering::Relaxed);
        self.deliver.try_send(Delivery { message, is_response }).map_err(|error| {
            self.fate.queued.fetch_sub(length, Ordering::Relaxed);
            match error {
                mpsc::error::TrySendError::Full(_) => NotTaken::Full,
                mpsc::error::TrySendError::Closed(_) => NotTaken::Gone,
            }
        })
    }

    /// Goes on at another instance, under its number there.
    pub(super) fn moved_to(mut self, peer: &Arc<Peer>, number: u64) -> Self {
        *lock(&self.fate.place) = (Arc::downgrade(peer), number);
        self.is_acknowledged = true;
        self
    }

    /// Ends it without a response.
    pub(super) fn end(self, ending: Ending) {
        // The first reason stands.
        let _ = self.fate.ending.set(ending);
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.deliver.is_closed()
    }

    /// How long ago it was asked.
    pub(super) fn age(&self) -> Duration {
        self.asked.elapsed()
    }
}

impl Ticket {
    /// The next message for this request.
    pub(super) async fn next(&mut self) -> Result<Delivery, Ending> {
        let Some(delivery) = self.deliveries.recv().await else {
            self.done = true;
            return Err(self.fate.ending.get().cloned().unwrap_or(Ending::Crashed));
        };
        self.fate.queued.fetch_sub(delivery.message.len(), Ordering::Relaxed);
        self.done = delivery.is_response;
        Ok(delivery)
    }

    /// The response, past everything else that comes.
    pub(super) async fn response(&mut self) -> Result<Bytes, Ending> {
        loop {
            let delivery = self.next().await?;
            if delivery.is_response {
                return Ok(delivery.message);
            }
        }
    }

    /// Stops waiting, and tells the server so in either era (2025-11-25, Lifecycle, Timeouts).
    pub(super) fn give_up(mut self) {
        self.cancels_when_dropped = true;
    }
}

impl Drop for Ticket {
    /// The one place that learns of a caller who went away while waiting.
    fn drop(&mut self) {
        if self.done || !self.cancels_when_dropped {
            return;
        }
        let (peer, number) = lock(&self.fate.place).clone();
        if let Some(peer) = peer.upgrade() {
            peer.abandon(number);
        }
    }
}

/// Messages that may wait for one caller.
const DELIVERIES: usize = 256;

/// Bytes that may wait for one caller before one more message is refused.
const QUEUED_BYTES: usize = 4 * 1024 * 1024;
