//! How does a modern caller use a legacy server? The door keeps the conversation that the server wants, one for each caller and set of capabilities, and
//! turns what the server asks in the middle of a call into a result that asks the caller (protocol.md §1.6).

pub(super) mod conversation;
mod hearing;
pub(super) mod news;
pub(super) mod parked;
pub(super) mod pool;
pub(super) mod state;
mod work;

use std::sync::Arc;

use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use mcp::envelope::{Kind, Message, Params};
use mcp::era::to_modern;
use mcp::error_code;
use mcp::method;
use mcp::version::ProtocolVersion;
use tokio::sync::mpsc;

use self::conversation::{Conversation, Tools};
use self::parked::Answers;
use self::state::State;
use self::work::{Asker, Work};
use super::agent::Agent;
use super::outward::{answer, json};
use super::{Crossing, ROUNDS};
use crate::back::{BackFailure, Reply};
use crate::wire;

/// Answers one message of a modern caller.
pub(crate) async fn carry(crossing: &Arc<Crossing>, agent: Agent, body: &Bytes, headers: &HeaderMap) -> Result<Reply, BackFailure> {
    let message = Message::parse(body).map_err(|_| BackFailure::BadAnswer)?;
    let (Kind::Request, Some(id), Some(name)) = (message.kind(), message.id(), message.method()) else {
        // The modern revisions have no notification that a legacy server would understand.
        return Ok(Reply::Accepted { status: StatusCode::ACCEPTED, session: None });
    };
    let id = id.as_str();
    if !is_of_both_eras(name) {
        return Ok(json(StatusCode::NOT_FOUND, wire::error(id, error_code::METHOD_NOT_FOUND, "the server has no such method")));
    }
    let mut asker = Asker::of(&message, id, name);
    let mut round = 0;
    if let Some(text) = message.params().and_then(Params::request_state) {
        let Some(text) = text.decode_string() else { return Ok(stale(id)) };
        let text = &*text;
        let Some(state) = crossing.states.open(text, crossing.owner(&agent), crossing.now(), &message) else {
            return Ok(stale(id));
        };
        match state {
            State::Parked { key } => return resume(crossing, &agent, &message, asker, &key).await,
            State::Again { rounds } if rounds >= ROUNDS => return Ok(stale(id)),
            State::Again { rounds } => round = rounds,
        }
    }
    asker.round = round;
    let conversation = crossing.pool.conversation(crossing, &agent, &message).await?;
    let toolbox = Tools { conversation: &conversation, agent: &agent };
    if let Some(refusal) = conversation.parameters.check(&toolbox, &message, headers, crossing.limits.call).await {
        return Ok(json(StatusCode::BAD_REQUEST, refusal));
    }
    match ask(crossing, &agent, body, asker.clone(), &conversation).await {
        // Nothing of the answer had been seen: the server forgot the conversation, so it is begun anew, once.
        Err(BackFailure::SessionGone) => {
            conversation.lose();
            let conversation = crossing.pool.conversation(crossing, &agent, &message).await?;
            ask(crossing, &agent, body, asker, &conversation).await
        }
        outcome => outcome,
    }
}

async fn ask(
    crossing: &Arc<Crossing>,
    agent: &Agent,
    body: &Bytes,
    asker: Asker,
    conversation: &Arc<Conversation>,
) -> Result<Reply, BackFailure> {
    let message = Message::parse(body).map_err(|_| BackFailure::BadAnswer)?;
    match message.method() {
        Some(method::SERVER_DISCOVER) => {
            let discovery = to_modern::discovery(&conversation.opened, &SERVED).map_err(|_| BackFailure::BadAnswer)?;
            return Ok(json(StatusCode::OK, wire::result(&asker.id, &discovery)));
        }
        Some(method::SUBSCRIPTIONS_LISTEN) => return news::listen(conversation, agent, &message, &asker.id).await,
        _ => {}
    }
    conversation.hear(agent).await;
    conversation.log_at(agent, asker.log_level.as_deref()).await?;
    let work = Work::begin(conversation, agent, &message, &asker)?;
    let (id, tell) = (asker.id.clone(), asker);
    let (tellers, told) = mpsc::channel(AHEAD);
    let crossing = Arc::clone(crossing);
    tokio::spawn(async move { work.go_on(&crossing, tell, tellers).await });
    answer(told, &id, true).await
}

/// Goes on with a call whose question was answered.
async fn resume(crossing: &Arc<Crossing>, agent: &Agent, message: &Message<'_>, asker: Asker, key: &str) -> Result<Reply, BackFailure> {
    let id = asker.id.clone();
    let responses = message.params().and_then(Params::input_responses).map_or("{}", |responses| responses.as_str()).to_owned();
    let (teller, told) = mpsc::channel(AHEAD);
    let answers = Answers { responses, asker, teller, agent: agent.clone() };
    if !crossing.parked.resume(&agent.principal.key, key, answers) {
        return Ok(stale(&id));
    }
    answer(told, &id, true).await
}

fn stale(id: &str) -> Reply {
    let text = "the question that this answers is not known here, or was asked too long ago: call again without `requestState`";
    json(StatusCode::OK, wire::error(id, error_code::INVALID_PARAMS, text))
}

/// Whether a request means the same to both eras; the tasks of 2025-11-25 are not those of the extension.
fn is_of_both_eras(name: &str) -> bool {
    !method::is_removed_in_modern(name) && !matches!(name, method::TASKS_CANCEL | method::TASKS_GET | method::TASKS_UPDATE)
}

/// The revisions that the door speaks for a legacy server.
const SERVED: [ProtocolVersion; 4] =
    [ProtocolVersion::V2025_03_26, ProtocolVersion::V2025_06_18, ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];
/// What a task may say before its caller reads it.
const AHEAD: usize = 64;
