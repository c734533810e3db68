//! One request of a legacy caller at a modern server, from the first word to the answer, through as many rounds of questions as it takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use mcp::envelope::{ErrorObject, Kind, Message};
use mcp::era::to_legacy::{self, InputRequest, InputRequired};
use mcp::era::to_modern::Retry;
use mcp::error_code;
use mcp::method;
use mcp::version::ProtocolVersion;
use tokio::sync::mpsc;

use super::MODERN;
use super::caller::{Caller, Heard};
use crate::back::BackFailure;
use crate::era::agent::{Agent, Letter};
use crate::era::incoming::Incoming;
use crate::era::outward::Told;
use crate::era::{Crossing, ROUNDS};
use crate::wire;

/// A request on its way.
pub(super) struct Work {
    pub(super) crossing: Arc<Crossing>,
    pub(super) agent: Agent,
    pub(super) caller: Arc<Caller>,
    /// What the caller speaks.
    pub(super) version: ProtocolVersion,
    pub(super) body: Bytes,
    pub(super) teller: mpsc::Sender<Told>,
}

/// What one round comes to.
enum Round {
    Answer(Bytes),
    /// The server wants to be told something first, and this is what to ask it next.
    Again {
        responses: String,
        state: Option<String>,
    },
    /// The arguments that stand in headers were not those that the server expects.
    Mismatch(Bytes),
}

impl Work {
    /// Works on it until it is answered or taken back. A caller whose connection breaks has not taken it back (2025-11-25, Streamable HTTP).
    pub(super) async fn go_on(self) {
        let Ok(message) = Message::parse(&self.body) else { return };
        let Some(id) = message.id() else { return };
        let followed = self.caller.follow(id);
        let said = tokio::select! {
            biased;
            () = followed.taken_back.cancelled() => Told::Failure(BackFailure::Cancelled),
            () = self.crossing.closing.cancelled() => Told::Failure(BackFailure::Stopping),
            said = self.rounds(&message, id.as_str()) => said.map_or_else(Told::Failure, Told::Answer),
        };
        // Nobody may be left to hear it.
        let _ = self.teller.send(said).await;
    }

    async fn rounds(&self, message: &Message<'_>, id: &str) -> Result<Bytes, BackFailure> {
        let mut last: Option<(String, Option<String>)> = None;
        let mut is_fresh = false;
        for round in 0..ROUNDS {
            // Each round is a request of its own (2026-07-28, multi round-trip requests).
            let name = if round == 0 { id.to_owned() } else { format!("\"claviger-round-{round}\"") };
            let retry = last.as_ref().map(|(responses, state)| Retry { responses, state: state.as_deref() });
            match self.round(message, id, &name, retry.as_ref(), is_fresh).await? {
                Round::Answer(answer) => return Ok(answer),
                Round::Mismatch(answer) if is_fresh => return Ok(answer),
                Round::Mismatch(_) => is_fresh = true,
                Round::Again { responses, state } => last = Some((responses, state)),
            }
        }
        Ok(wire::error(id, error_code::INTERNAL_ERROR, "the server asks again and again"))
    }

    async fn round(
        &self,
        message: &Message<'_>,
        id: &str,
        name: &str,
        retry: Option<&Retry<'_>>,
        is_fresh: bool,
    ) -> Result<Round, BackFailure> {
        let body = self.caller.request(message, name, retry)?;
        let parameters = self.crossing.tools.headers(&self.crossing, &self.agent, &self.caller, message, is_fresh).await;
        let letter = Letter { parameters, ..Letter::plain(body, MODERN, None) };
        let mut incoming = Incoming::of(self.agent.clone(), letter, self.crossing.limits.message_bytes);
        let mut patience = self.crossing.limits.call;
        loop {
            let heard = tokio::time::timeout(patience, incoming.next()).await;
            let heard = heard.map_err(|_| BackFailure::TimedOut { after: patience })??.ok_or(BackFailure::Crashed)?;
            patience = FOREVER;
            let said = Message::parse(&heard).map_err(|_| BackFailure::BadAnswer)?;
            match said.kind() {
                Kind::Notification => {
                    let _ = self.teller.send(Told::Before(heard)).await;
                }
                Kind::Response => return self.result(message, id, &said).await,
                Kind::ErrorResponse => {
                    let is_mismatch = said.error().map(ErrorObject::code) == Some(error_code::HEADER_MISMATCH);
                    let answer = self.translated(message, id, &said)?;
                    return Ok(if is_mismatch { Round::Mismatch(answer) } else { Round::Answer(answer) });
                }
                // Modern servers ask nothing this way.
                Kind::Request => return Err(BackFailure::BadAnswer),
            }
        }
    }

