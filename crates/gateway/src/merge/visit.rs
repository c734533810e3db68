//! How is a member asked? In the modern era, whichever it speaks; and where all are asked at once, none of them waits for another.

use std::sync::Arc;

use ::http::HeaderMap;
use bytes::Bytes;
use futures_util::future::join_all;
use mcp::envelope::{ErrorObject, Kind, Message};
use mcp::error_code;
use policy::{Action, Permit};
use serde_json::{Map, Value, json};

use super::{MODERN, Member, Merged, Times, route};
use crate::back::failure::Scarce;
use crate::back::{BackFailure, Outgoing, Reply, http as back_http};
use crate::era::agent::Agent;
use crate::era::incoming::Incoming;
use crate::era::modern_caller;
use crate::principal::{CallerToken, Principal};

/// Who asks.
pub(super) struct Visitor {
    principal: Arc<Principal>,
    token: Option<Arc<CallerToken>>,
    headers: HeaderMap,
    /// What the caller's message says about them (`_meta`), as written.
    meta: String,
}

/// Why a member's part is missing.
#[derive(Debug)]
pub(super) enum Absence {
    /// There was no answer.
    Failed(BackFailure),
    /// There was an error.
    Refused { code: i64 },
}

/// A question to one member.
pub(super) struct Visit {
    pub(super) member: Arc<Member>,
    agent: Agent,
    meta: String,
    message_bytes: usize,
}

impl Visitor {
    pub(super) fn of(outgoing: &Outgoing<'_>) -> Self {
        let meta = outgoing.message.meta().map_or("{}", |meta| meta.raw().as_str());
        Self {
            principal: Arc::clone(outgoing.mandate.principal),
            token: outgoing.mandate.token.cloned(),
            headers: back_http::trace_of(outgoing.headers),
            meta: meta.to_owned(),
        }
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The caller at one member. Their own token goes no further than to where it is needed.
    pub(super) fn agent(&self, member: &Member, permit: Permit) -> Agent {
        Agent {
            back: member.server.back.clone(),
            principal: Arc::clone(&self.principal),
            token: self.token.clone().filter(|_| member.server.needs_callers_token),
            permit,
            headers: self.headers.clone(),
        }
    }

    /// Every member that may be asked this.
    pub(super) fn visits(&self, merged: &Merged, method: &str) -> Vec<Visit> {
        let visit = |member: &Arc<Member>| {
            let permit = route::decide(member, &self.principal, &Action::Method(method)).ok()?;
            let (agent, meta) = (self.agent(member, permit), self.meta.clone());
            Some(Visit { member: Arc::clone(member), agent, meta, message_bytes: merged.message_bytes })
        };
        merged.members.iter().filter_map(visit).collect()
    }
}

impl Visit {
    pub(super) fn principal(&self) -> &Principal {
        &self.agent.principal
    }

    /// Asks, and waits for the answer. `None`: the member has no such method.
    pub(super) async fn request(&self, method: &str, params: Map<String, Value>) -> Result<Option<String>, Absence> {
        let mut incoming = self.open(method, params).await?;
        while let Some(heard) = incoming.next().await? {
            let message = Message::parse(&heard).map_err(|_| BackFailure::BadAnswer)?;
            match message.kind() {
                Kind::Response => {
                    return message.result().map(|result| Some(result.as_str().to_owned())).ok_or(Absence::from(BackFailure::BadAnswer));
                }
                Kind::ErrorResponse => {
                    return match message.error().map(ErrorObject::code) {
                        Some(error_code::METHOD_NOT_FOUND) => Ok(None),
                        code => Err(Absence::Refused { code: code.unwrap_or(error_code::INTERNAL_ERROR) }),
                    };
                }
                Kind::Notification => {}
                Kind::Request => return Err(BackFailure::BadAnswer.into()),
            }
        }
        Err(BackFailure::Crashed.into())
    }

    /// Asks; what comes back is read by the one who asked.
    pub(super) async fn open(&self, method: &str, params: Map<String, Value>) -> Result<Incoming, BackFailure> {
        let params = Value::Object(params).to_string();
        let comma = if params.len() > "{}".len() { "," } else { "" };
        let params = params.strip_prefix('{').unwrap_or("}");
        let body = format!(r#"{{"jsonrpc":"2.0","id":{ID},"method":{},"params":{{"_meta":{}{comma}{params}}}"#, json!(method), self.meta);
        let reply = send(&self.member, &self.agent, &body.into(), &self.agent.headers).await?;
        Incoming::of_reply(self.agent.clone(), reply, self.message_bytes)
    }
}

/// Puts a question to members at once. Whoever takes too long is absent, but what it has begun goes on: a child that starts slowly is there when
/// it is asked next.
pub(super) async fn all<T, Q, F>(
    visits: impl Iterator<Item = (Visit, Q)>,
    times: Times,
    ask: impl Fn(Visit, Q) -> F,
) -> Vec<(Arc<Member>, Result<T, Absence>)>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Absence>> + Send + 'static,
{
    join_all(visits.map(|(visit, question)| (Arc::clone(&visit.member), ask(visit, question))).map(|(member, asking)| async move {
        let Ok(place) = Arc::clone(&member.visits).try_acquire_owned() else {
            return (member, Err(BackFailure::Busy(Scarce::Calls).into()));
        };
        let asked = tokio::spawn(async move {
            let answer = tokio::time::timeout(times.longest, asking).await;
            drop(place);
            answer.unwrap_or(Err(BackFailure::TimedOut { after: times.longest }.into()))
        });
        let answer = match tokio::time::timeout(times.patience, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(BackFailure::Crashed.into()),
            Err(_) => Err(BackFailure::TimedOut { after: times.patience }.into()),
        };
        if let Err(absence) = &answer {
            tracing::warn!(target: "door", server = member.name(), reason = absence.outward(), "a member of `/mcp` is absent");
        }
        (member, answer)
    }))
    .await
}

/// Sends a modern message to a member, or across to the era that it speaks.
pub(super) async fn send(member: &Member, agent: &Agent, body: &Bytes, headers: &HeaderMap) -> Result<Reply, BackFailure> {
    let message = Message::parse(body).map_err(|_| BackFailure::BadAnswer)?;
    let outgoing =
        Outgoing { body, message: &message, version: MODERN, version_declared: true, session: None, mandate: agent.mandate(), headers };
    match agent.back.pass(&outgoing, true).await {
        Err(BackFailure::ImpossiblePair { .. }) => modern_caller::carry(&member.server.crossing, agent.clone(), body, headers).await,
        outcome => outcome,
    }
}

impl Absence {
    /// What a caller may read.
    pub(super) fn outward(&self) -> String {
        match self {
            Self::Failed(failure) => failure.outward(),
            Self::Refused { code } => format!("the server behind the door answered with the error {code}"),
        }
    }
}

impl From<BackFailure> for Absence {
    fn from(failure: BackFailure) -> Self {
        Self::Failed(failure)
    }
}

/// The members whose part is missing, for `_meta`.
pub(super) fn unavailable<'a>(absent: impl Iterator<Item = (&'a Member, String)>) -> Option<Value> {
    let named: Vec<Value> = absent.map(|(member, reason)| json!({ "server": member.name(), "reason": reason })).collect();
    (!named.is_empty()).then_some(named.into())
}

/// Under this name a caller finds who is absent.
pub(super) const UNAVAILABLE: &str = "claviger/unavailable";
/// Of the door's own questions; each is alone on its way.
const ID: &str = "\"claviger\"";
