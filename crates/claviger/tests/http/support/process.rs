//! How is the real binary started, listened to and told to stop?

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::{Door, PATIENCE};

pub(crate) use rustix::process::Signal;

/// `claviger` with nothing of this process's environment, in this folder.
pub(crate) fn claviger(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) async fn run(mut command: Command) -> Finished {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("the command ends").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    id: u32,
    said: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
    hearing: [JoinHandle<()>; 2],
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let id = child.id().unwrap();
        let (said, hears_said) = follow(child.stderr.take().unwrap());
        let (printed, hears_printed) = follow(child.stdout.take().unwrap());
        Self { child, id, said, printed, hearing: [hears_said, hears_printed] }
    }

    /// Everything on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Everything on stdout so far.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.id.try_into().unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it was, of a command that has ended: to its last word.
    pub(crate) async fn finished(mut self) -> Finished {
        let code = self.ended().await.code();
        for hearing in &mut self.hearing {
            tokio::time::timeout(PATIENCE, hearing).await.expect("nobody holds its output").unwrap();
        }
        Finished { code, stdout: self.printed(), stderr: self.said() }
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("the process ends").unwrap()
    }
}

fn follow(mut source: impl AsyncRead + Send + Unpin + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    let hearing = tokio::spawn(async move {
        let mut piece = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = source.read(&mut piece).await {
            sink.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    });
    (text, hearing)
}

/// Every living process below this one.
pub(crate) fn descendants(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if parent_of(id) == Some(process) && is_alive(id) {
            found.push(id);
            found.extend(descendants(id));
        }
    }
    found
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(process: u32) -> bool {
    state_and_parent(process).is_some_and(|(state, _)| state != "Z")
}

fn parent_of(process: u32) -> Option<u32> {
    state_and_parent(process)?.1.parse().ok()
}

/// Of `/proc/<id>/stat`; the name before them may hold anything.
fn state_and_parent(process: u32) -> Option<(String, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

/// The fixtures that run below the door, without those who watch over them.
pub(crate) fn fixtures(door: &Door) -> Vec<u32> {
    let is_fixture = |id: &u32| {
        let program = std::fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
        program.file_name() == Path::new("fixture-server").file_name()
    };
    descendants(door.process_id()).into_iter().filter(is_fixture).collect()
}

/// How much memory the door has, in KiB.
pub(crate) fn resident_kib(door: &Door) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", door.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
