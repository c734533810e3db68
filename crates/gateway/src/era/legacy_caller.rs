//! How does a legacy caller use a modern server? The door keeps the session that the caller wants, stamps each request with what they declared when they
//! opened it, and puts what the server needs to know to them as the questions that they understand (protocol.md §1.6).

pub(super) mod caller;
mod news;
mod tools;
mod work;

use std::sync::Arc;

use ::http::StatusCode;
use bytes::Bytes;
use mcp::envelope::{Kind, Message, Params};
use mcp::era::to_legacy;
use mcp::error_code;
use mcp::method;
use mcp::version::ProtocolVersion;
use tokio::sync::mpsc;

pub(crate) use self::caller::Client;
pub(crate) use self::news::listen;
pub(super) use self::tools::Tools;

use self::caller::Caller;
use self::work::Work;
use super::Crossing;
use super::agent::{Agent, Letter};
use super::incoming::Incoming;
use super::outward::{answer, json};
use crate::back::failure::Scarce;
use crate::back::{BackFailure, Reply};
use crate::wire;

/// Answers `initialize` out of what the server says of itself. The reply names a session of the door's own.
pub(crate) async fn open(crossing: &Arc<Crossing>, agent: Agent, body: &Bytes, client: &Client) -> Result<Reply, BackFailure> {
    let message = Message::parse(body).map_err(|_| BackFailure::BadAnswer)?;
    let id = message.id().map_or("null", |id| id.as_str());
    let discovery = Letter::plain(client.request(DISCOVER, "0", None)?, MODERN, None);
    let mut incoming = Incoming::of(agent, discovery, crossing.limits.message_bytes);
    let heard = tokio::time::timeout(crossing.limits.call, incoming.next()).await;
    let heard = heard.map_err(|_| BackFailure::TimedOut { after: crossing.limits.call })??.ok_or(BackFailure::Crashed)?;
    let discovered = Message::parse(&heard).map_err(|_| BackFailure::BadAnswer)?;
    let Some(result) = discovered.result() else {
        let answer = to_legacy::response(&discovered, id, method::SERVER_DISCOVER, NEWEST).map_err(|_| BackFailure::BadAnswer)?;
        return Ok(json(StatusCode::OK, answer.into()));
    };
    let asked = message.params().and_then(Params::protocol_version).unwrap_or_default();
    let version = ProtocolVersion::negotiate(asked);
    let result = to_legacy::initialize_result(result.as_str(), version, &crossing.server).map_err(|_| BackFailure::BadAnswer)?;
    let body = wire::result(id, &result);
    let session = caller::fresh_id().ok_or(BackFailure::Stopping)?;
    Ok(Reply::Json { status: StatusCode::OK, body, session: Some(session), retry_after: None })
}

/// Answers one message within a session, or of a caller who keeps none.
pub(crate) async fn carry(
    crossing: &Arc<Crossing>,
    agent: Agent,
    body: &Bytes,
    caller: Arc<Caller>,
    version: ProtocolVersion,
) -> Result<Reply, BackFailure> {
    let message = Message::parse(body).map_err(|_| BackFailure::BadAnswer)?;
    caller.touch();
    match message.kind() {
        Kind::Response | Kind::ErrorResponse if caller.hears(&message) => return Ok(ACCEPTED),
        Kind::Response | Kind::ErrorResponse => return Err(BackFailure::NotAsked),
        Kind::Notification => {
            if let (Some(method::NOTIFICATIONS_CANCELLED), Some(params)) = (message.method(), message.params()) {
                caller.take_back(params);
            }
            // What else a legacy client says by itself, a modern server does not know.
            return Ok(ACCEPTED);
        }
        Kind::Request => {}
    }
    let (Some(id), Some(name)) = (message.id(), message.method()) else { return Err(BackFailure::BadAnswer) };
    let id = id.as_str();
    if let Some(result) = settle(&caller, &message, name)? {
        return Ok(json(StatusCode::OK, result.under(id)));
    }
    let (teller, told) = mpsc::channel(AHEAD);
    let work = Work { crossing: Arc::clone(crossing), agent, caller, version, body: body.clone(), teller };
    tokio::spawn(work.go_on());
    answer(told, id, false).await
}

/// What the door answers by itself.
enum Settled {
    Done,
    Unknown,
    BadLevel,
}

impl Settled {
    fn under(&self, id: &str) -> Bytes {
        match self {
            Self::Done => wire::result(id, "{}"),
            Self::Unknown => wire::error(id, error_code::METHOD_NOT_FOUND, "the server has no such method"),
            Self::BadLevel => wire::error(id, error_code::INVALID_PARAMS, "there is no such log level"),
        }
    }
}

/// Requests that are about the session, which a modern server knows nothing of; `None`: the server has to be asked.
fn settle(caller: &Caller, message: &Message<'_>, name: &str) -> Result<Option<Settled>, BackFailure> {
    let params = message.params();
    Ok(Some(match (name, params.and_then(Params::uri)) {
        (method::PING, _) => Settled::Done,
        (method::LOGGING_SET_LEVEL, _) => match params.and_then(Params::level).filter(|level| LEVELS.contains(level)) {
            Some(level) => {
                caller.log_at(level);
                Settled::Done
            }
            None => Settled::BadLevel,
        },
        (method::RESOURCES_SUBSCRIBE, Some(uri)) => {
            if !caller.watch(uri) {
                return Err(BackFailure::Busy(Scarce::Subscriptions));
            }
            Settled::Done
        }
        (method::RESOURCES_UNSUBSCRIBE, Some(uri)) => {
            caller.unwatch(uri);
            Settled::Done
        }
        // Of the modern era alone, or tasks, of which the two eras mean different things.
        (method::SERVER_DISCOVER | method::SUBSCRIPTIONS_LISTEN, _) => Settled::Unknown,
        (task, _) if task.starts_with("tasks/") => Settled::Unknown,
        _ => return Ok(None),
    }))
}

const DISCOVER: &[u8] = br#"{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{}}"#;
const ACCEPTED: Reply = Reply::Accepted { status: StatusCode::ACCEPTED, session: None };
/// What the door speaks with modern servers.
const MODERN: ProtocolVersion = ProtocolVersion::V2026_07_28;
const NEWEST: ProtocolVersion = mcp::version::NEWEST_LEGACY;
/// RFC 5424, as MCP lists them.
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
/// What a task may say before its caller reads it.
const AHEAD: usize = 64;
