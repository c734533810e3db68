//! How does a program become a child, and how does it end? Started through the guard in a process group of its own, with an environment
//! built from nothing; ended by closing its input, then `SIGTERM`, then `SIGKILL`, each to the whole group.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use broker::Resolver;
use broker::reference::Template;
use policy::Permit;
use rustix::process::{Pid, Signal};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::failure::BackFailure;
use super::stderr::{Masker, log_stderr};
use crate::config::Process;

/// A started program: its pipes, and what it takes to end it.
pub(super) struct Started {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    /// What its output has to be searched for before it is logged.
    pub(super) masker: Arc<Masker>,
}

/// The two signals between a connection and the process behind it.
#[derive(Clone, Default)]
pub(super) struct Life {
    /// Cancelled to ask for the end; the one who cancels closes the input too.
    pub(super) stop: CancellationToken,
    /// Cancelled to end at once.
    pub(super) kill: CancellationToken,
    /// Cancelled when the process and its group are gone.
    pub(super) ended: CancellationToken,
}

/// Resolves what the program needs and starts it. `life.ended` is cancelled when all of it is gone.
pub(super) async fn start(
    server: &Arc<str>,
    process: &Process,
    resolver: &Resolver,
    permit: &Permit,
    life: &Life,
) -> Result<Started, BackFailure> {
    let arguments = resolve_all(process.arguments.iter(), resolver, permit).await?;
    let values = resolve_all(process.environment.values(), resolver, permit).await?;
    let masker = Arc::new(Masker::new(arguments.secrets().chain(values.secrets())));
    let mut command = Command::new(&process.guard_program);
    command.arg("child-guard").arg(std::process::id().to_string()).arg("--").arg(&process.program);
    command.args(arguments.exposed());
    command.env_clear().envs(inherited(&process.inherited)).envs(process.environment.keys().zip(values.exposed()));
    if let Some(directory) = &process.directory {
        command.current_dir(directory);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(BackFailure::Start)?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(BackFailure::Start(std::io::Error::other("a pipe of the child is missing")));
    };
    tokio::spawn(log_stderr(Arc::clone(server), stderr, Arc::clone(&masker)));
    tokio::spawn(supervise(child, life.clone()));
    Ok(Started { stdin, stdout, masker })
}

/// Resolved texts of templates, in order.
struct Resolved {
    values: Vec<SecretString>,
    /// Which of them came from a reference and not from the configuration's own text.
    is_secret: Vec<bool>,
}

impl Resolved {
    fn exposed(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| value.expose_secret())
    }

    fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.values.iter().zip(&self.is_secret).filter(|(_, is_secret)| **is_secret).map(|(value, _)| value)
    }
}

async fn resolve_all<'t>(
    templates: impl Iterator<Item = &'t Template>,
    resolver: &Resolver,
    permit: &Permit,
) -> Result<Resolved, BackFailure> {
    let mut resolved = Resolved { values: Vec::new(), is_secret: Vec::new() };
    for template in templates {
        resolved.values.push(resolver.resolve(template, permit).await.map_err(BackFailure::Credential)?);
        resolved.is_secret.push(template.has_references());
    }
    Ok(resolved)
}

/// The few variables that every child gets, whatever else the door's environment holds.
fn inherited(environment: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    environment.iter().filter(|(name, _)| INHERITED.contains(&name.as_str()) || name.starts_with("LC_"))
}

/// Waits for the end of the guard, and brings it about when asked to.
async fn supervise(mut child: Child, life: Life) {
    let group = Group(child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw));
    tokio::select! {
        _ = child.wait() => {}
        () = life.kill.cancelled() => {}
        () = life.stop.cancelled() => end_politely(&mut child, &group, &life).await,
    }
    // Also when the guard has ended by itself: if it was killed, the rest of the group lives on.
    group.signal(Signal::KILL);
    let _status = child.wait().await;
    life.ended.cancel();
}

/// The MCP order of shutdown: the input is closed by the connection; then wait, `SIGTERM`, wait.
async fn end_politely(child: &mut Child, group: &Group, life: &Life) {
    let end = async {
        if timeout(PATIENCE, child.wait()).await.is_ok() {
            return;
        }
        group.signal(Signal::TERM);
        let _ended_or_not = timeout(PATIENCE, child.wait()).await;
    };
    tokio::select! {
        () = end => {}
        () = life.kill.cancelled() => {}
    }
}

/// The child's process group. It does not outlive this value, even when the runtime ends under the supervisor.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // A group that is gone already is what was wanted.
            let _gone = rustix::process::kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Handed to every child, besides the locale (`LC_*`).
const INHERITED: [&str; 6] = ["HOME", "LANG", "PATH", "TERM", "TMPDIR", "USER"];

/// How long a child may take for each step of its end.
const PATIENCE: Duration = Duration::from_secs(2);
