//! Which signals are passed on to the program? Those that people and service managers send. On a terminal, some the program has already: the terminal sends
//! them to everybody in the foreground, and once is enough.

use std::future::poll_fn;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::task::Poll;

use rustix::process::Signal;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// The signals that come to us.
pub(crate) struct Signals(Vec<(Signal, Stream)>);

impl Signals {
    /// Listens from now on; none of them does anything by itself any more.
    pub(crate) fn listen() -> io::Result<Self> {
        PASSED_ON.iter().map(|each| Ok((*each, signal(SignalKind::from_raw(each.as_raw()))?))).collect::<io::Result<_>>().map(Self)
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let arrived = self.0.iter_mut().find_map(|(signal, stream)| stream.poll_recv(context).is_ready().then_some(*signal));
            arrived.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Whether a terminal is one of our standard streams.
pub(crate) fn has_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

/// Whether the terminal has sent this to the program as well, which is in our process group.
pub(crate) fn came_from_terminal(signal: Signal) -> bool {
    let own = Some(rustix::process::getpgrp());
    let is_foreground = || {
        [
            rustix::termios::tcgetpgrp(io::stdin().as_fd()),
            rustix::termios::tcgetpgrp(io::stdout().as_fd()),
            rustix::termios::tcgetpgrp(io::stderr().as_fd()),
        ]
        .into_iter()
        .any(|group| group.ok() == own)
    };
    OF_TERMINAL.contains(&signal) && is_foreground()
}

const PASSED_ON: [Signal; 9] =
    [Signal::CONT, Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::TSTP, Signal::USR1, Signal::USR2, Signal::WINCH];
const OF_TERMINAL: [Signal; 4] = [Signal::INT, Signal::QUIT, Signal::TSTP, Signal::WINCH];
