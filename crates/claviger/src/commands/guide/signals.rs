//! What does a signal do while keys change places? Nothing by itself: it ends what may be ended, and waits where a key would be lost.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::voice::{Exit, Report};

/// Ctrl-C, a lost terminal, and an order to end, from now on.
pub(super) struct Signals {
    interrupt: Signal,
    hang_up: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on none of them ends the process.
    pub(super) fn listen() -> Result<Self, Report> {
        let failed = |error: io::Error| Report::new(Exit::Internal, "cannot listen for signals").caused_by(&error);
        let listen = |kind| signal(kind).map_err(failed);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// What the work gives, unless a signal comes first; then the work is dropped.
    pub(super) async fn unless<T>(mut self, work: impl Future<Output = T>) -> Result<T, Report> {
        let interrupted = || Report::new(Exit::Failure, "interrupted").hint("the same command goes on from here");
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Err(interrupted()),
            _ = self.hang_up.recv() => Err(interrupted()),
            _ = self.terminate.recv() => Err(interrupted()),
            outcome = work => Ok(outcome),
        }
    }
}
