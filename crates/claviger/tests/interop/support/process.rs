//! How is a program run for a test? Started, listened to line by line, and ended by the test that started it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A program that runs until its test is over.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    said: Arc<Mutex<String>>,
    name: String,
}

impl Running {
    /// Starts it; stdout and stderr are read at once, so that it never waits for us.
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (sender, lines) = channel();
        let said = Arc::new(Mutex::new(String::new()));
        let input = child.stdin.take();
        listen(child.stdout.take().expect("stdout is a pipe"), sender.clone(), Arc::clone(&said));
        listen(child.stderr.take().expect("stderr is a pipe"), sender, Arc::clone(&said));
        Self { child, input, lines, said, name }
    }

    /// The next line that holds `words`; those before it are passed over.
    pub(crate) fn line(&self, words: &str) -> String {
        loop {
            let heard = self.lines.recv_timeout(PATIENCE);
            let line = heard.unwrap_or_else(|why| panic!("{} did not say `{words}` ({why}), but:\n{}", self.name, self.said()));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Everything it said until now.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("nobody panics while holding the lock").clone()
    }

    /// Types a line into it.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("stdin is open"), "{line}").expect("the program reads its stdin");
    }

    /// Ends it without a chance to clean up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    /// Types Ctrl-C, as it were.
    pub(crate) fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("our own child can be signalled");
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        if let Ok(Some(status)) = self.child.try_wait() {
            return status;
        }
        drop(self.input.take());
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("our own child can be signalled");
        if !eventually(|| self.child.try_wait().is_ok_and(|status| status.is_some())) {
            self.child.kill().expect("our own child can be killed");
        }
        self.child.wait().expect("our own child can be waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a program left when it ended.
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end, two minutes at most.
pub(crate) fn to_end(command: &mut Command) -> Ended {
    let name = format!("{command:?}");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let stdout = swallow(child.stdout.take().expect("stdout is a pipe"));
    let stderr = swallow(child.stderr.take().expect("stderr is a pipe"));
    let in_time = eventually_within(Duration::from_secs(120), || child.try_wait().is_ok_and(|status| status.is_some()));
    if !in_time {
        child.kill().expect("our own child can be killed");
    }
    let success = child.wait().expect("our own child can be waited for").success();
    let ended = Ended { success, stdout: stdout.join().expect("the reader ends"), stderr: stderr.join().expect("the reader ends") };
    assert!(in_time, "{name} did not end within two minutes:\n{}\n{}", ended.stdout, ended.stderr);
    ended
}

/// Process ids whose command line holds `mark`.
pub(crate) fn alive(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("this test needs /proc").filter_map(Result::ok);
    let command_line = |id: &str| fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let ids = processes
        .filter_map(|process| process.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    ids.filter(|id| String::from_utf8_lossy(&command_line(id)).contains(mark)).collect()
}

/// Whether `is_so` becomes true while one may still be patient.
pub(crate) fn eventually(is_so: impl FnMut() -> bool) -> bool {
    eventually_within(PATIENCE, is_so)
}

fn eventually_within(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..patience.as_millis() / STEP.as_millis() {
        if is_so() {
            return true;
        }
        thread::sleep(STEP);
    }
    is_so()
}

fn listen(stream: impl Read + Send + 'static, lines: Sender<String>, said: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut all = said.lock().expect("nobody panics while holding the lock");
            all.push_str(&line);
            all.push('\n');
            drop(all);
            // Nobody listens once the test has what it waited for.
            drop(lines.send(line));
        }
    });
}

fn swallow(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);
