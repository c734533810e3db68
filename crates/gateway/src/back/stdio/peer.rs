//! One server on a pipe: what goes in, and who waits for what comes out (`inbox` reads it).
//!
//! Callers share a pipe, and their JSON-RPC ids collide all the time. So every request goes out under a number of the door's own, which is
//! also its progress token; what comes back under that number gets the caller's own id and token again. So do a server's questions on their
//! way to a client: a server that starts again counts from the same number, and an old answer must not meet a new question. Nothing else is
//! touched.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use broker::credential::Stamp;
use bytes::Bytes;
use mcp::envelope::{Message, Meta, Params};
use mcp::error_code;
use mcp::method;
use mcp::raw::RawJson;
use mcp::splice::{Edit, splice};
use policy::Permit;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::call::{Asking, Call, Ending, Ticket};
use super::hub::Hub;
use super::launch::Ledger;
use super::line::Lines;
use super::lock;
use super::process::Life;
use super::stderr::Masker;
use crate::back::BackFailure;
use crate::back::failure::Scarce;
use crate::principal::PrincipalKey;

/// A live connection to one server.
pub(super) struct Peer {
    outbox: mpsc::Sender<Bytes>,
    waiting: Mutex<Waiting>,
    numbers: AtomicU64,
    pub(super) life: Life,
    /// Whether the pipe broke before the server was told to end.
    pub(super) broke: AtomicBool,
    /// Whether `notifications/initialized` has gone out.
    initialized: AtomicBool,
    /// Whether another instance has taken over: what this one still says by itself, that one says too.
    pub(super) is_superseded: AtomicBool,
    /// How often the server said that its tools have changed.
    pub(super) tool_changes: AtomicU64,
    /// Where a legacy server's own words go; `None` for the shared modern server.
    pub(super) hub: Option<Arc<Hub>>,
    /// What the instance is called in the log, what of its words is masked there, and where its failures count.
    pub(super) origin: Origin,
}

/// Where a peer comes from.
pub(super) struct Origin {
    pub(super) server: Arc<str>,
    /// Of the call that had it started; an instance that takes over is given its secrets against the same.
    pub(super) permit: Permit,
    pub(super) masker: Arc<Masker>,
    pub(super) ledger: Ledger,
    /// The values that it was given.
    pub(super) stamp: Stamp,
    /// The longest message that is read, in bytes.
    pub(super) cap: usize,
}

/// Requests and questions on their way, by the door's numbers for them.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) calls: HashMap<u64, Call>,
    pub(super) questions: HashMap<u64, Question>,
    pub(super) closed: bool,
}

/// A question of the server, and to whom it was put.
pub(super) struct Question {
    /// The server's own id, as raw JSON.
    pub(super) id: String,
    /// The same in its one spelling.
    pub(super) canonical: String,
    pub(super) session: String,
    /// The request on whose stream it went; `None`: the session's own stream.
    pub(super) number: Option<u64>,
}

