//! How does the program die with `claviger run`? Between the two stands, for a moment, this process: it asks the system for a deadly signal when its parent ends, and
//! then becomes the program. The wish outlives the change (prctl(2)).

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::program::cannot_start;
use crate::cli::RunChildArguments;
use crate::voice::{self, Exit, Report};

/// Becomes the program. Returns only when it could not.
pub(crate) fn become_program(arguments: &RunChildArguments) -> Report {
    let Some((name, rest)) = arguments.program.split_first() else { return Report::new(Exit::Usage, "there is no program to become") };
    if let Err(errno) = die_with_parent() {
        return Report::new(Exit::Internal, "cannot tie the program to `claviger run`").caused_by(&errno);
    }
    // It may have ended before the wish was made.
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
    if parent.and_then(|parent| u32::try_from(parent).ok()) != Some(arguments.supervisor) {
        return Report::new(Exit::Internal, "`claviger run` is gone");
    }
    cannot_start(&voice::plain(&name.to_string_lossy()), &Command::new(name).args(rest).exec())
}

#[cfg(target_os = "linux")]
fn die_with_parent() -> rustix::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
}

/// Elsewhere nothing tells a program that its parent is gone.
#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> rustix::io::Result<()> {
    Ok(())
}
