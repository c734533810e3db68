//! The door: the real binary, running, with everything that a test asks of it from outside.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use super::process::Running;
use super::{Caller, Finished, Fixture, Issuer, Metrics, Plan, Request, Signal, claviger, eventually, run};

/// An open door.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    /// What its servers' URLs begin with.
    pub(crate) public_url: String,
    pub(crate) issuer: Issuer,
    process: Running,
    fixture: Option<Fixture>,
    folder: TempDir,
}

impl Door {
    /// A door before the fixture in both eras, where every caller with a token may do everything.
    pub(crate) async fn open() -> Self {
        Plan::both().await.open().await
    }

    pub(crate) async fn of(plan: Plan, folder: TempDir) -> Self {
        Self::try_of(plan, folder).await.unwrap_or_else(|finished| panic!("the door did not open: {finished:?}"))
    }

    pub(crate) async fn try_of(plan: Plan, folder: TempDir) -> Result<Self, Finished> {
        plan.write(folder.path());
        let mut command = claviger(folder.path());
        command.args(["serve", "-c", "claviger.toml", "--state", "state"]).args(&plan.arguments);
        command.envs(plan.variables);
        let mut process = Running::start(command);
        let opened = eventually("the door says where it is", || {
            let said = process.said();
            if process.has_ended().is_some() {
                return Some(None);
            }
            Some(Some((line_of(&said, "door")?.rsplit_once("/mcp/")?.0.to_owned(), address_in(line_of(&said, "metrics")?)?)))
        });
        let Some((public_url, admin)) = opened.await else { return Err(process.finished().await) };
        let state = folder.path().join("state");
        let address = match address_in(&public_url) {
            Some(address) => address,
            // Behind a public URL, the record says which address was bound.
            None => eventually("the record of the start", || lines_of(&state).pop()?["listen"].as_str()?.parse().ok()).await,
        };
        Ok(Self { address, admin, public_url, issuer: plan.issuer, process, fixture: plan.fixture, folder })
    }

    /// The resource of a server.
    pub(crate) fn resource_of(&self, server: &str) -> String {
        format!("{}/mcp/{server}", self.public_url)
    }

    /// The resource of the one server.
    pub(crate) fn resource(&self) -> String {
        self.resource_of("fixture")
    }

    /// A caller with a token that grants no scope.
    pub(crate) fn caller(&self, subject: &str) -> Caller {
        self.caller_with(subject, "")
    }

    /// A caller with a token that grants these scopes.
    pub(crate) fn caller_with(&self, subject: &str, scopes: &str) -> Caller {
        self.holder(&self.issuer.token(&self.resource(), subject, scopes))
    }

    /// Whoever holds this token.
    pub(crate) fn holder(&self, token: &str) -> Caller {
        Caller { token: Some(token.to_owned()), ..self.stranger() }
    }

    /// Somebody without a token.
    pub(crate) fn stranger(&self) -> Caller {
        Caller { address: self.address, path: "/mcp/fixture".to_owned(), token: None }
    }

    /// A GET of any path, without a token.
    pub(crate) fn get(&self, path: &str) -> Request {
        Request::new(Method::GET, self.address, path)
    }

    /// A GET on the admin listener.
    pub(crate) fn admin_get(&self, path: &str) -> Request {
        Request::new(Method::GET, self.admin, path)
    }

    /// POST at the admin listener.
    pub(crate) fn admin_post(&self, path: &str) -> Request {
        Request::new(Method::POST, self.admin, path)
    }

    /// What was counted so far.
    pub(crate) async fn metrics(&self) -> Metrics {
        let answer = self.admin_get("/metrics").send().await;
        assert_eq!(answer.status, 200);
        Metrics(answer.text().to_owned())
    }

    /// Every line of the record so far.
    pub(crate) fn record(&self) -> Vec<Value> {
        lines_of(&self.state())
    }

    /// The calls in the record so far.
    pub(crate) fn recorded_calls(&self) -> Vec<Value> {
        self.record().into_iter().filter(|line| line["event"] == "call").collect()
    }

    /// Waits for a line of the record.
    pub(crate) async fn recorded(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || self.record().into_iter().find(|line| is_it(line))).await
    }

    /// Everything on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.process.said()
    }

    /// Everything on stdout so far.
    pub(crate) fn printed(&self) -> String {
        self.process.printed()
    }

    /// Waits until this stands on stderr.
    pub(crate) async fn says(&self, text: &str) {
        eventually(text, || self.said().contains(text).then_some(())).await;
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.has_ended().is_some()
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Tells it to stop, waits for the end, and leaves its folder, its issuer and its fixture to the next door.
    pub(crate) async fn close(mut self) -> (TempDir, Issuer, Option<Fixture>) {
        self.signal(Signal::TERM);
        assert!(self.ended().await.success(), "{}", self.said());
        (self.folder, self.issuer, self.fixture)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the configuration anew, as editors do: beside, then over.
    pub(crate) fn reconfigure(&self, change: impl FnOnce(String) -> String) {
        let file = self.folder.path().join("claviger.toml");
        let text = change(std::fs::read_to_string(&file).unwrap());
        let beside = self.folder.path().join("claviger.toml.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, file).unwrap();
    }

    /// Runs another command of `claviger` in the door's folder.
    pub(crate) async fn claviger(&self, arguments: &[&str]) -> Finished {
        let mut command = claviger(self.folder.path());
        command.args(arguments);
        run(command).await
    }

    /// `claviger audit verify` on the door's record.
    pub(crate) async fn verify_record(&self) -> Finished {
        self.claviger(&["audit", "verify", "--state", "state"]).await
    }
}

fn lines_of(state: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(state.join("audit/mcp_calls.jsonl")).unwrap_or_default();
    // The last line may be on its way.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn line_of<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let end = said.rfind('\n')?;
    said[..end].lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::trim)
}

fn address_in(url: &str) -> Option<SocketAddr> {
    url.split_once("://")?.1.split('/').next()?.parse().ok()
}
