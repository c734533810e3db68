//! Servers on a pipe: programs, and our own in-process ones.
//!
//! A legacy server keeps state for its one client, so each caller has one of their own, shared by their sessions that opened it in the same
//! words. A modern server keeps none, so one is shared by all.

mod answer;
mod backoff;
pub mod failure;
pub mod guard;
mod hub;
mod legacy;
mod line;
mod peer;
mod process;
mod stderr;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::Resolver;
use bytes::Bytes;
use mcp::envelope::Message;
use mcp::era::Era;
use policy::Permit;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::answer::answer;
use self::backoff::Backoff;
use self::failure::{BackFailure, Scarce};
use self::hub::Hub;
use self::legacy::Group;
use self::peer::{Asking, Peer};
use self::process::{Life, Started};
use crate::back::probe::{Eras, PROBE};
use crate::config::{Builtin, Limits, Process, Protocol, ServerName, Timeouts, Upstream};
use crate::principal::PrincipalKey;

/// One server on a pipe, with as many instances as its callers need.
pub struct StdioBack {
    launch: Launch,
    pub(super) limits: StdioLimits,
    protocol: Protocol,
    /// Who keeps what: legacy instances by caller and opening words.
    groups: Mutex<HashMap<GroupKey, Arc<Group>>>,
    sessions: Mutex<HashMap<String, Arc<Group>>>,
    modern: tokio::sync::Mutex<Option<Arc<Peer>>>,
    eras: Mutex<Option<Eras>>,
    closing: CancellationToken,
}

/// A caller, and a hash of the words in which the session was opened.
type GroupKey = (PrincipalKey, [u8; 32]);

/// What there is and how much of it.
#[derive(Clone, Debug)]
pub(super) struct StdioLimits {
    children: usize,
    sessions_per_caller: usize,
    idle: Duration,
    call: Duration,
    probe: Duration,
}

/// How an instance is made.
struct Launch {
    server: Arc<str>,
    kind: Kind,
    resolver: Arc<Resolver>,
    message_bytes: usize,
    backoff: Mutex<Backoff>,
}

enum Kind {
    Builtin(Builtin),
    Process(Process),
}

/// What comes back for one message.
pub enum Answer {
    /// Nothing to say.
    Accepted,
    /// One whole message and its status.
    Json {
        /// 200, or what the modern wire wants for this error.
        status: http::StatusCode,
        /// The message.
        body: Bytes,
    },
    /// Frames of an event stream, ready to send.
    Stream {
        /// Ends when the server has said all, or has ended.
        events: mpsc::Receiver<Bytes>,
    },
}

/// The answer to `initialize`.
pub struct Opened {
    /// What the server said.
    pub answer: Answer,
    /// The door's own id for the session, if one was opened.
    pub session: Option<String>,
}

impl StdioBack {
    /// Prepares a server; nothing is started before somebody calls. Must run inside the runtime, for the reaper of idle instances.
    pub(crate) fn for_upstream(
        name: &ServerName,
        upstream: (Upstream, Protocol),
        resolver: &Arc<Resolver>,
        limits: &Limits,
        timeouts: &Timeouts,
    ) -> Option<Arc<Self>> {
        let kind = match upstream.0 {
            Upstream::Builtin(start) => Kind::Builtin(start),
            Upstream::Process(process) => Kind::Process(process),
            Upstream::Http { .. } => return None,
        };
        let launch = Launch {
            server: name.as_str().into(),
            kind,
            resolver: Arc::clone(resolver),
            message_bytes: limits.message_bytes,
            backoff: Mutex::default(),
        };
        let limits = StdioLimits {
            children: limits.children.get() as usize,
            sessions_per_caller: limits.sessions_per_caller.get() as usize,
            idle: timeouts.idle,
            call: timeouts.call,
            probe: timeouts.probe,
        };
        let back = Arc::new(Self {
            launch,
            limits,
            protocol: upstream.1,
            groups: Mutex::default(),
            sessions: Mutex::default(),
            modern: tokio::sync::Mutex::default(),
            eras: Mutex::default(),
            closing: CancellationToken::new(),
        });
        tokio::spawn(reap(Arc::downgrade(&back), back.closing.clone()));
        Some(back)
    }

    /// Sends a modern message to the instance that all callers share.
    pub async fn send_modern(
        &self,
        permit: &Permit,
        who: &PrincipalKey,
        message: &Message<'_>,
        requested: &str,
    ) -> Result<Answer, BackFailure> {
        let impossible = || BackFailure::ImpossiblePair { upstream: Era::Legacy, caller: Era::Modern, requested: requested.to_owned() };
        // What is known is not asked again: no instance is started only to be refused.
        if self.known_eras().is_some_and(|eras| !eras.modern) {
            return Err(impossible());
        }
        let peer = self.modern_peer(permit).await?;
        if !self.eras_of(&peer, who).await?.modern {
            peer.life.stop.cancel();
            return Err(impossible());
        }
        if message.id().is_none() {
            peer.pass(message).await?;
            return Ok(Answer::Accepted);
        }
        let wants_logs = message.meta().is_some_and(|meta| meta.log_level().is_some());
        let asking = Asking { caller: who, session: None, wants_logs, cancels_when_dropped: true };
        let ticket = peer.ask(message, asking).await?;
        answer(ticket, message, self.limits.call, Era::Modern).await
    }

