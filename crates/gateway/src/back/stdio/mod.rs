//! Servers on a pipe: programs, and our own in-process ones.
//!
//! A legacy server keeps state for its one client, so each caller has one of their own, shared by their sessions that opened it in the same
//! words. A modern server keeps none, so one is shared by all.

mod answer;
mod backoff;
mod call;
mod group;
pub mod guard;
mod hub;
mod inbox;
mod launch;
mod legacy;
mod line;
mod modern;
mod peer;
mod process;
mod renew;
mod stderr;
mod table;
#[cfg(test)]
mod tests;
mod toolbox;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use broker::Resolver;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::group::{Group, GroupKey};
use self::launch::{Failures, Kind, Launch};
use self::modern::{Known, Shared};
use self::process::Program;
use self::table::Held;
use crate::back::EraBook;
use crate::config::{Limits, Protocol, ServerName, Timeouts, Upstream};

/// One server on a pipe, with as many instances as its callers need.
pub struct StdioBack {
    me: Weak<Self>,
    launch: Launch,
    limits: StdioLimits,
    protocol: Protocol,
    /// Who keeps what: legacy instances by caller and opening words.
    groups: Mutex<HashMap<GroupKey, Arc<Group>>>,
    sessions: Mutex<HashMap<String, Held>>,
    modern: tokio::sync::Mutex<Option<Arc<Shared>>>,
    /// Ends of the shared instance after it had worked.
    crashes: Failures,
    eras: Arc<Mutex<Known>>,
    era_book: EraBook,
    /// Whether an `initialize` was ever answered with a result.
    legacy_works: Mutex<bool>,
    /// Whether a task looks after the secrets that instances were given.
    is_looked_after: Mutex<bool>,
    closing: CancellationToken,
}

/// What there is and how much of it.
#[derive(Clone, Debug)]
struct StdioLimits {
    children: usize,
    sessions_per_caller: usize,
    idle: Duration,
    call: Duration,
    probe: Duration,
}

/// What comes back for one message.
#[derive(Debug)]
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
#[derive(Debug)]
pub struct Opened {
    /// What the server said.
    pub answer: Answer,
    /// The door's own id for the session, if one was opened.
    pub session: Option<String>,
}

impl StdioBack {
    /// Prepares a server; nothing is started before somebody calls. `None` for an upstream that is not on a pipe. Must run inside the runtime,
    /// for the reaper of idle instances.
    pub fn for_upstream(
        name: &ServerName,
        upstream: (Upstream, Protocol),
        resolver: &Arc<Resolver>,
        limits: &Limits,
        timeouts: &Timeouts,
        era_book: EraBook,
    ) -> Option<Arc<Self>> {
        let kind = match upstream.0 {
            Upstream::Builtin(start) => Kind::Builtin(start),
            Upstream::Process(process) => Kind::Process(Program::new(process, resolver)),
            Upstream::Http { .. } => return None,
        };
        let message_bytes = limits.message_bytes;
        let limits = StdioLimits {
            children: limits.children.get() as usize,
            sessions_per_caller: limits.sessions_per_caller.get() as usize,
            idle: timeouts.idle,
            call: timeouts.call,
            probe: timeouts.probe,
        };
        let back = Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            launch: Launch::new(name.as_str().into(), kind, message_bytes, limits.children),
            limits,
            protocol: upstream.1,
            groups: Mutex::default(),
            sessions: Mutex::default(),
            modern: tokio::sync::Mutex::default(),
            crashes: Failures::default(),
            eras: Arc::default(),
            era_book,
            legacy_works: Mutex::default(),
            is_looked_after: Mutex::default(),
            closing: CancellationToken::new(),
        });
        tokio::spawn(reap(Arc::downgrade(&back), back.closing.clone()));
        Some(back)
    }

    /// Why nothing can be started just now, for the operator.
    pub fn trouble(&self) -> Option<String> {
        let wait = self.launch.wait().max(lock(&self.crashes).wait(tokio::time::Instant::now()));
        let failed = (!wait.is_zero()).then(|| format!("it failed and is not started again for {} ms", wait.as_millis()));
        failed.or_else(|| self.launch.program()?.missing().map(|missing| missing.to_string()))
    }

    /// Ends every instance: politely, and after `patience` not. Returns when all are gone.
    pub async fn shutdown(&self, patience: Duration) {
        self.closing.cancel();
        self.clear();
        self.launch.shutdown(patience).await;
    }
}

impl Drop for StdioBack {
    /// Children do not outlive the last who could call them.
    fn drop(&mut self) {
        self.closing.cancel();
        self.launch.stop();
    }
}

/// Ends instances that nobody has used for a while; ends itself with the back.
async fn reap(back: Weak<StdioBack>, closing: CancellationToken) {
    loop {
        let Some(pause) = back.upgrade().map(|back| (back.limits.idle / 4).max(SHORTEST_ROUND)) else { return };
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let Some(back) = back.upgrade() else { return };
        back.reap_legacy();
        back.reap_modern();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHORTEST_ROUND: Duration = Duration::from_millis(100);
