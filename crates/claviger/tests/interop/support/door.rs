//! How is a door opened for a test? The real binary, with a state folder of its own, on a port that the system chooses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::http::try_exchange;
use super::process::Ended;
use super::secrets::Secrets;
use super::{Running, eventually, peers, to_end};

/// What a door is to stand before, as flags of `claviger serve`.
#[derive(Default)]
pub(crate) struct Setup {
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    folder: Option<PathBuf>,
    program: Vec<String>,
}

impl Setup {
    /// A stdio server.
    pub(crate) fn program(name: &str, program: Vec<String>) -> Self {
        Self { program, ..Self::default() }.flag("--name", name)
    }

    /// A stdio server that the door names by itself.
    pub(crate) fn unnamed_program(program: &[&str]) -> Self {
        Self { program: program.iter().map(|&word| word.to_owned()).collect(), ..Self::default() }
    }

    /// An HTTP server.
    pub(crate) fn url(name: &str, url: &str) -> Self {
        Self::default().flag("--name", name).flag("--url", url)
    }

    /// An HTTP server of 2024-11-05.
    pub(crate) fn sse(name: &str, url: &str) -> Self {
        Self::url(name, url).flag("--transport", "sse")
    }

    /// The built-in server on `folder`.
    pub(crate) fn demo(folder: &Path) -> Self {
        let mut setup = Self::default().within(folder);
        setup.flags.push("--demo".to_owned());
        setup
    }

    /// A configuration file.
    pub(crate) fn file(path: &Path) -> Self {
        Self::default().flag("--config", &peers::text(path))
    }

    /// One line of the scope table.
    pub(crate) fn scope(self, rule: &str) -> Self {
        self.flag("--scope", rule)
    }

    /// The era that the server is to be spoken to in.
    pub(crate) fn protocol(self, era: &str) -> Self {
        self.flag("--protocol", era)
    }

    /// A variable of the door's own environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder to start in.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Opens the door.
    pub(crate) fn open(self) -> Door {
        let state = tempfile::tempdir().expect("a temporary folder can be made");
        let (process, url) = self.start(state.path(), "127.0.0.1:0");
        Door { setup: self, process, url, state, secrets: Secrets::default(), said_before: String::new() }
    }

    fn start(&self, state: &Path, address: &str) -> (Running, String) {
        let mut command = peers::with_peers_on_path(DOOR);
        command
            .args(["serve", "--listen", address, "--admin-listen", "127.0.0.1:0", "--state"])
            .arg(state)
            .args(&self.flags)
            .env("HOME", state)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        if !self.program.is_empty() {
            command.arg("--").args(&self.program);
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let process = Running::start(&mut command);
        let line = process.line("http://127.0.0.1:");
        (process, url_in(&line))
    }
}

/// A door that is open until the test is over.
pub(crate) struct Door {
    setup: Setup,
    process: Running,
    /// Where its first server is.
    pub(crate) url: String,
    state: TempDir,
    secrets: Secrets,
    said_before: String,
}

impl Door {
    /// A token for the door's server with these scopes, minted as a person would.
    pub(crate) fn token(&self, scopes: &str) -> String {
        self.token_of("interop", scopes)
    }

    /// The same for somebody else.
    pub(crate) fn token_of(&self, subject: &str, scopes: &str) -> String {
        self.token_at(self.name(), subject, scopes)
    }

    /// Calls a tool of one of the door's servers as `claviger call` does: what it printed, or what it said was wrong.
    pub(crate) fn call(&self, server: &str, tool: &str, arguments: &Value) -> Result<String, String> {
        self.call_with(&self.token_at(server, "interop", ""), server, tool, arguments)
    }

    /// The same with this token.
    pub(crate) fn call_with(&self, token: &str, server: &str, tool: &str, arguments: &Value) -> Result<String, String> {
        let url = format!("{}/mcp/{server}", self.origin());
        let called = to_end(Command::new(DOOR).args(["call", &url, tool, &arguments.to_string()]).env("CLAVIGER_TOKEN", token));
        if called.success { Ok(called.stdout.trim().to_owned()) } else { Err(called.stderr) }
    }

    fn token_at(&self, audience: &str, subject: &str, scopes: &str) -> String {
        let mint = to_end(&mut self.command(&["token", "mint", "--aud", audience, "--sub", subject, "--ttl", "900", "--scope", scopes]));
        assert!(mint.success, "no token was minted: {}", mint.stderr);
        self.keep_secret(mint.stdout.trim())
    }

