//! What ends a command before it is done? Ctrl-C, or TERM from whoever looks after it. The work is dropped where it stands; what it was lent is given back all
//! the same (see [`crate::config::secrets::Secrets::lend`]).

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::voice::{Exit, Report};

/// The signals that mean the end.
pub(crate) struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    /// Listens from now on; neither signal ends the process by itself any more.
    pub(crate) fn listen() -> Result<Self, Report> {
        let listen = |kind| signal(kind).map_err(|error| Report::new(Exit::Internal, "cannot listen for signals").caused_by(&error));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next one, and gives the code to end with.
    pub(crate) async fn come(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }

    /// Does work to its end, or until a signal comes. One that has come already is seen before the work begins.
    pub(crate) async fn unless_it_comes<T>(&mut self, work: impl Future<Output = Result<T, Report>>) -> Result<T, Report> {
        tokio::select! {
            biased;
            exit = self.come() => Err(Report::new(exit, "given up")),
            outcome = work => outcome,
        }
    }
}