/// Whose request may be cancelled.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    /// A modern caller's.
    Caller(&'a PrincipalKey),
    /// A legacy session's.
    Session(&'a str),
}

impl Peer {
    /// Takes over a pipe. The tasks that read and write it end with the pipe or with `life`.
    pub(super) fn start<R, W>(pipe: (R, W), life: Life, hub: Option<Arc<Hub>>, origin: Origin) -> Arc<Self>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (peer, letters) = Self::hearing(pipe.0, life, hub, origin);
        tokio::spawn(write(Arc::clone(&peer), pipe.1, letters));
        peer
    }

    /// The same where what the server is told goes another way: it comes out of the receiver, line by line.
    pub(super) fn hearing<R>(reader: R, life: Life, hub: Option<Arc<Hub>>, origin: Origin) -> (Arc<Self>, mpsc::Receiver<Bytes>)
    where
        R: AsyncRead + Unpin + Send + 'static,
    {
        let (outbox, letters) = mpsc::channel(OUTBOX);
        let lines = Lines::new(reader, origin.cap);
        let peer = Arc::new(Self {
            outbox,
            waiting: Mutex::default(),
            numbers: AtomicU64::new(1),
            life,
            broke: AtomicBool::new(false),
            initialized: AtomicBool::new(false),
            is_superseded: AtomicBool::new(false),
            tool_changes: AtomicU64::new(0),
            hub,
            origin,
        });
        tokio::spawn(Arc::clone(&peer).read(lines));
        (peer, letters)
    }

    /// Whether the pipe is still open.
    pub(super) fn is_open(&self) -> bool {
        !self.waiting().closed && !self.life.stop.is_cancelled() && !self.life.ended.is_cancelled()
    }

    /// Asks the server to end.
    pub(super) fn stop(&self) {
        self.life.stop.cancel();
    }

    /// Gives the server up: it can be told nothing more.
    pub(super) fn break_off(&self) {
        self.broke.store(true, Ordering::Relaxed);
        self.stop();
    }

    /// Whether nothing is under way in either direction.
    pub(super) fn has_nothing_to_do(&self) -> bool {
        let waiting = self.waiting();
        waiting.questions.is_empty() && waiting.calls.values().all(Call::is_abandoned)
    }

    /// Whether nobody waits for an answer. Requests whose callers have gone keep a server busy for `patience` and no longer.
    pub(super) fn is_idle(&self, patience: Duration) -> bool {
        self.waiting().is_idle(patience)
    }

    /// Asks the server to end if it is idle. Nothing comes in between: a request that is too late for this server is refused, not lost.
    pub(super) fn stop_if_idle(&self, patience: Duration) -> bool {
        {
            let mut waiting = self.waiting();
            if !waiting.is_idle(patience) {
                return false;
            }
            waiting.closed = true;
        }
        self.stop();
        true
    }

    /// Puts a request in under a number of ours. A failure means that the server has not got it.
    pub(super) async fn ask(self: &Arc<Self>, message: &Message<'_>, asking: Asking<'_>) -> Result<Ticket, BackFailure> {
        let number = self.next_number();
        let (call, ticket) = Call::new(self, number, message, &asking).ok_or(BackFailure::BadAnswer)?;
        self.put_in(number, call, message).await?;
        Ok(ticket)
    }

    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes a request under its number and sends it.
    pub(super) async fn put_in(&self, number: u64, call: Call, message: &Message<'_>) -> Result<(), BackFailure> {
        {
            let mut waiting = self.waiting();
            if waiting.closed {
                return Err(BackFailure::Crashed);
            }
            if waiting.calls.len() >= CALLS {
                waiting.calls.retain(|_, call| !call.is_abandoned());
            }
            if waiting.calls.len() >= CALLS {
                return Err(BackFailure::Busy(Scarce::Calls));
            }
            waiting.calls.insert(number, call);
        }
        let token = message.meta().and_then(Meta::progress_token);
        let edits: Vec<Edit> =
            [message.id(), token].into_iter().flatten().filter_map(|part| message.replace(part, number.to_string())).collect();
        let sent = self.send(splice(message.raw().as_bytes(), &edits).into()).await;
        sent.inspect_err(|_| self.end(number, Ending::Crashed))
    }

    /// Passes a notification or a response on as it is.
    pub(super) async fn pass(&self, message: &Message<'_>) -> Result<(), BackFailure> {
        if message.method() == Some(method::NOTIFICATIONS_INITIALIZED) && self.initialized.swap(true, Ordering::Relaxed) {
            // Another session of this caller has said it already; the server is told once.
            return Ok(());
        }
        self.send(Bytes::copy_from_slice(message.raw().as_bytes())).await
    }

    /// Passes a session's answer to a question of the server on, if the question was put to that session.
    pub(super) async fn reply(&self, session: &str, message: &Message<'_>) -> Result<(), BackFailure> {
        let id = message.id().ok_or(BackFailure::NotAsked)?;
        let number = number_of(id).ok_or(BackFailure::NotAsked)?;
        let question = {
            let mut waiting = self.waiting();
            if waiting.questions.get(&number).is_none_or(|question| question.session != session) {
                return Err(BackFailure::NotAsked);
            }
            waiting.questions.remove(&number)
        };
        let edit = question.and_then(|question| message.replace(id, question.id)).ok_or(BackFailure::NotAsked)?;
        self.send(splice(message.raw().as_bytes(), &[edit]).into()).await
    }

    /// Passes a caller's `notifications/cancelled` on under our number. One that names no request of theirs goes nowhere, and so does one
    /// that names several: clients that use one id for everything are known, and to end the wrong request is worse than to end none.
    pub(super) async fn cancel(self: &Arc<Self>, owner: Owner<'_>, message: &Message<'_>) -> Result<(), BackFailure> {
        let Some(request) = message.params().and_then(Params::request_id) else { return Ok(()) };
        let Some(number) = self.number_under(owner, &request.canonical()) else { return Ok(()) };
        let Some(edit) = message.replace(request, number.to_string()) else { return Ok(()) };
        self.send(splice(message.raw().as_bytes(), &[edit]).into()).await?;
        // A server need not answer what was cancelled; the caller's request ends all the same.
        let peer = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(LAST_WORDS) => peer.end(number, Ending::Cancelled),
                () = peer.life.ended.cancelled() => {}
            }
        });
        Ok(())
    }

    /// Forgets a session that has ended: its requests end, and the server learns that nobody will answer what it asked there.
    pub(super) fn forget(&self, session: &str) {
        let (calls, questions) = {
            let mut waiting = self.waiting();
            let calls: Vec<Call> =
                waiting.calls.extract_if(|_, call| call.session.as_deref() == Some(session)).map(|(_, call)| call).collect();
            let questions: Vec<String> =
                waiting.questions.extract_if(|_, question| question.session == session).map(|(_, question)| question.id).collect();
            (calls, questions)
        };
        for call in calls {
            call.end(Ending::SessionGone);
        }
        for id in questions {
            self.refuse(&id);
        }
    }

    /// Ends a request without a response.
    pub(super) fn end(&self, number: u64, ending: Ending) {
        let call = self.waiting().calls.remove(&number);
        if let Some(call) = call {
            call.end(ending);
        }
    }

    /// Ends a request whose caller is gone, and tells the server.
    pub(super) fn abandon(&self, number: u64) {
        if self.waiting().calls.remove(&number).is_none() {
            return;
        }
        let cancel = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{number},"reason":"the client went away"}}}}"#
        );
        self.mention(cancel.into());
    }

    /// Tells the server that a question of its own gets no answer. `id` is raw JSON.
    pub(super) fn refuse(&self, id: &str) {
        let code = error_code::INTERNAL_ERROR;
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"no client is there to ask"}}}}"#);
        self.mention(answer.into());
    }

    /// Says something to the server, but not at the price of waiting: one that does not read its input will notice nothing either way.
    pub(super) fn mention(&self, line: Bytes) {
        let _ = self.outbox.try_send(line);
    }

    pub(super) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    /// The one request of `owner` with this id, if there is one and only one.
    fn number_under(&self, owner: Owner<'_>, canonical: &str) -> Option<u64> {
        let waiting = self.waiting();
        let mut named = waiting.calls.iter().filter(|(_, call)| {
            let is_theirs = match owner {
                Owner::Caller(caller) => call.session.is_none() && call.caller == *caller,
                Owner::Session(session) => call.session.as_deref() == Some(session),
            };
            is_theirs && call.canonical == canonical
        });
        match (named.next(), named.next()) {
            (Some((number, _)), None) => Some(*number),
            _ => None,
        }
    }

    async fn send(&self, line: Bytes) -> Result<(), BackFailure> {
        tokio::select! {
            sent = self.outbox.send(one_line(line)) => sent.map_err(|_| BackFailure::Crashed),
            () = self.life.stop.cancelled() => Err(BackFailure::Stopping),
            () = tokio::time::sleep(READS_WITHIN) => Err(BackFailure::TimedOut { after: READS_WITHIN }),
        }
    }
}

