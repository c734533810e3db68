//! `command://`: what a program prints, such as the client of a password manager. Started without a shell, and never for a stranger's file (see
//! [`crate::reference::Reference::runs_a_program`]).

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::{Environment, Fetched, Fetching, MAX_VALUE_BYTES, Provider};
use crate::missing::Cause;
use crate::reference::{CommandLine, Place};
use crate::value::Value;

/// Programs that print a secret on their standard output and end with 0.
pub struct Commands {
    environment: Environment,
    directory: PathBuf,
}

impl Commands {
    /// Programs run in `directory`, where relative paths to them start too, and with all of `environment`.
    ///
    /// All of it, unlike an MCP server, which gets next to nothing: the operator named the program so that it acts for her, and each of its kind needs variables of
    /// its own to know her (`OP_SESSION_…`, `DOPPLER_TOKEN`, `BWS_ACCESS_TOKEN`, `AWS_PROFILE`, `GNUPGHOME`, `DBUS_SESSION_BUS_ADDRESS`). A list of them would
    /// never be whole.
    pub fn new(environment: Environment, directory: PathBuf) -> Self {
        Self { environment, directory }
    }

    /// What a program prints that the operator has named to make a secret.
    pub async fn print(&self, line: &CommandLine) -> Result<Fetched, Cause> {
        Fetched::line(&run(&line.program, self.command(line), b"").await?)
    }

    /// Runs a program that the operator has named to do something with a secret, which is in this variable. Its end says whether it is done; what it prints is dropped.
    pub async fn succeed(&self, line: &CommandLine, variable: &str, secret: &Value) -> Result<(), Cause> {
        let mut command = self.command(line);
        command.env(variable, secret.expose());
        run(&line.program, command, secret.expose().as_bytes()).await.map(drop)
    }

    fn command(&self, line: &CommandLine) -> Command {
        let program = Path::new(&*line.program);
        // A path with a folder in it starts where all others of the configuration do; a bare name is looked up in `PATH`.
        let is_bare = program.components().count() == 1 && !line.program.starts_with('.');
        let mut command = if is_bare { Command::new(program) } else { Command::new(self.directory.join(program)) };
        command.args(line.arguments.iter().map(|argument| &**argument));
        command.env_clear().envs(self.environment.variables()).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command
    }
}

impl Provider for Commands {
    /// The output without its last line end.
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let Place::Command(line) = place else { return Err(Cause::NotInThisBuild) };
            self.print(line).await
        })
    }
}

/// What a program prints. Its own words go into the log, without what it prints and without the secret that it was given.
async fn run(program: &str, mut command: Command, given: &[u8]) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let mut child = command.spawn().map_err(|error| Cause::NotStarted(error.kind()))?;
    let mut group = Group::of(&child);
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Cause::NotStarted(std::io::ErrorKind::BrokenPipe));
    };
    // Of its words too much is read and dropped, so that it does not wait for us; too much of a value is refused at once.
    let (printed, said) = tokio::try_join!(whole(stdout), beginning(stderr))?;
    let status = child.wait().await.map_err(|error| Cause::Unreadable(error.kind()))?;
    group.has_ended();
    if !said.is_empty() {
        let secrets = Zeroizing::new([printed.as_slice(), b"\n", given].concat());
        let said = show(&said, &secrets);
        if status.success() {
            tracing::info!(program, said, "a program that was asked about a secret says");
        } else {
            tracing::warn!(program, said, "a program that was asked about a secret failed");
        }
    }
    if status.success() { Ok(printed) } else { Err(Cause::CommandFailed { code: status.code() }) }
}

async fn whole(stdout: impl AsyncRead + Unpin) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let limit = MAX_VALUE_BYTES + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
    read(stdout, limit, &mut bytes).await?;
    // A line end more than the limit is fine; `Fetched::line` judges the rest.
    if bytes.len() == limit { Err(Cause::TooLarge { limit: MAX_VALUE_BYTES }) } else { Ok(bytes) }
}

async fn beginning(mut stderr: impl AsyncRead + Unpin) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(SAID_BYTES));
    read(&mut stderr, SAID_BYTES, &mut bytes).await?;
    tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await.map_err(|error| Cause::Unreadable(error.kind()))?;
    Ok(bytes)
}

/// Fills the room that is there and no more: growing would leave copies behind.
async fn read(from: impl AsyncRead + Unpin, limit: usize, bytes: &mut Vec<u8>) -> Result<(), Cause> {
    let mut from = from.take(limit as u64);
    while from.read_buf(bytes).await.map_err(|error| Cause::Unreadable(error.kind()))? > 0 && bytes.len() < limit {}
    Ok(())
}

/// What it said, with everything starred out that it also printed: the value, and each word of it, for a value may be an object of several.
fn show(said: &[u8], printed: &[u8]) -> String {
    let printed = String::from_utf8_lossy(printed);
    let is_between = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ',' | ':' | '{' | '}' | '[' | ']' | '=');
    let mut secrets: Vec<&str> = printed.lines().map(str::trim).chain(printed.split(is_between)).collect();
    secrets.retain(|secret| secret.len() >= SHORTEST_MASKED);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    let mut shown = String::from_utf8_lossy(said).into_owned();
    for secret in &secrets {
        if shown.contains(secret) {
            shown = shown.replace(secret, "****");
        }
    }
    let mut end = shown.len();
    if said.len() == SAID_BYTES {
        // It may have been cut in the middle of a secret.
        end = end.saturating_sub(secrets.first().map_or(0, |longest| longest.len()));
    }
    let end = (0..=end.min(SHOWN_BYTES)).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or(0);
    // Control characters could forge lines of the log.
    shown.get(..end).unwrap_or_default().trim().escape_debug().to_string()
}

/// The process group of a program. It does not outlive this value, unless the program has ended by itself.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        Self { leader: child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(not(unix))]
    fn of(_: &Child) -> Self {
        Self {}
    }

    /// From now on the number may belong to somebody else.
    fn has_ended(&mut self) {
        #[cfg(unix)]
        {
            self.leader = None;
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // A group that is gone already is what is wanted.
            let _gone = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// How much of its words is read, in bytes.
const SAID_BYTES: usize = 4 * 1024;
/// How much of them is shown, in bytes.
const SHOWN_BYTES: usize = 1024;
/// Shorter words would mask half of every line, and are guessed rather than read.
const SHORTEST_MASKED: usize = 4;

#[cfg(test)]
mod tests;