    /// Remembers a token, so that `close` can look for it where it must not be.
    pub(crate) fn keep_secret(&self, token: &str) -> String {
        self.secrets.keep(token);
        token.to_owned()
    }

    /// What `close` looks for, to be added to by others.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Types a command of `claviger` about this door's state folder.
    pub(crate) fn types(&self, words: &[&str]) -> Ended {
        to_end(&mut self.command(words))
    }

    /// The account that it made at its first start, and its password, as it told them this once.
    pub(crate) fn first_account(&self) -> (String, String) {
        let line = self.process.line("account ");
        let told = line.trim_start_matches("account");
        let (name, rest) = told.trim().split_once(", password ").expect("with its password");
        let password = rest.split(';').next().expect("a split has a first part");
        (name.to_owned(), password.to_owned())
    }

    /// The name of its first server.
    pub(crate) fn name(&self) -> &str {
        self.url.rsplit('/').next().expect("a URL has segments")
    }

    /// Where it listens, without a path.
    pub(crate) fn origin(&self) -> &str {
        self.url.split("/mcp/").next().expect("a server is below /mcp/")
    }

    pub(crate) fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// The first `count` records of calls of `tool`; a record may be written a moment after its answer.
    pub(crate) fn calls_of(&self, tool: &str, count: usize) -> Vec<Value> {
        self.records("tool", tool, count)
    }

    /// The first `count` records of this event.
    pub(crate) fn events(&self, event: &str, count: usize) -> Vec<Value> {
        self.records("event", event, count)
    }

    fn records(&self, member: &str, value: &str, count: usize) -> Vec<Value> {
        let found = || -> Vec<Value> {
            let record = self.record();
            let records = record.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record is JSON"));
            records.filter(|record| record[member] == value).collect()
        };
        assert!(eventually(|| found().len() >= count), "{count} of `{value}` are not in the record:\n{}", self.record());
        found()
    }

    /// Ends it; what it kept stays.
    pub(crate) fn shut(&mut self) {
        assert!(self.process.stop().success(), "the door did not end well:\n{}", self.process.said());
        self.said_before.push_str(&self.process.said());
    }

    /// Opens it again at the same place, with what it kept.
    pub(crate) fn open_again(&mut self) {
        let address = self.origin().trim_start_matches("http://").to_owned();
        (self.process, _) = self.setup.start(self.state.path(), &address);
    }

    /// Ends the door and looks after it: it ends well, the chain of its records is whole, and it kept every secret to itself.
    pub(crate) fn close(mut self) {
        let metrics = self.metrics();
        self.shut();
        let verify = self.types(&["audit", "verify"]);
        assert!(verify.success, "the record is broken: {}{}", verify.stdout, verify.stderr);
        self.secrets.are_not_in("the metrics", &metrics);
        self.secrets.are_not_in("what it said", &self.said_before);
        for file in files_below(self.state.path()) {
            let bytes = fs::read(&file).expect("a file of the state folder can be read");
            self.secrets.are_not_in(&peers::text(&file), &String::from_utf8_lossy(&bytes));
        }
    }

    /// The page of metrics; nothing, if the door has ended.
    fn metrics(&self) -> String {
        let said = self.process.said();
        let line = said.lines().find(|line| line.starts_with("metrics ")).expect("the door says where its metrics are");
        try_exchange("GET", &url_in(line), &[], "").map_or_else(|_| String::new(), |reply| reply.text().to_owned())
    }

    /// The whole lines of the record; one may be on its way.
    fn record(&self) -> String {
        let mut record = fs::read_to_string(self.state.path().join("audit/mcp_calls.jsonl")).expect("the record can be read");
        record.truncate(record.rfind('\n').map_or(0, |end| end + 1));
        record
    }

    /// A command beside the door, on its state folder.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(DOOR);
        command.args(words).env("CLAVIGER_STATE", self.state.path());
        command
    }
}

fn url_in(line: &str) -> String {
    line.split_whitespace().find(|word| word.starts_with("http://")).expect("the line holds a URL").to_owned()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the test can be read").map(|entry| entry.expect("an entry can be read").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else if path.is_file() {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}

/// The binary under test.
const DOOR: &str = env!("CARGO_BIN_EXE_claviger");
