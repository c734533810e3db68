//! Which servers? One of the legacy era, two of the modern one; each as a child process and over HTTP, and each with a tool for every feature.

use std::process::Command;

use serde_json::{Value, json};

use super::Feature;
use super::callers::{Caller, testkit_program};
use crate::support::{Door, Running, Setup, everything, loopback_server, node, peer, python, repository};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Everything,
    Python,
    Rust,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Stdio,
    Http,
}

impl Transport {
    pub(super) const ALL: [Self; 2] = [Self::Stdio, Self::Http];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Stdio => "child process",
            Self::Http => "HTTP",
        }
    }
}

impl Server {
    pub(super) const ALL: [Self; 3] = [Self::Everything, Self::Python, Self::Rust];

    /// Which revision it speaks through this door.
    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::Everything => "2025-11-25",
            Self::Python | Self::Rust => "2026-07-28",
        }
    }

    /// Package, and where its version is pinned.
    pub(super) const fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::Everything => ("@modelcontextprotocol/server-everything", "npm"),
            Self::Python => ("mcp", "PyPI"),
            Self::Rust => ("rmcp", "crates.io"),
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Everything => "server-everything, which knows the legacy era only",
            Self::Python => "a server on the Python SDK, which the door takes as a modern one",
            Self::Rust => "a server on the Rust SDK that knows the modern era only",
        }
    }

    /// Which of its tools shows which feature.
    pub(super) fn settings(self) -> Value {
        match self {
            Self::Everything => json!({
                "call": {"name": "echo", "arguments": {"message": "hello"}},
                "progress": {"name": "trigger-long-running-operation", "arguments": {"duration": 1, "steps": 4}},
                "elicitation": {"name": "trigger-elicitation-request", "arguments": {}},
                "sampling": {"name": "trigger-sampling-request", "arguments": {"prompt": "a prompt"}},
                "read": "demo://resource/static/document/features.md",
                "prompt": "simple-prompt",
                "changes": {"of": "demo://resource/dynamic/text/1", "name": "toggle-subscriber-updates", "arguments": {}},
            }),
            Self::Python => json!({
                "call": {"name": "echo", "arguments": {"text": "hello"}},
                "progress": {"name": "count", "arguments": {"to": 4}},
                "elicitation": {"name": "greet", "arguments": {}},
                "sampling": {"name": "think", "arguments": {}},
                "read": "note://counter",
                "prompt": "say_hello",
                "changes": {"of": "note://counter", "name": "touch", "arguments": {}},
            }),
            Self::Rust => json!({
                "call": {"name": "greet", "arguments": {"name": "Ada"}},
                "progress": {"name": "test_tool_with_progress", "arguments": {}},
                "elicitation": {"name": "test_elicitation", "arguments": {"message": "Who are you?"}},
                "sampling": {"name": "test_sampling", "arguments": {"prompt": "What do you think?"}},
                "read": "test://static-text",
                "prompt": "test_simple_prompt",
                "changes": {"of": "tools", "name": "test_trigger_tool_change", "arguments": {}},
            }),
        }
    }

    /// What must be in what a client sees of a feature; the whole of it, where it begins with `=`.
    pub(super) const fn expected(self, feature: Feature) -> &'static str {
        match (self, feature) {
            // By the client, not by the server.
            (_, Feature::Open) => "",
            (Self::Everything, Feature::List) => "trigger-elicitation-request",
            (Self::Everything, Feature::Call) => "=Echo: hello",
            (Self::Everything | Self::Python, Feature::Progress) => "=1 2 3 4",
            (Self::Everything, Feature::Elicitation) => "- Name: Ada",
            (_, Feature::Sampling) => "sampled by the test",
            (Self::Everything, Feature::Read) => "# Everything Server",
            (Self::Everything, Feature::Prompt) => "=This is a simple prompt without arguments.",
            (Self::Everything, Feature::Changes) => "=demo://resource/dynamic/text/1",
            (Self::Python, Feature::List) => "greet",
            (Self::Python, Feature::Call) => "=hello",
            (Self::Python, Feature::Elicitation) => "=hello Ada",
            (Self::Python, Feature::Read) => "",
            (Self::Python, Feature::Prompt) => "=Say hello, please.",
            (Self::Python, Feature::Changes) => "=note://counter",
            (Self::Rust, Feature::List) => "test_elicitation",
            (Self::Rust, Feature::Call) => "=Hello, Ada!",
            (Self::Rust, Feature::Progress) => "=0 50 100",
            (Self::Rust, Feature::Elicitation) => "ada@example.com",
            (Self::Rust, Feature::Read) => "=This is the content of the static text resource.",
            (Self::Rust, Feature::Prompt) => "=This is a simple prompt for testing.",
            (Self::Rust, Feature::Changes) => "=tools",
        }
    }

    /// A door before it.
    pub(super) fn open(self, transport: Transport) -> Scene {
        let (setup, server) = match transport {
            Transport::Stdio => (Setup::program("peer", self.program()), None),
            Transport::Http => {
                let (server, url) = loopback_server(self.service());
                (Setup::url("peer", &url), Some(server))
            }
        };
        // The Python SDK's servers speak both eras, so the door is told; the others it finds out.
        let setup = if self == Self::Python { setup.protocol("modern") } else { setup };
        let door = setup.open();
        Scene { door, _server: server }
    }

    fn program(self) -> Vec<String> {
        let text = |path: std::path::PathBuf| path.display().to_string();
        match self {
            Self::Everything => everything(),
            Self::Python => vec![text(peer("venv/bin/python")), text(both_eras()), "stdio".to_owned()],
            Self::Rust => vec![text(testkit_program("fixture-server")), "--stdio".to_owned(), "--era".to_owned(), "modern".to_owned()],
        }
    }

    fn service(self) -> Command {
        let mut command;
        match self {
            Self::Everything => {
                command = node();
                command.arg("--import").arg(repository().join("interop/servers/loopback.mjs"));
                command.arg(peer("npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js")).arg("streamableHttp");
            }
            Self::Python => {
                command = python();
                command.arg(both_eras()).arg("http");
            }
            Self::Rust => {
                command = Command::new(testkit_program("fixture-server"));
                command.args(["--era", "modern"]);
            }
        }
        command
    }

    /// What this server cannot do by itself, whoever asks.
    pub(super) const fn lacks(self, feature: Feature) -> Option<&'static str> {
        let _ = (self, feature);
        None
    }
}

fn both_eras() -> std::path::PathBuf {
    repository().join("interop/servers/both_eras.py")
}

/// A door with a server behind it.
pub(super) struct Scene {
    door: Door,
    _server: Option<Running>,
}

impl Scene {
    pub(super) fn url(&self) -> &str {
        &self.door.url
    }

    /// Each client is somebody else, so that what one does to their session is nothing to the others.
    pub(super) fn token(&self, caller: Caller) -> String {
        self.door.token_of(&format!("{caller:?}"), "")
    }

    pub(super) fn close(self) {
        self.door.close();
    }
}