    /// Why nothing can be started just now, for the operator.
    pub fn trouble(&self) -> Option<String> {
        let wait = lock(&self.launch.backoff).wait(Instant::now());
        (!wait.is_zero()).then(|| format!("it failed and is not started again for {} ms", wait.as_millis()))
    }

    /// Ends every instance: politely, then not.
    pub async fn shutdown(&self, patience: Duration) {
        self.closing.cancel();
        let mut peers: Vec<Arc<Peer>> = self.modern.lock().await.take().into_iter().collect();
        let groups: Vec<Arc<Group>> = lock(&self.groups).drain().map(|(_, group)| group).collect();
        lock(&self.sessions).clear();
        for group in groups {
            peers.extend(group.retire().await);
        }
        for peer in &peers {
            peer.life.stop.cancel();
        }
        let all = async {
            for peer in &peers {
                peer.life.ended.cancelled().await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            for peer in &peers {
                peer.life.kill.cancel();
            }
        }
    }

    async fn modern_peer(&self, permit: &Permit) -> Result<Arc<Peer>, BackFailure> {
        let mut modern = self.modern.lock().await;
        if let Some(peer) = modern.as_ref().filter(|peer| peer.is_open()) {
            return Ok(Arc::clone(peer));
        }
        self.room_for_one_more()?;
        let peer = self.launch.start(permit, None).await?;
        *modern = Some(Arc::clone(&peer));
        Ok(peer)
    }

    /// What the configuration or an earlier answer says about the server.
    fn known_eras(&self) -> Option<Eras> {
        match self.protocol {
            Protocol::Auto => *lock(&self.eras),
            Protocol::Legacy => Some(Eras::LEGACY),
            Protocol::Modern => Some(Eras::MODERN),
        }
    }

    async fn eras_of(&self, peer: &Arc<Peer>, who: &PrincipalKey) -> Result<Eras, BackFailure> {
        if let Some(known) = self.known_eras() {
            return Ok(known);
        }
        let question = Message::parse(PROBE).map_err(|_| BackFailure::BadAnswer)?;
        let asking = Asking { caller: who, session: None, wants_logs: false, cancels_when_dropped: true };
        let mut ticket = peer.ask(&question, asking).await?;
        let eras = match tokio::time::timeout(self.limits.probe, ticket.next()).await {
            Ok(Some(delivery)) => Eras::of_answer(&delivery.message),
            // Silent legacy servers are known; whoever ends over the question is one as well.
            Ok(None) | Err(_) => Eras::LEGACY,
        };
        *lock(&self.eras) = Some(eras);
        Ok(eras)
    }

    fn room_for_one_more(&self) -> Result<(), BackFailure> {
        if self.closing.is_cancelled() {
            return Err(BackFailure::Stopping);
        }
        let live = lock(&self.groups).values().filter(|group| group.is_live()).count();
        if live >= self.limits.children { Err(BackFailure::Busy(Scarce::Children)) } else { Ok(()) }
    }
}

impl Launch {
    /// Starts an instance, unless the last ones failed too short a time ago.
    async fn start(&self, permit: &Permit, hub: Option<Arc<Hub>>) -> Result<Arc<Peer>, BackFailure> {
        let retry_after = lock(&self.backoff).wait(Instant::now());
        if !retry_after.is_zero() {
            return Err(BackFailure::Unavailable { retry_after });
        }
        let life = Life::default();
        let server = Arc::clone(&self.server);
        match &self.kind {
            Kind::Builtin(start) => {
                let pipe = tokio::io::split(start());
                // There is no process to wait for: it has ended when its pipe is closed.
                life.ended.cancel();
                Ok(Peer::start(server, pipe, life, hub, Arc::default(), self.message_bytes))
            }
            Kind::Process(process) => match process::start(&server, process, &self.resolver, permit, &life).await {
                Ok(Started { stdin, stdout, masker }) => Ok(Peer::start(server, (stdout, stdin), life, hub, masker, self.message_bytes)),
                Err(failure) => {
                    self.failed();
                    Err(failure)
                }
            },
        }
    }

    /// Counts an instance that ended before it was told to.
    fn failed(&self) {
        let mut jitter = [0];
        // Without randomness all wait alike, which is no harm.
        let _ = aws_lc_rs::rand::fill(&mut jitter);
        let [jitter] = jitter;
        lock(&self.backoff).failed(Instant::now(), jitter);
    }

    fn succeeded(&self) {
        lock(&self.backoff).succeeded();
    }
}

/// Ends instances that nobody has used for a while; ends itself with the back.
async fn reap(back: std::sync::Weak<StdioBack>, closing: CancellationToken) {
    loop {
        let Some(pause) = back.upgrade().map(|back| (back.limits.idle / 4).max(Duration::from_secs(1))) else { return };
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let Some(back) = back.upgrade() else { return };
        back.reap_legacy().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
