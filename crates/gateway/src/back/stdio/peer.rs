//! One server on a pipe: what goes in, what comes out, and who waits for it.
//!
//! Callers share a pipe, and their JSON-RPC ids collide all the time. So every request goes out under a number of the door's own, which is
//! also its progress token; what comes back under that number gets the caller's own id and token again. Nothing else is touched.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mcp::envelope::{Kind, Message};
use mcp::error_code;
use mcp::method;
use mcp::raw::RawJson;
use mcp::splice::{Edit, splice};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::failure::BackFailure;
use super::hub::Hub;
use super::line::{Line, Lines};
use super::process::Life;
use super::stderr::Masker;
use crate::principal::PrincipalKey;

/// A live connection to one server.
pub(super) struct Peer {
    outbox: mpsc::Sender<Bytes>,
    waiting: Mutex<Waiting>,
    numbers: AtomicU64,
    pub(super) life: Life,
    /// Whether `notifications/initialized` has gone out.
    initialized: AtomicBool,
    /// Where a legacy server's own words go; `None` for the shared modern server.
    hub: Option<Arc<Hub>>,
    server: Arc<str>,
    masker: Arc<Masker>,
}

/// Requests on their way, by the door's number.
#[derive(Default)]
struct Waiting {
    calls: HashMap<u64, Call>,
    closed: bool,
}

/// One request on its way.
struct Call {
    /// The caller's own id, as raw JSON.
    id: String,
    /// The same in its one spelling.
    canonical: String,
    /// The caller's own progress token, as raw JSON.
    progress_token: Option<String>,
    /// The legacy session that it belongs to.
    session: Option<String>,
    caller: PrincipalKey,
    /// Whether log messages may be sent on its stream.
    wants_logs: bool,
    deliver: mpsc::Sender<Delivery>,
}

/// A message for a caller.
pub(super) struct Delivery {
    pub(super) message: Bytes,
    /// Whether it is the response, after which nothing comes.
    pub(super) is_response: bool,
}

/// A request that was put in: what comes for it, and what cancels it.
pub(super) struct Ticket {
    peer: Arc<Peer>,
    number: u64,
    pub(super) deliveries: mpsc::Receiver<Delivery>,
    /// Modern: whoever goes away cancels. Legacy: only a `notifications/cancelled` does.
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

impl Peer {
    /// Takes over a pipe. The tasks that read and write it end with the pipe or with `life`.
    pub(super) fn start<R, W>(
        server: Arc<str>,
        pipe: (R, W),
        life: Life,
        hub: Option<Arc<Hub>>,
        masker: Arc<Masker>,
        cap: usize,
    ) -> Arc<Self>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (outbox, letters) = mpsc::channel(OUTBOX);
        let peer = Arc::new(Self {
            outbox,
            waiting: Mutex::default(),
            numbers: AtomicU64::new(1),
            life,
            initialized: AtomicBool::new(false),
            hub,
            server,
            masker,
        });
        tokio::spawn(write(pipe.1, letters, peer.life.stop.clone()));
        tokio::spawn(Arc::clone(&peer).read(Lines::new(pipe.0, cap)));
        peer
    }

    /// Whether the pipe is still open.
    pub(super) fn is_open(&self) -> bool {
        !self.waiting().closed && !self.life.stop.is_cancelled()
    }

