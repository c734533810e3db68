//! What stands behind the door? The fixture of testkit: inside the test over HTTP, or as a program for stdio.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use testkit::fixture::{Era, Given, Shared, http};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A fixture that answers over HTTP until it is dropped.
pub(crate) struct Fixture {
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Fixture {
    pub(crate) async fn start(era: Era) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{}", listener.local_addr().unwrap(), http::PATH);
        let shared = Shared::new(era, Given::default()).unwrap();
        let serving = tokio::spawn(async move { http::serve(shared, listener).await.unwrap() });
        Self { url, serving }
    }
}

/// The fixture as a program, for `command = […]`. Cargo builds it beside our own binary; a missing or stale one is built here.
pub(crate) fn fixture_program() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_claviger")).parent().unwrap();
    let program = folder.join("fixture-server");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/src");
    if modified(&program).is_none_or(|built| newest(&sources) > built) {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--offline", "--package", "claviger-testkit", "--bin", "fixture-server"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the fixture cannot be built");
    }
    program
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn newest(folder: &Path) -> SystemTime {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let times = entries.map(|path| if path.is_dir() { newest(&path) } else { modified(&path).unwrap() });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
