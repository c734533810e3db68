//! The program while it runs: one process, told what we are told, waited for, and ended when it must be.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::signals::{Signals, came_from_terminal, has_terminal};

/// A program, and the signals that are passed on to it.
pub(crate) struct Child {
    /// `None` before it is started and after its end: then the number may be somebody else's.
    process: Option<Pid>,
    /// On a terminal it stays in our process group, so that Ctrl-C, Ctrl-Z and pipes work as if we were not there; elsewhere it leads a group of its own.
    has_own_group: bool,
    news: Stream,
    signals: Signals,
    is_being_ended: bool,
    is_told_to_end: bool,
}

impl Child {
    /// Listens for what concerns it, from before its start on.
    pub(crate) fn prepare() -> io::Result<Self> {
        Ok(Self {
            process: None,
            has_own_group: !has_terminal(),
            news: signal(SignalKind::child())?,
            signals: Signals::listen()?,
            is_being_ended: false,
            is_told_to_end: false,
        })
    }

    /// Starts it.
    pub(crate) fn start(&mut self, mut command: Command) -> io::Result<()> {
        if self.has_own_group {
            command.process_group(0);
        }
        let spawned = command.spawn()?;
        self.process = i32::try_from(spawned.id()).ok().and_then(Pid::from_raw);
        self.is_being_ended = false;
        Ok(())
    }

    /// Awaits something while signals are passed on. An error is the program's end, if that comes first.
    pub(crate) async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Result<T, WaitStatus> {
        let mut future = std::pin::pin!(future);
        loop {
            if let Some(status) = self.ended() {
                return Err(status);
            }
            tokio::select! {
                done = &mut future => return Ok(done),
                _ = self.news.recv() => {}
                signal = self.signals.next() => self.pass_on(signal),
            }
        }
    }

    /// Ends it, and with it what it started in its group: TERM, and KILL when that has no effect for [`GRACE`].
    pub(crate) async fn end(&mut self) -> WaitStatus {
        let target = self.target();
        target.send(Signal::TERM);
        self.is_being_ended = true;
        let ended = self.meanwhile(tokio::time::sleep(GRACE)).await;
        // Whatever is left in the group still has the old values.
        target.send(Signal::KILL);
        match ended {
            Err(status) => status,
            Ok(()) => loop {
                if let Err(status) = self.meanwhile(std::future::pending::<()>()).await {
                    return status;
                }
            },
        }
    }

    /// Sends it a signal.
    pub(crate) fn send(&self, signal: Signal) {
        Target::Process(self.process).send(signal);
    }

    /// Whether somebody wants it to end for good.
    pub(crate) fn is_told_to_end(&self) -> bool {
        self.is_told_to_end
    }

    fn pass_on(&mut self, signal: Signal) {
        let means_the_end = signal == Signal::TERM || (self.is_being_ended && ENDING.contains(&signal));
        self.is_told_to_end |= means_the_end;
        if self.has_own_group || !came_from_terminal(signal) {
            self.send(signal);
        }
        if signal == Signal::TSTP {
            // Whoever waits for us shall see that the work has stopped. CONT wakes us, and is passed on.
            let _refused = kill_process(rustix::process::getpid(), Signal::STOP);
        }
    }

    fn target(&self) -> Target {
        if self.has_own_group { Target::Group(self.process) } else { Target::Process(self.process) }
    }

    fn ended(&mut self) -> Option<WaitStatus> {
        let (_, status) = rustix::process::waitpid(self.process, WaitOptions::NOHANG).ok().flatten()?;
        self.process = None;
        Some(status)
    }
}

/// Whom a signal is for.
#[derive(Clone, Copy)]
enum Target {
    /// All in the group that this process leads. Its number stays taken while anybody is in it.
    Group(Option<Pid>),
    /// This process alone.
    Process(Option<Pid>),
}

impl Target {
    /// Whoever is gone already needs no signal.
    fn send(self, signal: Signal) {
        let _gone = match self {
            Self::Group(Some(leader)) => kill_process_group(leader, signal),
            Self::Process(Some(process)) => kill_process(process, signal),
            Self::Group(None) | Self::Process(None) => Ok(()),
        };
    }
}

/// What means the end while the program is being ended anyway; otherwise the program is asked what it means.
const ENDING: [Signal; 3] = [Signal::HUP, Signal::INT, Signal::QUIT];

/// How long a program may take to end before it is started again.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
