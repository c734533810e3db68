//! Where are the programs of other people? In .test-peers/, where `tools/setup-tests.sh` put them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Running;

/// The folder of the project.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate stands in crates/").to_owned()
}

/// A program of .test-peers/npm or .test-peers/venv, or another file below them.
pub(crate) fn peer(path: &str) -> PathBuf {
    let path = repository().join(".test-peers").join(path);
    assert!(path.exists(), "{} is missing: run `make test`, which installs the peers (or `tools/setup-tests.sh` alone)", path.display());
    path
}

/// Node.js, at least 22.19: the one from npm where the machine has none or an older one.
pub(crate) fn node() -> Command {
    peer("npm/node_modules/.bin/mcp-inspector");
    with_peers_on_path("node")
}

/// Python with the official SDK.
pub(crate) fn python() -> Command {
    Command::new(peer("venv/bin/python"))
}

/// Python with the clouds' own clients, and with what plays the clouds.
pub(crate) fn cloud_python() -> Command {
    Command::new(peer("clouds/bin/python"))
}

/// `program`, which finds the peers before the machine's own programs, and so do its children.
pub(crate) fn with_peers_on_path(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut path = OsString::new();
    for folder in [peer("npm/node_modules/.bin"), peer("venv/bin")] {
        path.push(folder);
        path.push(":");
    }
    path.push(machine_path());
    let mut command = Command::new(program);
    command.env("PATH", path);
    command
}

#[expect(clippy::disallowed_methods, reason = "peers need the machine's PATH; no code of ours reads it here")]
fn machine_path() -> OsString {
    std::env::var_os("PATH").expect("a machine has a PATH")
}

/// The command line of server-everything as a stdio program.
pub(crate) fn everything() -> Vec<String> {
    vec![text(&peer("npm/node_modules/.bin/mcp-server-everything")), "stdio".to_owned()]
}

/// The command line of mcp-server-git for one repository.
pub(crate) fn git(folder: &Path) -> Vec<String> {
    vec![text(&peer("venv/bin/mcp-server-git")), "--repository".to_owned(), text(folder)]
}

/// A running HTTP server of other people, which stays on loopback, and its URL.
pub(crate) fn loopback_server(mut command: Command) -> (Running, String) {
    let server = Running::start(&mut command);
    let line = server.line("http://127.0.0.1:");
    (server, line.trim().to_owned())
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("paths of tests are text").to_owned()
}
