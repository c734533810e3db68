//! One conversation with a legacy server, held by the door for a caller who has none: opened with `initialize`, numbered by the door, closed when idle.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mcp::envelope::{Message, Meta};
use mcp::era::to_legacy;
use mcp::error_code;
use mcp::method;
use mcp::version::{LEGACY, ProtocolVersion};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hearing::Ear;
use super::news::Listener;
use crate::back::parameters::{Parameters, Toolbox};
use crate::back::{BackFailure, Reply};
use crate::era::agent::{Agent, Letter};
use crate::era::incoming::Incoming;
use crate::layers::session::Session;

/// A legacy server's side of a conversation, and everybody here who takes part in it.
pub(crate) struct Conversation {
    /// None where the server keeps no session.
    pub(super) session: Option<Arc<Session>>,
    pub(super) version: ProtocolVersion,
    /// The result of `initialize`, as written.
    pub(super) opened: String,
    /// `serverInfo`, as written.
    pub(super) server_info: Option<String>,
    pub(super) offers: Offers,
    pub(super) message_bytes: usize,
    next: AtomicU64,
    underway: Mutex<BTreeMap<u64, Underway>>,
    pub(super) listeners: Mutex<HashMap<u64, Listener>>,
    log_level: tokio::sync::Mutex<Option<String>>,
    pub(super) parameters: Parameters,
    /// Counts the server's words that its tools have changed.
    tool_changes: AtomicU64,
    pub(super) ear: tokio::sync::Mutex<Ear>,
    used: Mutex<Instant>,
    lost: AtomicBool,
}

/// What the server declares, as far as the door acts on it.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub(super) struct Offers {
    pub(super) logging: bool,
    pub(super) tools_change: bool,
    pub(super) prompts_change: bool,
    pub(super) resources_change: bool,
    pub(super) subscriptions: bool,
}

/// A call on its way.
struct Underway {
    mail: mpsc::Sender<Bytes>,
    wants_logs: bool,
    /// Whether it waits for an answer of its caller's, and reads nothing meanwhile.
    is_parked: bool,
}

