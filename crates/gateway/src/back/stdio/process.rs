//! How does a program become a child, and how does it end? Started through the guard in a process group of its own, with an environment
//! built from nothing; ended by closing its input, then `SIGTERM`, then `SIGKILL`, each to the whole group.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use broker::credential::{Changes, Released, Stamp};
use broker::{Credential, Missing, Resolver};
use policy::Permit;
use rustix::process::{Pid, Signal};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::guard::END_NOW;
use super::stderr::{Masker, log_stderr};
use crate::back::BackFailure;
use crate::config::Process;

/// A started program: its pipes, and what it takes to end it.
pub(super) struct Started {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    /// What its output has to be searched for before it is logged.
    pub(super) masker: Arc<Masker>,
    /// The values that it was given.
    pub(super) stamp: Stamp,
}

/// The signals between a connection and the process behind it.
#[derive(Clone, Default)]
pub(super) struct Life {
    /// Cancelled to ask for the end; the one who cancels closes the input too.
    pub(super) stop: CancellationToken,
    /// Cancelled to end at once.
    pub(super) kill: CancellationToken,
    /// Cancelled when the process and its group are gone.
    pub(super) ended: CancellationToken,
}

/// A program and the credentials that it gets when it starts.
pub(super) struct Program {
    process: Process,
    arguments: Vec<Credential>,
    environment: Vec<(String, Credential)>,
}

impl Program {
    pub(super) fn new(process: Process, resolver: &Resolver) -> Self {
        let arguments = process.arguments.iter().map(|template| resolver.credential(template)).collect();
        let environment = process.environment.iter().map(|(name, template)| (name.clone(), resolver.credential(template))).collect();
        Self { process, arguments, environment }
    }

    /// Changes of the values that it is given. While this lives, they are fetched before their end.
    pub(super) fn changes(&self) -> Changes {
        Changes::of_all(self.credentials())
    }

    /// The values that an instance would be given now.
    pub(super) fn stamp(&self) -> Stamp {
        self.credentials().fold(Stamp::default(), |sum, credential| sum + credential.stamp())
    }

    /// For how long an instance may use what it was given.
    pub(super) fn good_for(&self) -> Duration {
        self.credentials().map(Credential::good_for).min().unwrap_or(Duration::MAX)
    }

    /// What cannot be had of it, as the last try has shown.
    pub(super) fn missing(&self) -> Option<Missing> {
        self.credentials().find_map(Credential::missing)
    }

    pub(super) fn has_references(&self) -> bool {
        self.credentials().any(Credential::has_references)
    }

    fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.arguments.iter().chain(self.environment.iter().map(|(_, credential)| credential))
    }
}

/// Resolves what the program needs and starts it. `life.ended` is cancelled when all of it is gone.
pub(super) async fn start(server: &Arc<str>, program: &Program, permit: &Permit, life: &Life) -> Result<Started, BackFailure> {
    let process = &program.process;
    let arguments = release_all(program.arguments.iter(), permit).await?;
    let values = release_all(program.environment.iter().map(|(_, credential)| credential), permit).await?;
    let masker = Arc::new(Masker::new(arguments.secrets.iter().chain(&values.secrets)).map_err(BackFailure::Start)?);
    let mut command = Command::new(&process.guard_program);
    command.arg("child-guard").arg(std::process::id().to_string()).arg("--").arg(&process.program);
    command.args(arguments.exposed());
    let declared = program.environment.iter().map(|(name, _)| name).zip(values.exposed());
    command.env_clear().envs(inherited(&process.inherited)).envs(declared);
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
    Ok(Started { stdin, stdout, masker, stamp: arguments.stamp + values.stamp })
}

/// Released texts, in order.
#[derive(Default)]
struct Texts {
    values: Vec<SecretString>,
    /// What must not be logged: the texts that came from references, with and without what the configuration put around them.
    secrets: Vec<SecretString>,
    stamp: Stamp,
}

impl Texts {
    fn exposed(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(SecretString::expose_secret)
    }
}

async fn release_all<'c>(credentials: impl Iterator<Item = &'c Credential>, permit: &Permit) -> Result<Texts, BackFailure> {
    let mut texts = Texts::default();
    for credential in credentials {
        let Released { text: value, stamp } = credential.release(permit).await.map_err(BackFailure::Credential)?;
        texts.stamp = texts.stamp + stamp;
        if credential.has_references() {
            texts.secrets.push(value.clone());
            texts.secrets.extend(credential.secrets(permit).await.map_err(BackFailure::Credential)?);
        }
        texts.values.push(value);
    }
    Ok(texts)
}

/// The few variables that every child gets, whatever else the door's environment holds.
fn inherited(environment: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    environment.iter().filter(|(name, _)| INHERITED.contains(&name.as_str()) || name.starts_with("LC_"))
}

/// Waits for the end of the guard, and brings it about when asked to.
async fn supervise(mut child: Child, life: Life) {
    let mut group = Group(child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw));
    tokio::select! {
        _ = child.wait() => {}
        () = life.kill.cancelled() => end_now(&mut child, &group).await,
        () = life.stop.cancelled() => end_politely(&mut child, &group, &life).await,
    }
    // Also when the guard has ended by itself: if it was killed, the rest of the group lives on.
    group.signal(Signal::KILL);
    let _status = child.wait().await;
    // From here on the number may belong to somebody else.
    group.0 = None;
    life.ended.cancel();
}

/// The MCP order of shutdown: the input is closed by the connection; then wait, `SIGTERM`, wait.
async fn end_politely(child: &mut Child, group: &Group, life: &Life) {
    let end = async {
        if timeout(PATIENCE, child.wait()).await.is_ok() {
            return;
        }
        group.signal(Signal::TERM);
        // The guard gives the program as long as we do, and then needs a moment to look for what has left the group.
        let _ended_or_not = timeout(PATIENCE + KILLED_WITHIN, child.wait()).await;
    };
    tokio::select! {
        () = end => return,
        () = life.kill.cancelled() => {}
    }
    end_now(child, group).await;
}

/// Only the guard can find what has left the process group, so it is asked before the group is killed.
async fn end_now(child: &mut Child, group: &Group) {
    if let Some(guard) = group.0 {
        let _gone = rustix::process::kill_process(guard, END_NOW);
    }
    let _ended_or_not = timeout(KILLED_WITHIN, child.wait()).await;
}

/// An instance without a process has ended when it is told to.
pub(super) async fn end_when_stopped(life: Life) {
    tokio::select! {
        () = life.stop.cancelled() => {}
        () = life.kill.cancelled() => {}
    }
    life.ended.cancel();
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
const INHERITED: [&str; 8] = ["HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "TERM", "TMPDIR", "USER"];

/// How long a child may take for each step of its end.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the guard may take to kill everything.
pub(super) const KILLED_WITHIN: Duration = Duration::from_millis(500);
