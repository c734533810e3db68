//! The smallest door with one child, for the tests that kill a door: `small_door <guard program> <program> args…` opens a session, calls
//! the tool `family`, prints what it says, and ends when its input does.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use broker::Resolver;
use broker::reference::Template;
use broker::source::{Environment, Files, OpenFiles, Sources};
use claviger_gateway::PrincipalKey;
use claviger_gateway::back::EraBook;
use claviger_gateway::back::stdio::{Answer, StdioBack};
use claviger_gateway::config::{Limits, Process, Protocol, ServerName, Timeouts, Upstream};
use mcp::envelope::Message;
use policy::{Action, Caller, RuleSet};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Some(()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

async fn run() -> Option<()> {
    let mut arguments = std::env::args().skip(1);
    let process = Process {
        guard_program: arguments.next()?.into(),
        program: arguments.next()?,
        arguments: arguments.map(|argument| Template::parse(&argument).ok()).collect::<Option<_>>()?,
        environment: BTreeMap::new(),
        inherited: BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]),
        directory: None,
    };
    let resolver = Arc::new(Resolver::new(Sources::local(Environment::default(), Files::new("/".into(), OpenFiles::Warn)), Arc::new(|| 0)));
    let name = ServerName::parse("child").ok()?;
    let upstream = (Upstream::Process(process), Protocol::Legacy);
    let back = StdioBack::for_upstream(&name, upstream, &resolver, &Limits::default(), &Timeouts::default(), EraBook::default())?;
    let scopes = oauth::scope::ScopeSet::default();
    let caller = Caller { issuer: "i", subject: "s", client: None, scopes: &scopes };
    let permit = RuleSet::open().decide(&caller, &Action::Method("tools/call")).ok()?;
    let who = PrincipalKey::new("i", "s");
    let opened = back.open(&permit, &who, &Message::parse(INITIALIZE).ok()?).await.ok()?;
    let answer = back.send(&permit, &who, &opened.session?, &Message::parse(FAMILY).ok()?).await.ok()?;
    let Answer::Json { body, .. } = answer else { return None };
    let mut output = std::io::stdout();
    output.write_all(&body).ok()?;
    output.write_all(b"\n").ok()?;
    output.flush().ok()?;
    let waiting = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    waiting.await.ok()?.ok()?;
    back.shutdown(Duration::from_millis(200)).await;
    Some(())
}

const INITIALIZE: &[u8] = br#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const FAMILY: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"family"}}"#;
