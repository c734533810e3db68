//! How does a new value reach the program? By a new start, by a file and a signal, or through a socket.

use std::process::Command;

use rustix::process::{Signal, WaitStatus};

use super::child::Child;
use super::hand_over::{HandOver, TheirEnd};
use super::program::{Filled, Program, cannot_start};
use super::secrets_file::SecretsFile;
use crate::cli::{OnRotation, RotationSignal, RunArguments};
use crate::config::env::{SECRETS_FD, SECRETS_FILE, Surroundings};
use crate::hardening::CoreLimit;
use crate::voice::{self, Exit, Report};

/// What is done about a new value.
pub(crate) enum Delivery {
    /// Through a socket.
    HandOver(HandOver),
    /// The program is started again.
    Restart,
    /// A file is written and a signal sent.
    Signal(SecretsFile, Signal),
}

/// How the program is started, each time.
pub(crate) struct Start<'s> {
    pub(crate) program: &'s Program,
    pub(crate) around: &'s Surroundings,
    pub(crate) core_limit: CoreLimit,
}

impl Delivery {
    /// What the flags say, and the program's end of the socket if there is one.
    pub(crate) fn prepare(arguments: &RunArguments, around: &Surroundings) -> Result<(Self, Option<TheirEnd>), Report> {
        match arguments.on_rotation {
            OnRotation::HandOver => {
                let (ours, theirs) =
                    HandOver::prepare().map_err(|error| Report::new(Exit::Internal, "cannot make a socket").caused_by(&error))?;
                Ok((Self::HandOver(ours), Some(theirs)))
            }
            // A program that is left alone is not supervised in the first place.
            OnRotation::Leave | OnRotation::Restart => Ok((Self::Restart, None)),
            OnRotation::Signal => {
                let signal = arguments.signal.unwrap_or(RotationSignal::Hup).into();
                Ok((Self::Signal(SecretsFile::prepare(around)?, signal), None))
            }
        }
    }

    /// Starts the program with these values.
    pub(crate) fn start(&self, start: &Start<'_>, filled: &Filled, theirs: Option<&TheirEnd>, child: &mut Child) -> Result<(), Report> {
        let mut command = start.command(filled);
        if let Self::Signal(file, _) = self {
            file.write(start.program.secrets(filled))
                .map_err(|error| Report::new(Exit::InputOutput, "cannot write the file of the values").caused_by(&error))?;
            command.env(SECRETS_FILE, file.path());
        }
        if let Some(theirs) = theirs {
            command.env(SECRETS_FD, theirs.number().to_string());
        }
        start.core_limit.lift();
        let started = child.start(command);
        start.core_limit.lower();
        started.map_err(|error| cannot_start(&start.program.name(), &error))
    }

    /// Brings the program the new values of the variables that changed. Gives the program's end, if it came to that.
    pub(crate) async fn deliver(
        &mut self,
        start: &Start<'_>,
        filled: &Filled,
        changed: &[&str],
        child: &mut Child,
    ) -> Result<Option<WaitStatus>, Report> {
        match self {
            Self::HandOver(socket) => {
                for (name, value) in start.program.secrets(filled).filter(|(name, _)| changed.contains(name)) {
                    match child.meanwhile(socket.tell(name, value)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(failure)) => voice::warn(&format!("the program does not have the new value of `{name}`: {failure}")),
                        Err(status) => return Ok(Some(status)),
                    }
                }
            }
            Self::Restart => {
                if child.is_told_to_end() {
                    return Ok(None);
                }
                voice::talk(&format!("{}: starting `{}` again\n", said(changed), start.program.name()));
                let status = child.end().await;
                if child.is_told_to_end() {
                    return Ok(Some(status));
                }
                self.start(start, filled, None, child)?;
            }
            Self::Signal(file, signal) => match file.write(start.program.secrets(filled)) {
                Ok(()) => child.send(*signal),
                Err(error) => voice::warn(&format!("{}, and the file of the values cannot be written: {error}", said(changed))),
            },
        }
        Ok(None)
    }
}

impl Start<'_> {
    fn command(&self, filled: &Filled) -> Command {
        let id = std::process::id().to_string();
        let launcher = [self.around.program().as_os_str().to_owned(), "run-child".into(), id.into(), "--".into()];
        self.program.command(filled, &launcher)
    }
}

impl From<RotationSignal> for Signal {
    fn from(signal: RotationSignal) -> Self {
        match signal {
            RotationSignal::Hup => Self::HUP,
            RotationSignal::Int => Self::INT,
            RotationSignal::Quit => Self::QUIT,
            RotationSignal::Term => Self::TERM,
            RotationSignal::Usr1 => Self::USR1,
            RotationSignal::Usr2 => Self::USR2,
            RotationSignal::Winch => Self::WINCH,
        }
    }
}

fn said(changed: &[&str]) -> String {
    let names: Vec<String> = changed.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "an argument has a new value".to_owned(),
        [name] => format!("{name} has a new value"),
        names => format!("{} have new values", names.join(", ")),
    }
}