impl Waiting {
    fn is_idle(&self, patience: Duration) -> bool {
        self.calls.values().all(|call| call.is_abandoned() && call.age() >= patience)
    }
}

/// One of our numbers, as the other side says it back.
pub(super) fn number_of(id: RawJson<'_>) -> Option<u64> {
    id.decode_integer().and_then(|number| u64::try_from(number).ok())
}

/// On a pipe a newline ends a message. In JSON it only ever stands between tokens, where a space says the same.
fn one_line(bytes: Bytes) -> Bytes {
    if !bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return bytes;
    }
    bytes.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect()
}

async fn write<W: AsyncWrite + Unpin>(peer: Arc<Peer>, mut pipe: W, mut letters: mpsc::Receiver<Bytes>) {
    let writing = async {
        while let Some(line) = letters.recv().await {
            pipe.write_all(&line).await?;
            pipe.write_all(b"\n").await?;
            pipe.flush().await?;
        }
        Ok::<(), std::io::Error>(())
    };
    // A server that does not read must not keep us from closing its input.
    tokio::select! {
        result = writing => if result.is_err() {
            peer.break_off();
        },
        () = peer.life.stop.cancelled() => {}
    }
    // Closing the input is how a server is asked to end; an error means that it has.
    let _ = pipe.shutdown().await;
}

/// Messages that may wait to be written to a server.
const OUTBOX: usize = 64;

/// Requests that one server may have at once, those of callers who have gone included.
const CALLS: usize = 4096;

/// How long a server may leave its input unread while somebody has something to say.
const READS_WITHIN: Duration = Duration::from_secs(30);

/// How long a server may take to answer a request that was cancelled.
const LAST_WORDS: Duration = Duration::from_secs(3);
