//! Who ends a child when nobody is left to ask? A small process between the door and the program: it
//! shares the program's process group and kills all of it when the program ends or the door is gone,
//! even by `kill -9`. Orphans of the program come home to it, so that a program which leaves the
//! group does not escape either (Linux).

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

/// Runs `program` with this process's own standard streams and directory until it ends or the door
/// does, then kills what is left of the group, this process included.
///
/// `door_pid` is the process that must be our parent. On `SIGTERM` the program, which gets the
/// signal too, has [`GRACE`] to end; on `SIGUSR2` it has none. Returns only when the program was never started or the group
/// could not be killed; what went wrong is on standard error.
pub fn guard_main(door_pid: u32, program: &OsStr, arguments: &[OsString]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime
        .map_err(GuardFailure::Runtime)
        .and_then(|runtime| runtime.block_on(async { Guard::start(door_pid, program, arguments)?.watch().await }));
    let Err(failure) = outcome;
    say(&failure.to_string());
    ExitCode::FAILURE
}

#[derive(Debug, thiserror::Error)]
enum GuardFailure {
    #[error("the door that asked for this program is gone")]
    DoorGone,
    #[error("the process group could not be killed: {0}")]
    Kill(#[source] rustix::io::Errno),
    #[error("cannot prepare to watch over the program: {0}")]
    Runtime(#[source] io::Error),
    #[error("cannot start `{program}`: {source}")]
    Start { program: String, source: io::Error },
}

struct Guard {
    door: Pid,
    program: Pid,
    name: String,
    child_ended: SignalStream,
    door_signal: SignalStream,
    end_now: SignalStream,
    terminate: SignalStream,
}

/// What one wait brought.
enum Wake {
    ChildEnded,
    GraceOver,
    LookAtDoor,
    Terminate,
}

impl Guard {
    /// Sets the watch first and starts the program second, so that no moment is unwatched.
    fn start(door_pid: u32, program: &OsStr, arguments: &[OsString]) -> Result<Self, GuardFailure> {
        let name = program.to_string_lossy().into_owned();
        let child_ended = signal(SignalKind::child()).map_err(GuardFailure::Runtime)?;
        let door_signal = signal(SignalKind::user_defined1()).map_err(GuardFailure::Runtime)?;
        let end_now = signal(SignalKind::user_defined2()).map_err(GuardFailure::Runtime)?;
        let terminate = signal(SignalKind::terminate()).map_err(GuardFailure::Runtime)?;
        lead_own_group().map_err(|errno| GuardFailure::Runtime(errno.into()))?;
        watch_parent().map_err(|errno| GuardFailure::Runtime(errno.into()))?;
        let door = door_process(door_pid).ok_or(GuardFailure::DoorGone)?;
        let spawned = Command::new(program).args(arguments).spawn();
        let program = match spawned.map(|child| raw_pid(child.id())) {
            Ok(Some(program)) => program,
            Ok(None) => {
                let source = io::Error::other("it has no process id");
                return Err(GuardFailure::Start { program: name, source });
            }
            Err(source) => return Err(GuardFailure::Start { program: name, source }),
        };
        Ok(Self { door, program, name, child_ended, door_signal, end_now, terminate })
    }

    async fn watch(mut self) -> Result<Infallible, GuardFailure> {
        let mut glance = interval(GLANCE);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut end_by: Option<Instant> = None;
        loop {
            let wake = tokio::select! {
                _ = self.child_ended.recv() => Wake::ChildEnded,
                _ = self.door_signal.recv() => Wake::LookAtDoor,
                _ = self.end_now.recv() => Wake::GraceOver,
                _ = self.terminate.recv() => Wake::Terminate,
                _ = glance.tick() => Wake::LookAtDoor,
                () = sleep_until_or_never(end_by) => Wake::GraceOver,
            };
            let over = match wake {
                Wake::ChildEnded => self.reap(),
                Wake::GraceOver => true,
                Wake::LookAtDoor => self.door_is_gone(),
                Wake::Terminate => {
                    end_by.get_or_insert_with(|| Instant::now() + GRACE);
                    self.door_is_gone()
                }
            };
            if over {
                return self.sweep().await;
            }
        }
    }

    /// The kernel names a new parent as soon as the door is gone. A parent-death signal alone proves
    /// nothing: it comes for the end of the door's *thread* that started us (prctl(2)).
    fn door_is_gone(&self) -> bool {
        rustix::process::getppid() != Some(self.door)
    }

    /// Collects every ended child, adopted ones too; true when the program is among them.
    fn reap(&self) -> bool {
        let mut program_ended = false;
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid == self.program {
                program_ended = true;
                self.report(status);
            }
        }
        program_ended
    }

    fn report(&self, status: WaitStatus) {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => {}
            (Some(code), _) => say(&format!("`{}` ended with exit code {code}", self.name)),
            (None, Some(number)) => say(&format!("`{}` was ended by signal {number}", self.name)),
            (None, None) => say(&format!("`{}` ended", self.name)),
        }
    }

    /// Kills the adopted and the straying, round by round, then the whole group and ourselves.
    async fn sweep(&self) -> Result<Infallible, GuardFailure> {
        for _ in 0..SWEEPS {
            let children = own_children();
            if children.is_empty() {
                break;
            }
            for child in children {
                // A child that ended meanwhile is what we want.
                let _ended = rustix::process::kill_process(child, Signal::KILL);
            }
            sleep(SWEEP_PAUSE).await;
            reap_quietly();
        }
        rustix::process::kill_current_process_group(Signal::KILL).map_err(GuardFailure::Kill)?;
        // The signal is on its way; it cannot be refused.
        std::future::pending().await
    }
}

fn reap_quietly() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}

/// Killing a group that we do not lead would hit a stranger, such as the shell of somebody who tries this by hand.
fn lead_own_group() -> rustix::io::Result<()> {
    if rustix::process::getpgrp() == rustix::process::getpid() {
        return Ok(());
    }
    rustix::process::setpgid(None, None)
}

#[cfg(target_os = "linux")]
fn watch_parent() -> rustix::io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::process::set_parent_process_death_signal(Some(Signal::USR1))
}

/// Elsewhere the glance at the parent has to do.
#[cfg(not(target_os = "linux"))]
fn watch_parent() -> rustix::io::Result<()> {
    Ok(())
}

/// Our own direct children, as `/proc` lists them; empty where it does not.
fn own_children() -> Vec<Pid> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|pid| pid.parse().ok().and_then(Pid::from_raw))
        .collect()
}

/// The door, if it still is our parent.
fn door_process(door_pid: u32) -> Option<Pid> {
    let door = raw_pid(door_pid)?;
    (rustix::process::getppid() == Some(door)).then_some(door)
}

fn raw_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

async fn sleep_until_or_never(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Standard error is the child's log; when even that is gone there is nobody to tell.
fn say(text: &str) {
    let _unheard = writeln!(io::stderr(), "child-guard: {text}");
}

/// Sent to the guard alone: kill the program and all that it started.
pub(super) const END_NOW: Signal = Signal::USR2;

/// How long the program may take to end after `SIGTERM`.
pub const GRACE: Duration = Duration::from_secs(2);

/// How often the parent is looked at where no signal tells.
const GLANCE: Duration = Duration::from_secs(2);

/// Orphans of what was killed come home in the next round.
const SWEEPS: usize = 50;
const SWEEP_PAUSE: Duration = Duration::from_millis(2);