    async fn result(&self, message: &Message<'_>, id: &str, said: &Message<'_>) -> Result<Round, BackFailure> {
        let result = said.result().ok_or(BackFailure::BadAnswer)?;
        let Some(required) = InputRequired::read(result).map_err(|_| BackFailure::BadAnswer)? else {
            return self.translated(message, id, said).map(Round::Answer);
        };
        let state = required.state.map(|state| state.as_str().to_owned());
        match self.put(&required.requests).await? {
            Some(responses) => Ok(Round::Again { responses, state }),
            None => Ok(Round::Answer(wire::error(id, error_code::INTERNAL_ERROR, "the client did not answer what the server has to know"))),
        }
    }

    fn translated(&self, message: &Message<'_>, id: &str, said: &Message<'_>) -> Result<Bytes, BackFailure> {
        let answer = to_legacy::response(said, id, message.method().unwrap_or_default(), self.version);
        answer.map(Bytes::from).map_err(|_| BackFailure::BadAnswer)
    }

    /// Asks the client each of these, and waits for all answers. `None`: there is one that it did not answer.
    async fn put(&self, requests: &[InputRequest<'_>]) -> Result<Option<String>, BackFailure> {
        if !requests.iter().all(|request| capability(&request.method).is_some_and(|needed| self.caller.client.declares(needed))) {
            return Ok(None);
        }
        let mut waiting = Vec::new();
        let mut numbers = Vec::new();
        for request in requests {
            let (number, answer) = self.caller.ask();
            numbers.push(number);
            let question = to_legacy::question(request, &number.to_string(), self.version).map_err(|_| BackFailure::BadAnswer)?;
            let _ = self.teller.send(Told::Before(question.into())).await;
            waiting.push(answer);
        }
        let answers = tokio::time::timeout(self.crossing.limits.question, join_all(waiting)).await;
        self.caller.forget(&numbers);
        let Ok(answers) = answers else {
            self.crossing.metrics.parked_expired.inc();
            return Ok(None);
        };
        let mut given = Vec::new();
        for (request, answer) in requests.iter().zip(answers) {
            match (answer, &*request.method) {
                (Ok(Heard::Result(result)), _) => given.push((&*request.key, result)),
                // A form that a client fails to show is a form that was called off.
                (Ok(Heard::Refused), method::ELICITATION_CREATE) => given.push((&*request.key, CALLED_OFF.to_owned())),
                (Ok(Heard::Refused) | Err(_), _) => return Ok(None),
            }
        }
        let given: Vec<(&str, &str)> = given.iter().map(|(key, result)| (*key, result.as_str())).collect();
        Ok(Some(to_legacy::input_responses(&given)))
    }
}

/// What a client must have declared to be asked this.
fn capability(asked: &str) -> Option<&'static str> {
    match asked {
        method::ELICITATION_CREATE => Some("elicitation"),
        method::SAMPLING_CREATE_MESSAGE => Some("sampling"),
        method::ROOTS_LIST => Some("roots"),
        _ => None,
    }
}

const CALLED_OFF: &str = r#"{"action":"cancel"}"#;
/// As long as the runtime can sleep.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);