impl Conversation {
    /// Opens one in the words of the first request that needs it.
    pub(super) async fn open(agent: &Agent, first: &Message<'_>, message_bytes: usize) -> Result<Self, BackFailure> {
        let meta = first.meta();
        let capabilities = meta.and_then(Meta::client_capabilities).map_or("{}", |raw| raw.as_str());
        let capabilities = to_legacy::client_capabilities(capabilities).map_err(|_| BackFailure::BadAnswer)?;
        let client = meta.and_then(Meta::client_info).map_or(OURSELVES, |raw| raw.as_str());
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{SPOKEN}","capabilities":{capabilities},"clientInfo":{client}}}}}"#
        );
        let reply = agent.send(&Letter::plain(body, SPOKEN, None)).await?;
        let id = reply.session().map(str::to_owned);
        let Reply::Json { body, status, .. } = reply else { return Err(BackFailure::BadAnswer) };
        if !status.is_success() {
            return Err(BackFailure::UnexpectedStatus { status });
        }
        let answer = Message::parse(&body).map_err(|_| BackFailure::BadAnswer)?;
        let opened = answer.result().ok_or(BackFailure::BadAnswer)?.as_str().to_owned();
        let Opening { protocol_version, server_info, capabilities } = serde_json::from_str(&opened).map_err(|_| BackFailure::BadAnswer)?;
        let version = ProtocolVersion::parse(&protocol_version).filter(|version| LEGACY.contains(version)).ok_or(BackFailure::BadAnswer)?;
        let session = id.map(|upstream| Arc::new(Session::of_upstream(upstream, version)));
        let conversation = Self {
            session,
            version,
            server_info: server_info.map(|info| info.get().to_owned()),
            offers: Offers::of(&capabilities),
            opened: opened.clone(),
            message_bytes,
            next: AtomicU64::new(1),
            underway: Mutex::default(),
            listeners: Mutex::default(),
            log_level: tokio::sync::Mutex::default(),
            parameters: Parameters::default(),
            tool_changes: AtomicU64::new(0),
            ear: tokio::sync::Mutex::default(),
            used: Mutex::new(Instant::now()),
            lost: AtomicBool::new(false),
        };
        agent.send(&conversation.letter(INITIALIZED.to_vec())).await?;
        Ok(conversation)
    }

    /// A message of this conversation.
    pub(super) fn letter(&self, body: Vec<u8>) -> Letter {
        Letter::plain(body, self.version, self.session.clone())
    }

    /// A number for a call, and what comes for it on the server's own stream.
    pub(super) fn take_number(&self, wants_logs: bool) -> (u64, mpsc::Receiver<Bytes>) {
        self.touch();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (mail, inbox) = mpsc::channel(MAIL);
        self.underway().insert(number, Underway { mail, wants_logs, is_parked: false });
        (number, inbox)
    }

    /// A number for a request of the door's own.
    pub(super) fn own_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The call is over.
    pub(super) fn give_back(&self, number: u64) {
        self.touch();
        self.underway().remove(&number);
    }

    /// Notes that the call waits for an answer of its caller's, or no longer does.
    pub(super) fn note_parked(&self, number: u64, is_parked: bool) {
        if let Some(call) = self.underway().get_mut(&number) {
            call.is_parked = is_parked;
        }
    }

    /// Hands a message to the call with this number, or to the newest that reads; `false`: there is none, or it does not keep up.
    pub(super) fn give(&self, number: Option<u64>, message: &Message<'_>) -> bool {
        let underway = self.underway();
        let call = match number {
            Some(number) => underway.get(&number),
            None => underway.values().rev().find(|call| !call.is_parked),
        };
        call.is_some_and(|call| call.mail.try_send(Bytes::copy_from_slice(message.raw().as_bytes())).is_ok())
    }

    /// A log line names no call: it is passed on where there is no doubt whose it is.
    pub(super) fn give_log(&self, message: &Message<'_>) {
        let underway = self.underway();
        let mut wanting = underway.values().filter(|call| call.wants_logs);
        if let (Some(call), None) = (wanting.next(), wanting.next()) {
            // Whoever does not keep up misses log lines.
            let _ = call.mail.try_send(Bytes::copy_from_slice(message.raw().as_bytes()));
        }
    }

    /// Has the server log at the level that a caller asks for with their request (`logLevel`), where it is another than before.
    pub(super) async fn log_at(&self, agent: &Agent, level: Option<&str>) -> Result<(), BackFailure> {
        let Some(level) = level.filter(|_| self.offers.logging) else { return Ok(()) };
        let mut current = self.log_level.lock().await;
        if current.as_deref() != Some(level) {
            self.request(agent, method::LOGGING_SET_LEVEL, &serde_json::json!({ "level": level })).await?;
            *current = Some(level.to_owned());
        }
        Ok(())
    }

    /// A request of the door's own; the answer is what the server says, result or error.
    pub(super) async fn request(&self, agent: &Agent, method: &str, params: &serde_json::Value) -> Result<Bytes, BackFailure> {
        let id = self.own_number();
        let body = serde_json::json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        let mut incoming = Incoming::of(agent.clone(), self.letter(body.into()), self.message_bytes);
        while let Some(heard) = incoming.next().await? {
            let message = Message::parse(&heard).map_err(|_| BackFailure::BadAnswer)?;
            if message.method().is_none() {
                return Ok(heard);
            }
        }
        Err(BackFailure::Crashed)
    }

    /// Passes an answer on to the server that asked. A server that no longer wants it has gone on without.
    pub(super) async fn reply(&self, agent: &Agent, question: &Message<'_>, result: &str) {
        let Some(id) = question.id() else { return };
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        self.post(agent, body.into_bytes()).await;
    }

    /// Tells the server that its question goes unanswered; a form or a URL is called off, which needs no error.
    pub(super) async fn refuse(&self, agent: &Agent, question: &Message<'_>) {
        match question.method() {
            Some(method::PING) => self.reply(agent, question, "{}").await,
            Some(method::ELICITATION_CREATE) => self.reply(agent, question, r#"{"action":"cancel"}"#).await,
            _ => {
                let text = "the client takes no such request";
                self.post(agent, error_code::error_response(question.id(), error_code::METHOD_NOT_FOUND, text, None)).await;
            }
        }
    }

    async fn post(&self, agent: &Agent, body: Vec<u8>) {
        if let Err(error) = agent.send(&self.letter(body)).await {
            tracing::debug!(target: "door", error = &error as &dyn std::error::Error, "a legacy server took no answer to its question");
        }
    }

    /// Tells the server, in the background, that a call is no longer wanted.
    pub(super) fn cancel(self: &Arc<Self>, agent: Agent, number: u64) {
        let conversation = Arc::clone(self);
        let body = format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{number}}}}}"#);
        tokio::spawn(async move { conversation.post(&agent, body.into_bytes()).await });
    }

    /// The server's tools are not what they were.
    pub(super) fn note_tool_change(&self) {
        self.tool_changes.fetch_add(1, Ordering::Relaxed);
    }

    /// The server knows it no more.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for something.
    pub(super) fn is_busy(&self) -> bool {
        !self.underway().is_empty() || !self.listeners().is_empty()
    }

    pub(super) fn idle(&self) -> std::time::Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn listeners(&self) -> MutexGuard<'_, HashMap<u64, Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn underway(&self) -> MutexGuard<'_, BTreeMap<u64, Underway>> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server as one whose tools can be asked for.
pub(super) struct Tools<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) agent: &'a Agent,
}

impl Toolbox for Tools<'_> {
    fn changes(&self) -> u64 {
        self.conversation.tool_changes.load(Ordering::Relaxed)
    }

    async fn page(&self, cursor: Option<&str>) -> Option<Bytes> {
        let params = cursor.map_or_else(|| serde_json::json!({}), |cursor| serde_json::json!({ "cursor": cursor }));
        self.conversation.request(self.agent, method::TOOLS_LIST, &params).await.ok()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opening<'a> {
    protocol_version: String,
    #[serde(borrow, default)]
    server_info: Option<&'a RawValue>,
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    logging: Option<serde_json::Value>,
    tools: Option<Part>,
    prompts: Option<Part>,
    resources: Option<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part {
    list_changed: bool,
    subscribe: bool,
}

impl Offers {
    fn of(capabilities: &Capabilities) -> Self {
        let changes = |part: &Option<Part>| part.as_ref().is_some_and(|part| part.list_changed);
        Self {
            logging: capabilities.logging.is_some(),
            tools_change: changes(&capabilities.tools),
            prompts_change: changes(&capabilities.prompts),
            resources_change: changes(&capabilities.resources),
            subscriptions: capabilities.resources.as_ref().is_some_and(|part| part.subscribe),
        }
    }
}

/// What the door speaks with legacy servers; they may answer with an older revision.
const SPOKEN: ProtocolVersion = ProtocolVersion::V2025_11_25;
const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
/// Who the door is to a server whose caller does not say who they are.
const OURSELVES: &str = concat!(r#"{"name":"claviger","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);
/// Messages on the server's own stream that may wait for one call.
const MAIL: usize = 64;
