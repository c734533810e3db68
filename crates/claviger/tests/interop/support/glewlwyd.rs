//! Who else vouches? Debian's glewlwyd, run by interop/drivers/glewlwyd.mjs: a second provider of other people, at which `ada` and `eve` have passwords.

use serde_json::Value;

use super::{Running, node, peer, repository};

/// A running glewlwyd, at which the client `federated` may let people sign in.
pub(crate) struct Glewlwyd {
    process: Running,
    /// The issuer identifier.
    pub(crate) url: String,
}

impl Glewlwyd {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same with two slashes in a row in its endpoints, and another subject for each sector of clients.
    pub(crate) fn start_odd() -> Self {
        Self::with(&["odd"])
    }

    fn with(further: &[&str]) -> Self {
        peer("glewlwyd/installed");
        let script = repository().join("interop/drivers/glewlwyd.mjs");
        // Its database is made by a part of Node.js that is new.
        let mut command = node();
        command.arg("--disable-warning=ExperimentalWarning").arg(script).arg(peer("glewlwyd")).args(further);
        let process = Running::start(&mut command);
        let url = process.line("http://127.0.0.1:").trim().to_owned();
        Self { process, url }
    }

    /// Where `federated` may send people back to.
    pub(crate) fn sends_back_to(&mut self, url: &str) {
        self.hears(&format!("back {url}"), "told");
    }

    /// The groups that somebody is in from now on.
    pub(crate) fn group(&mut self, name: &str, groups: &Value) {
        self.hears(&format!("groups {name} {groups}"), "grouped");
    }

    /// Somebody has no account any more.
    pub(crate) fn dismiss(&mut self, name: &str) {
        self.hears(&format!("dismiss {name}"), "dismissed");
    }

    /// From now on nobody answers.
    pub(crate) fn close(&mut self) {
        self.hears("close", "closed");
    }

    /// Answers again.
    pub(crate) fn open(&mut self) {
        self.hears("open", "opened");
    }

    /// How often somebody asked for a token.
    pub(crate) fn grants(&mut self) -> u32 {
        self.answer("grants").parse().expect("a number")
    }

    /// Every token that it has given.
    pub(crate) fn given(&mut self) -> Vec<String> {
        serde_json::from_str(&self.answer("given")).expect("a list of tokens")
    }

    fn answer(&mut self, word: &str) -> String {
        let label = format!("{word}: ");
        self.hears(word, &label).trim_start_matches(&label).to_owned()
    }

    fn hears(&mut self, word: &str, done: &str) -> String {
        self.process.type_line(word);
        self.process.line(done)
    }
}