    /// Whether anybody waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting().calls.is_empty()
    }

    /// Puts a request in under a number of ours.
    pub(super) async fn ask(self: &Arc<Self>, message: &Message<'_>, asking: Asking<'_>) -> Result<Ticket, BackFailure> {
        let (Some(id), Some(number)) = (message.id(), Some(self.numbers.fetch_add(1, Ordering::Relaxed))) else {
            return Err(BackFailure::BadAnswer);
        };
        let token = message.meta().and_then(|meta| meta.progress_token());
        let (deliver, deliveries) = mpsc::channel(DELIVERIES);
        let call = Call {
            id: id.as_str().to_owned(),
            canonical: id.canonical().into_owned(),
            progress_token: token.map(|token| token.as_str().to_owned()),
            session: asking.session.map(str::to_owned),
            caller: asking.caller.clone(),
            wants_logs: asking.wants_logs,
            deliver,
        };
        {
            let mut waiting = self.waiting();
            if waiting.closed {
                return Err(BackFailure::Crashed);
            }
            waiting.calls.insert(number, call);
        }
        let ticket = Ticket { peer: Arc::clone(self), number, deliveries, cancels_when_dropped: asking.cancels_when_dropped, done: false };
        let edits: Vec<Edit> =
            [Some(id), token].into_iter().flatten().filter_map(|part| message.replace(part, number.to_string())).collect();
        self.send(splice(message.raw().as_bytes(), &edits).into()).await?;
        Ok(ticket)
    }

    /// Passes a notification or a response on as it is.
    pub(super) async fn pass(&self, message: &Message<'_>) -> Result<(), BackFailure> {
        if message.method() == Some(method::NOTIFICATIONS_INITIALIZED) && self.initialized.swap(true, Ordering::Relaxed) {
            // Another session of this caller has said it already; the server is told once.
            return Ok(());
        }
        self.send(Bytes::copy_from_slice(message.raw().as_bytes())).await
    }

    /// Passes a caller's `notifications/cancelled` on under our number; one that names no request of that session goes nowhere.
    pub(super) async fn cancel(&self, session: &str, message: &Message<'_>) -> Result<(), BackFailure> {
        let Some(request) = message.params().and_then(|params| params.request_id()) else { return Ok(()) };
        let named = request.canonical();
        let number = self.waiting().calls.iter().find_map(|(number, call)| {
            let same = call.session.as_deref() == Some(session) && call.canonical == named;
            same.then_some(*number)
        });
        match number.and_then(|number| message.replace(request, number.to_string())) {
            Some(edit) => self.send(splice(message.raw().as_bytes(), &[edit]).into()).await,
            None => Ok(()),
        }
    }

    /// Forgets the requests of a session that has ended.
    pub(super) fn forget(&self, session: &str) {
        self.waiting().calls.retain(|_, call| call.session.as_deref() != Some(session));
    }

    async fn send(&self, line: Bytes) -> Result<(), BackFailure> {
        tokio::select! {
            sent = self.outbox.send(one_line(line)) => sent.map_err(|_| BackFailure::Crashed),
            () = self.life.stop.cancelled() => Err(BackFailure::Stopping),
        }
    }

    /// Reads until the pipe ends, then tells everybody who waits.
    async fn read<R: AsyncRead + Unpin>(self: Arc<Self>, mut lines: Lines<R>) {
        loop {
            let line = tokio::select! {
                line = lines.next() => line,
                () = self.life.kill.cancelled() => break,
            };
            match line {
                Ok(Some(Line::Whole(line))) => self.receive(&line),
                Ok(Some(Line::Cut(_))) => {
                    tracing::warn!(target: "upstream", server = &*self.server, "a message is over the cap; the server is stopped");
                    break;
                }
                Ok(None) | Err(_) => break,
            }
        }
        let abandoned = {
            let mut waiting = self.waiting();
            waiting.closed = true;
            std::mem::take(&mut waiting.calls)
        };
        // Dropping the senders tells each caller that nothing more comes.
        drop(abandoned);
        self.life.stop.cancel();
    }

    fn receive(&self, line: &Bytes) {
        // A tab or another control character inside a string is no JSON; the parser says so.
        let message = match Message::parse(line) {
            Ok(message) => message,
            Err(error) => {
                let shown = self.masker.show(&Line::Whole(line.clone()));
                tracing::warn!(target: "upstream", server = &*self.server, %error, line = shown, "not a message; ignored");
                return;
            }
        };
        match message.kind() {
            Kind::Response | Kind::ErrorResponse => self.answered(&message),
            Kind::Request => self.asked(&message),
            Kind::Notification => self.told(&message),
        }
    }

    fn answered(&self, message: &Message<'_>) {
        let number = message.id().and_then(number_of);
        let Some(call) = number.and_then(|number| self.waiting().calls.remove(&number)) else {
            tracing::debug!(target: "upstream", server = &*self.server, "a response that nobody waits for");
            return;
        };
        let edit = message.id().and_then(|id| message.replace(id, call.id));
        let message = splice(message.raw().as_bytes(), edit.as_slice()).into();
        // A caller who has hung up, or who lets a full queue stand, gets no more.
        let _ = call.deliver.try_send(Delivery { message, is_response: true });
    }

    /// The server asks the client something. Only legacy servers may, and the answer is accepted only from where the question went.
    fn asked(&self, message: &Message<'_>) {
        let Some(id) = message.id() else { return };
        let answer = match (message.method(), &self.hub) {
            (Some(method::PING), _) => Some(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, id.as_str()).into_bytes()),
            (_, None) => Some(error_code::error_response(Some(id), error_code::METHOD_NOT_FOUND, "the client takes no requests", None)),
            (_, Some(hub)) if self.put(hub, &id.canonical(), message) => None,
            (_, Some(_)) => Some(error_code::error_response(Some(id), error_code::INTERNAL_ERROR, "no client is there to ask", None)),
        };
        if let Some(answer) = answer {
            // A server that asks faster than it reads gets no answer.
            let _ = self.outbox.try_send(answer.into());
        }
    }

    /// To the newest request of a caller who is still there, else to a session's own stream.
    fn put(&self, hub: &Hub, id: &str, message: &Message<'_>) -> bool {
        let bytes = Bytes::copy_from_slice(message.raw().as_bytes());
        let mut numbers: Vec<u64> = self.waiting().calls.keys().copied().collect();
        numbers.sort_unstable_by(|left, right| right.cmp(left));
        for number in numbers {
            let waiting = self.waiting();
            let Some(call) = waiting.calls.get(&number) else { continue };
            let Some(session) = &call.session else { continue };
            if call.deliver.try_send(Delivery { message: bytes.clone(), is_response: false }).is_ok() {
                hub.asked(id, session);
                return true;
            }
        }
        hub.put(id, &bytes)
    }

    fn told(&self, message: &Message<'_>) {
        let params = message.params();
        let by_token =
            (message.method() == Some(method::NOTIFICATIONS_PROGRESS)).then(|| params.and_then(|params| params.progress_token())).flatten();
        let by_subscription = message.meta().and_then(|meta| meta.subscription_id());
        if let Some(token) = by_token {
            return self.tell(token, message, |call| call.progress_token.clone());
        }
        if let Some(subscription) = by_subscription {
            return self.tell(subscription, message, |call| Some(call.id.clone()));
        }
        if message.method() == Some(method::NOTIFICATIONS_MESSAGE) && self.tell_the_only_one(message) {
            return;
        }
        if let Some(hub) = &self.hub {
            hub.told(message);
        }
    }

    /// Gives a notification that names one of our numbers to its caller, under the caller's own name for it.
    fn tell(&self, part: RawJson<'_>, message: &Message<'_>, own: impl Fn(&Call) -> Option<String>) {
        let mut waiting = self.waiting();
        let Some(number) = number_of(part) else { return };
        let Some(call) = waiting.calls.get(&number) else { return };
        let Some(edit) = own(call).and_then(|own| message.replace(part, own)) else { return };
        let delivery = Delivery { message: splice(message.raw().as_bytes(), &[edit]).into(), is_response: false };
        if let Err(mpsc::error::TrySendError::Full(_)) = call.deliver.try_send(delivery) {
            // One slow reader must not hold up the pipe for all: its stream ends.
            waiting.calls.remove(&number);
        }
    }

    /// Log lines name no request. They are passed on only when there is no doubt whose they are.
    fn tell_the_only_one(&self, message: &Message<'_>) -> bool {
        let waiting = self.waiting();
        let mut listening = waiting.calls.values().filter(|call| call.wants_logs);
        let (Some(call), None) = (listening.next(), listening.next()) else { return false };
        // In the shared child of modern callers another caller's request may have caused the line.
        let alone = self.hub.is_some() || waiting.calls.values().all(|other| other.caller == call.caller);
        let delivery = Delivery { message: Bytes::copy_from_slice(message.raw().as_bytes()), is_response: false };
        alone && call.deliver.try_send(delivery).is_ok()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The next message for this request; `None` when the server has ended.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        let delivery = self.deliveries.recv().await;
        self.done = delivery.as_ref().is_none_or(|delivery| delivery.is_response);
        delivery
    }
}

