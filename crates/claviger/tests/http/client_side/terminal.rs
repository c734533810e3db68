//! A terminal, and a person who types at it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::support::{Finished, PATIENCE, eventually};

/// A command that runs at a terminal; its stdout is a pipe.
pub(super) struct Terminal {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<String>>,
    screen: JoinHandle<()>,
}

impl Terminal {
    pub(super) fn start(mut command: Command) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        let program = OpenOptions::new().read(true).write(true).open(name).unwrap();
        let child = command.stdin(program.try_clone().unwrap()).stderr(program).stdout(Stdio::piped()).spawn().unwrap();
        // What it has of the terminal: else the person would never see its end.
        drop(command);
        let keyboard = File::from(person);
        let mut screen = keyboard.try_clone().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&shown);
        let screen = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // At its end a terminal is an error.
            while let Ok(count @ 1..) = screen.read(&mut piece) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        Self { child, keyboard, shown, screen }
    }

    /// Waits until the screen asks this, and types a line.
    pub(super) async fn answer(&mut self, question: &str, line: &str) {
        self.sees(question).await;
        self.keyboard.write_all(line.as_bytes()).unwrap();
    }

    /// Waits until the screen says this behind what was seen before.
    pub(super) async fn sees(&mut self, text: &str) {
        let seen = || {
            let mut shown = self.shown.lock().unwrap();
            let end = shown.find(text)? + text.len();
            shown.drain(..end);
            Some(())
        };
        let what = format!("the screen says {text:?}");
        eventually(&what, seen).await;
    }

    /// Its end; what is left on the screen is its stderr.
    pub(super) async fn finished(mut self) -> Finished {
        let mut stdout = String::new();
        let mut printed = self.child.stdout.take().unwrap();
        let ended = async {
            printed.read_to_string(&mut stdout).await.unwrap();
            self.child.wait().await.unwrap().code()
        };
        let code = tokio::time::timeout(PATIENCE, ended).await.expect("the command ends");
        // What it said last may not be on the screen yet. A screen that never ends keeps what it shows.
        let screen = self.screen;
        let read = tokio::task::spawn_blocking(move || screen.join().unwrap());
        tokio::time::timeout(PATIENCE, read).await.expect("the terminal ends").unwrap();
        Finished { code, stdout, stderr: self.shown.lock().unwrap().clone() }
    }
}
