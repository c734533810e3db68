//! Which clients? Each SDK in each era that it speaks, told by a driver what to do.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Feature;
use crate::support::{node, python, repository, to_end};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    TypeScript1,
    TypeScript2,
    PythonLegacy,
    PythonModern,
    RustLegacy,
    RustModern,
}

impl Caller {
    pub(super) const ALL: [Self; 6] =
        [Self::TypeScript1, Self::PythonLegacy, Self::RustLegacy, Self::TypeScript2, Self::PythonModern, Self::RustModern];

    /// Which revision it speaks with whatever server.
    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::TypeScript1 | Self::PythonLegacy | Self::RustLegacy => "2025-11-25",
            Self::TypeScript2 | Self::PythonModern | Self::RustModern => "2026-07-28",
        }
    }

    /// Package, and where its version is pinned.
    pub(super) const fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::TypeScript1 => ("@modelcontextprotocol/sdk", "npm"),
            Self::TypeScript2 => ("@modelcontextprotocol/client", "npm"),
            Self::PythonLegacy | Self::PythonModern => ("mcp", "PyPI"),
            Self::RustLegacy | Self::RustModern => ("rmcp", "crates.io"),
        }
    }

    /// Lets it try every feature: feature → what it saw.
    pub(super) fn use_everything(self, url: &str, token: &str, settings: &Value) -> Value {
        let mut command = self.driver(url);
        let ended = to_end(command.arg(settings.to_string()).env("TOKEN", token));
        let seen = ended.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
        seen.unwrap_or_else(|| panic!("{self:?} said nothing:\n{}\n{}", ended.stdout, ended.stderr))
    }

    fn driver(self, url: &str) -> Command {
        let drivers = repository().join("interop/drivers");
        let (mut command, script, mode) = match self {
            Self::TypeScript1 => (node(), Some("pair.mjs"), "1"),
            Self::TypeScript2 => (node(), Some("pair.mjs"), "2"),
            Self::PythonLegacy => (python(), Some("pair.py"), "legacy"),
            Self::PythonModern => (python(), Some("pair.py"), "modern"),
            Self::RustLegacy => (Command::new(testkit_program("pair-client")), None, "legacy"),
            Self::RustModern => (Command::new(testkit_program("pair-client")), None, "modern"),
        };
        command.args(script.map(|script| drivers.join(script))).args([url, mode]);
        command
    }

    /// What this client cannot do by itself, whatever the server.
    pub(super) const fn lacks(self, feature: Feature) -> Option<&'static str> {
        let _ = (self, feature);
        None
    }
}

/// A program of testkit, which cargo builds beside our own.
pub(super) fn testkit_program(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_claviger")).parent().expect("a program stands in a folder");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--package", "claviger-testkit", "--bin", name]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    let built = to_end(&mut build);
    assert!(built.success, "{name} cannot be built:\n{}", built.stderr);
    folder.join(name)
}