impl Drop for Ticket {
    /// The one place that learns of a caller who went away while waiting.
    fn drop(&mut self) {
        if self.done || !self.cancels_when_dropped || self.peer.waiting().calls.remove(&self.number).is_none() {
            return;
        }
        let cancel = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{},"reason":"the client went away"}}}}"#,
            self.number
        );
        // Not at the price of waiting: a server whose input is full will notice nothing either way.
        let _ = self.peer.outbox.try_send(cancel.into());
    }
}

fn number_of(id: RawJson<'_>) -> Option<u64> {
    id.decode_integer().and_then(|number| u64::try_from(number).ok())
}

/// On a pipe a newline ends a message. In JSON it only ever stands between tokens, where a space says the same.
fn one_line(bytes: Bytes) -> Bytes {
    if !bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return bytes;
    }
    bytes.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect()
}

async fn write<W: AsyncWrite + Unpin>(mut pipe: W, mut letters: mpsc::Receiver<Bytes>, stop: CancellationToken) {
    loop {
        let line = tokio::select! {
            line = letters.recv() => line,
            () = stop.cancelled() => None,
        };
        let Some(line) = line else { break };
        if pipe.write_all(&line).await.is_err() || pipe.write_all(b"\n").await.is_err() || pipe.flush().await.is_err() {
            break;
        }
    }
    // Closing the input is how a server is asked to end; an error means that it has.
    let _ = pipe.shutdown().await;
}

/// Messages that may wait to be written to a server.
const OUTBOX: usize = 256;
/// Messages that may wait for one caller.
const DELIVERIES: usize = 256;
