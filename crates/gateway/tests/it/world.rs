//! A back with a real child, and the few things that tests say to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use broker::Resolver;
use broker::reference::Template;
use broker::source::{Environment, Files, OpenFiles, Sources};
use claviger_gateway::PrincipalKey;
use claviger_gateway::back::stdio::{Answer, StdioBack};
use claviger_gateway::back::{BackFailure, EraBook};
use claviger_gateway::config::{Limits, Process, Protocol, ServerName, Timeouts, Upstream};
use mcp::envelope::Message;
use policy::{Action, Caller, Permit, RuleSet};
use serde_json::{Value, json};

/// What is declared of the child.
#[derive(Default)]
pub(crate) struct Declared<'a> {
    pub(crate) arguments: &'a [&'a str],
    pub(crate) environment: &'a [(&'a str, &'a str)],
    pub(crate) inherited: &'a [(&'a str, &'a str)],
    pub(crate) directory: Option<PathBuf>,
    /// What references can find.
    pub(crate) variables: &'a [(&'a str, &'a str)],
    pub(crate) message_bytes: Option<usize>,
}

pub(crate) struct World {
    pub(crate) back: Arc<StdioBack>,
    session: String,
}

impl World {
    /// Starts the Python server and opens a session.
    pub(crate) async fn open(declared: Declared<'_>) -> Self {
        let back = back(declared);
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }).to_string();
        let opened = back.open(&permit(), &key(), &Message::parse(message.as_bytes()).unwrap()).await.unwrap();
        Self { session: opened.session.unwrap(), back }
    }

    /// The result of a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<Value, BackFailure> {
        let params = json!({ "name": tool, "arguments": arguments });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
        let message = Message::parse(message.as_bytes()).unwrap();
        match self.back.send(&permit(), &key(), &self.session, &message).await? {
            Answer::Json { body, .. } => Ok(serde_json::from_slice::<Value>(&body).unwrap()["result"].take()),
            other => panic!("not one message: {other:?}"),
        }
    }
}

fn back(declared: Declared<'_>) -> Arc<StdioBack> {
    let template = |text: &str| Template::parse(text).unwrap();
    let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut inherited = text(declared.inherited);
    inherited.entry("PATH".to_owned()).or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
    let server = peer("server.py");
    let process = Process {
        program: python(),
        arguments: ["-I", "-S", server.to_str().unwrap()].iter().chain(declared.arguments).map(|text| template(text)).collect(),
        environment: declared.environment.iter().map(|(name, value)| ((*name).to_owned(), template(value))).collect(),
        inherited,
        directory: declared.directory,
        guard_program: example("child_guard"),
    };
    let environment: Environment = text(declared.variables).into_iter().collect();
    let resolver = Arc::new(Resolver::new(Sources::local(environment, Files::new("/".into(), OpenFiles::Warn)), Arc::new(|| 0)));
    let limits = Limits { message_bytes: declared.message_bytes.unwrap_or(1 << 20), ..Limits::default() };
    let name = ServerName::parse("child").unwrap();
    let upstream = (Upstream::Process(process), Protocol::Auto);
    StdioBack::for_upstream(&name, upstream, &resolver, &limits, &Timeouts::default(), EraBook::default()).unwrap()
}

pub(crate) fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

/// The interpreter itself: what stands on the path may be a script that starts it.
pub(crate) fn python() -> String {
    let output = Command::new("python3").args(["-I", "-S", "-c", "import sys; print(sys.executable)"]).output();
    let output = output.expect("python3 is needed for this test (Debian: apt-get install python3)");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A program of this crate's `examples`. Cargo builds them with the tests, except when only some targets are asked for.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    if !path.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "claviger-gateway", "--examples"]).status();
        assert!(built.unwrap().success() && path.exists(), "cargo build -p claviger-gateway --examples");
    }
    path
}

fn key() -> PrincipalKey {
    PrincipalKey::new("https://issuer.example", "ann")
}

fn permit() -> Permit {
    let scopes = oauth::scope::ScopeSet::default();
    let caller = Caller { issuer: "https://issuer.example", subject: "ann", client: None, scopes: &scopes };
    RuleSet::open().decide(&caller, &Action::Method("tools/call")).unwrap()
}
