//! How is `claviger run` started, listened to and spoken to?

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A run in the making, in a folder of its own.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
    command: Command,
}

/// A run under way.
pub(crate) struct Running {
    pub(crate) folder: TempDir,
    child: Child,
    stdin: Option<ChildStdin>,
    printed: Arc<Mutex<String>>,
    said: Arc<Mutex<String>>,
}

impl Run {
    /// With nothing of this process's environment.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.arg("run").current_dir(folder.path()).env_clear().env("HOME", folder.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { folder, command }
    }

    /// A secret in the file `secret`, which is looked at every second.
    pub(crate) fn with_secret(secret: &str) -> Self {
        let run = Self::new();
        write_secret(run.folder.path(), secret);
        run.flags(&["--env", "KEY=file://./secret?ttl=1"])
    }

    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.command.args(flags);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it with this program.
    pub(crate) fn start(mut self, program: &[&str]) -> Running {
        let mut child = self.command.arg("--").args(program).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running { folder: self.folder, stdin: child.stdin.take(), child, printed: follow(stdout), said: follow(stderr) }
    }

    /// Starts it with a shell script.
    pub(crate) fn shell(self, script: &str) -> Running {
        self.start(&["/bin/sh", "-c", script])
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until this stands on stdout.
    pub(crate) fn prints(&self, text: &str) {
        eventually(&format!("{text:?} on stdout"), || self.printed().contains(text).then_some(()));
    }

    /// Waits until this stands on stderr.
    pub(crate) fn says(&self, text: &str) {
        eventually(&format!("{text:?} on stderr"), || self.said().contains(text).then_some(()));
    }

    pub(crate) fn rotate(&self, secret: &str) {
        write_secret(self.folder.path(), secret);
    }

    pub(crate) fn ask(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn close_input(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.id().try_into().unwrap()).unwrap(), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the end of the run", || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Waits until `look` gives a value.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1500 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never happened: {what}");
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// As vault agents do: beside, then over.
fn write_secret(folder: &Path, secret: &str) {
    let beside = folder.join("secret.new");
    std::fs::write(&beside, format!("{secret}\n")).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(beside, folder.join("secret")).unwrap();
}

/// Everything that comes from there, as it comes.
pub(crate) fn follow(mut source: impl std::io::Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = source.by_ref().read(&mut piece) {
            sink.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    });
    text
}
