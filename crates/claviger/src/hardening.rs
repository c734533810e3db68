//! How does this process keep its memory to itself? No core dump of it is written, and no other process of the same user can look into it: not with a debugger,
//! not through `/proc/<pid>/mem` or `/proc/<pid>/environ` (Linux).
//!
//! A program that we start is itself again: the kernel makes a process dumpable when it executes a program. It inherits the limit of core dumps, though, so
//! `run` lifts that for the programs of a person. The children of the door keep it: a core of theirs would hold the credentials that the door gave them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit of core dumps as we found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoreLimit(Rlimit);

/// To be called before any secret is read. That a system refuses is a warning and no failure: it was no better before.
pub(crate) fn harden() -> CoreLimit {
    let found = CoreLimit(getrlimit(Resource::Core));
    found.lower();
    if let Err(errno) = hide_memory() {
        crate::voice::warn(&format!("other processes of this user may look into the memory of this one: {errno}"));
    }
    found
}

impl CoreLimit {
    /// As it was found: before a program of somebody else's is started.
    pub(crate) fn lift(self) {
        set(self.0);
    }

    /// None, as long as it is not lifted.
    pub(crate) fn lower(self) {
        // The hard limit stays, for else it could never be lifted again.
        set(Rlimit { current: Some(0), maximum: self.0.maximum });
    }
}

fn set(limit: Rlimit) {
    if let Err(errno) = setrlimit(Resource::Core, limit) {
        crate::voice::warn(&format!("the limit of core dumps stays as it is: {errno}"));
    }
}

/// Undumpable (prctl(2)): also when a dump goes to a program, for which the limit does not count.
#[cfg(target_os = "linux")]
fn hide_memory() -> rustix::io::Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
}

/// Elsewhere the limit has to do.
#[cfg(not(target_os = "linux"))]
fn hide_memory() -> rustix::io::Result<()> {
    Ok(())
}
