//! Who comes to the door? The official SDK clients, each told by a script of interop/drivers/ what to do.

use std::process::Command;

use serde_json::{Value, json};

use super::{node, python, repository, to_end};

/// An SDK client; both know the same scenarios.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    Python,
    TypeScript,
}

impl Client {
    pub(crate) const ALL: [Self; 2] = [Self::Python, Self::TypeScript];

    /// Lets it do `scenario` and tells what it saw; an error of the client fails the test.
    pub(crate) fn run(self, url: &str, token: &str, scenario: &str, settings: &Value) -> Value {
        let outcome = self.attempt(url, Some(token), scenario, settings);
        assert!(outcome.get("error").is_none(), "{self:?} failed at {scenario} {settings}: {outcome}");
        outcome
    }

    /// The same for what may be refused: `error` and `refusals` say how.
    pub(crate) fn attempt(self, url: &str, token: Option<&str>, scenario: &str, settings: &Value) -> Value {
        let mut command = self.driver();
        command.args([url, scenario, &settings.to_string()]);
        match token {
            Some(token) => command.env("TOKEN", token),
            None => command.env_remove("TOKEN"),
        };
        let ended = to_end(&mut command);
        let outcome = ended.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
        outcome.unwrap_or_else(|| panic!("{self:?} said nothing about {scenario}:\n{}\n{}", ended.stdout, ended.stderr))
    }

    /// Connects in `era`, lists everything and calls `tool`.
    pub(crate) fn tour(self, url: &str, token: &str, era: &str, tool: &str, arguments: &Value) -> Value {
        self.run(url, token, "tour", &json!({"era": era, "tool": tool, "arguments": arguments}))
    }

    fn driver(self) -> Command {
        let drivers = repository().join("interop/drivers");
        let (mut command, script) = match self {
            Self::Python => (python(), "python_sdk.py"),
            Self::TypeScript => (node(), "typescript.mjs"),
        };
        command.arg(drivers.join(script));
        command
    }
}

/// The TypeScript SDK's client with an OAuth client of its own, whose person signs in with a browser.
pub(crate) struct SignedIn;

impl SignedIn {
    /// Lets it do what `settings` say, as this person, and tells what it saw; an error of the client fails the test.
    pub(crate) fn client(url: &str, who: &str, settings: &Value) -> Value {
        let seen = Self::attempt(url, who, settings);
        assert!(seen.get("error").is_none(), "{settings}: {seen}");
        seen
    }

    /// The same for what may fail.
    pub(crate) fn attempt(url: &str, who: &str, settings: &Value) -> Value {
        let script = repository().join("interop/drivers/oauth_client.mjs");
        let ended = to_end(node().arg(script).args([url, who, &settings.to_string()]));
        let outcome = ended.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
        outcome.unwrap_or_else(|| panic!("it said nothing:\n{}\n{}", ended.stdout, ended.stderr))
    }
}
