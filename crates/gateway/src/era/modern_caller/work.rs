//! One call of a modern caller at a legacy server, from the first word to the answer, with the questions in between.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcp::envelope::{Kind, Message, Meta, Params};
use mcp::era::{to_legacy, to_modern};
use mcp::method;
use mcp::raw::RawJson;
use mcp::splice::splice;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::conversation::Conversation;
use super::parked::Answers;
use super::state::{self, State};
use crate::back::BackFailure;
use crate::back::failure::Scarce;
use crate::era::Crossing;
use crate::era::agent::Agent;
use crate::era::incoming::Incoming;
use crate::era::outward::Told;
use crate::wire;

/// What is known of whoever asks, as long as they are there.
#[derive(Clone)]
pub(super) struct Asker {
    /// Their id, as raw JSON.
    pub(super) id: String,
    pub(super) method: String,
    /// Their progress token, as raw JSON.
    progress_token: Option<String>,
    pub(super) log_level: Option<String>,
    can: Abilities,
    /// Says which request a later one repeats.
    digest: String,
    /// How often it was asked before.
    pub(super) round: u32,
}

/// Which questions a client takes, by what it declares (`clientCapabilities`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
struct Abilities {
    forms: bool,
    urls: bool,
    sampling: bool,
    roots: bool,
}

impl Asker {
    pub(super) fn of(message: &Message<'_>, id: &str, name: &str) -> Self {
        let meta = message.meta();
        Self {
            id: id.to_owned(),
            method: name.to_owned(),
            progress_token: meta.and_then(Meta::progress_token).map(|token| token.as_str().to_owned()),
            log_level: meta.and_then(Meta::log_level).map(str::to_owned),
            can: meta.and_then(Meta::client_capabilities).map(Abilities::of).unwrap_or_default(),
            digest: state::digest_of(message),
            round: 0,
        }
    }
}

impl Abilities {
    /// `elicitation: {}` alone means forms (2025-11-25, elicitation).
    fn of(capabilities: RawJson<'_>) -> Self {
        #[derive(Deserialize)]
        struct Declared<'a> {
            #[serde(borrow)]
            elicitation: Option<Modes<'a>>,
            #[serde(borrow)]
            sampling: Option<&'a RawValue>,
            #[serde(borrow)]
            roots: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Modes<'a> {
            #[serde(borrow)]
            form: Option<&'a RawValue>,
            #[serde(borrow)]
            url: Option<&'a RawValue>,
        }
        let Ok(declared) = serde_json::from_str::<Declared<'_>>(capabilities.as_str()) else { return Self::default() };
        let modes = declared.elicitation.as_ref();
        Self {
            forms: modes.is_some_and(|modes| modes.form.is_some() || modes.url.is_none()),
            urls: modes.is_some_and(|modes| modes.url.is_some()),
            sampling: declared.sampling.is_some(),
            roots: declared.roots.is_some(),
        }
    }

    fn take(self, question: &Message<'_>) -> bool {
        match question.method() {
            Some(method::ELICITATION_CREATE) if asks_for_url(question) => self.urls,
            Some(method::ELICITATION_CREATE) => self.forms,
            Some(method::SAMPLING_CREATE_MESSAGE) => self.sampling,
            Some(method::ROOTS_LIST) => self.roots,
            _ => false,
        }
    }
}

/// A call on its way.
pub(super) struct Work {
    conversation: Arc<Conversation>,
    agent: Agent,
    /// Its id at the server.
    number: u64,
    incoming: Incoming,
    /// What comes for it on the server's own stream.
    inbox: mpsc::Receiver<Bytes>,
    is_answered: bool,
}

impl Work {
    /// Takes a number and makes the message for the server; it is sent with the first look at the answer.
    pub(super) fn begin(
        conversation: &Arc<Conversation>,
        agent: &Agent,
        message: &Message<'_>,
        asker: &Asker,
    ) -> Result<Self, BackFailure> {
        let (number, inbox) = conversation.take_number(asker.log_level.is_some());
        let name = number.to_string();
        let body = to_legacy::request(message, &name, Some(&name)).map_err(|_| BackFailure::BadAnswer)?;
        let incoming = Incoming::of(agent.clone(), conversation.letter(body), conversation.message_bytes);
        Ok(Self { conversation: Arc::clone(conversation), agent: agent.clone(), number, incoming, inbox, is_answered: false })
    }

    /// Works on it until it is answered, or nobody wants the answer.
    pub(super) async fn go_on(mut self, crossing: &Arc<Crossing>, mut asker: Asker, mut teller: mpsc::Sender<Told>) {
        // A server that has begun to speak may take its time.
        let mut patience = crossing.limits.call;
        loop {
            let heard = tokio::select! {
                biased;
                // The caller hung up, which is how modern callers cancel (2026-07-28, Streamable HTTP).
                () = teller.closed() => return,
                () = crossing.closing.cancelled() => Err(BackFailure::Stopping),
                heard = tokio::time::timeout(patience, self.next()) => heard.unwrap_or(Err(BackFailure::TimedOut { after: patience })),
            };
            patience = FOREVER;
            let heard = match heard {
                Ok(heard) => heard,
                Err(failure) => {
                    self.is_answered = matches!(failure, BackFailure::SessionGone);
                    // A caller who is gone needs no telling.
                    let _ = teller.send(Told::Failure(failure)).await;
                    return;
                }
            };
            let Ok(message) = Message::parse(&heard) else {
                let _ = teller.send(Told::Failure(BackFailure::BadAnswer)).await;
                return;
            };
            match message.kind() {
                Kind::Response | Kind::ErrorResponse => {
                    self.is_answered = true;
                    let _ = teller.send(self.last_word(crossing, &message, &asker)).await;
                    return;
                }
                Kind::Notification => {
                    if let Some(told) = self.notice(&message, &asker)
                        && teller.send(Told::Before(told)).await.is_err()
                    {
                        return;
                    }
                }
                Kind::Request if asker.can.take(&message) => {
                    self.conversation.note_parked(self.number, true);
                    let Some(answered) = self.question(crossing, &message, asker, teller).await else { return };
                    self.conversation.note_parked(self.number, false);
                    (asker, teller) = answered;
                }
                Kind::Request => self.conversation.refuse(&self.agent, &message).await,
            }
        }
    }

    async fn next(&mut self) -> Result<Bytes, BackFailure> {
        tokio::select! {
            biased;
            Some(heard) = self.inbox.recv() => Ok(heard),
            heard = self.incoming.next() => heard?.ok_or(BackFailure::Crashed),
        }
    }

    fn last_word(&self, crossing: &Crossing, message: &Message<'_>, asker: &Asker) -> Told {
        if let Some(error) = message.error() {
            let state = State::Again { rounds: asker.round + 1 };
            let until = crossing.now() + crossing.limits.question.as_secs();
            let text = crossing.states.seal(&state, crossing.owner(&self.agent), until, &asker.digest);
            let asks = text.filter(|_| asker.can.urls).and_then(|text| to_modern::input_of_error(error, &text));
            if let Some(result) = asks {
                return Told::Answer(wire::result(&asker.id, &result));
            }
        }
        match to_modern::response(message, &asker.id, &asker.method, self.conversation.server_info.as_deref()) {
            Ok(answer) => Told::Answer(answer.into()),
            Err(_) => Told::Failure(BackFailure::BadAnswer),
        }
    }

    /// News about this request, in its caller's words; what concerns others goes to those.
    fn notice(&self, message: &Message<'_>, asker: &Asker) -> Option<Bytes> {
        match message.method()? {
            method::NOTIFICATIONS_PROGRESS => {
                let edit = message.replace(message.params()?.progress_token()?, asker.progress_token.as_deref()?)?;
                Some(splice(message.raw().as_bytes(), &[edit]).into())
            }
            method::NOTIFICATIONS_MESSAGE => asker.log_level.as_ref().map(|_| Bytes::copy_from_slice(message.raw().as_bytes())),
            _ => {
                self.conversation.tell(message);
                None
            }
        }
    }

    /// Puts a question to the caller and waits for them to ask again. `None`: it is over.
    async fn question(
        &mut self,
        crossing: &Arc<Crossing>,
        message: &Message<'_>,
        mut asker: Asker,
        mut teller: mpsc::Sender<Told>,
    ) -> Option<(Asker, mpsc::Sender<Told>)> {
        let owner = &self.agent.principal.key;
        loop {
            let Some(mut place) = crossing.parked.park(owner) else {
                self.conversation.refuse(&self.agent, message).await;
                let _ = teller.send(Told::Failure(BackFailure::Busy(Scarce::Calls))).await;
                return None;
            };
            let until = crossing.now() + crossing.limits.question.as_secs();
            let state = crossing.states.seal(&State::Parked { key: place.key.clone() }, crossing.owner(&self.agent), until, &asker.digest);
            let params = params_of(message);
            let result = state.and_then(|state| to_modern::input_required(QUESTION, message.method()?, params.as_deref(), &state).ok());
            let Some(result) = result else {
                let _ = teller.send(Told::Failure(BackFailure::BadAnswer)).await;
                return None;
            };
            let asked = teller.send(Told::Answer(wire::result(&asker.id, &result))).await;
            drop(teller);
            asked.ok()?;
            let answers = tokio::select! {
                answers = &mut place.answers => answers.ok()?,
                () = tokio::time::sleep(crossing.limits.question) => {
                    crossing.metrics.parked_expired.inc();
                    self.conversation.refuse(&self.agent, message).await;
                    return None;
                }
                () = crossing.closing.cancelled() => return None,
            };
            let Answers { responses, asker: back, teller: fresh, agent } = answers;
            (asker, teller) = (back, fresh);
            // Whoever asks again without an answer is asked again.
            let Some(answer) = answer_in(&responses) else { continue };
            self.conversation.reply(&agent, message, &answer).await;
            return Some((asker, teller));
        }
    }
}

impl Drop for Work {
    /// Nobody waits for the answer any more: the server hears so in its own words (2025-11-25, cancellation).
    fn drop(&mut self) {
        self.conversation.give_back(self.number);
        if !self.is_answered {
            self.conversation.cancel(self.agent.clone(), self.number);
        }
    }
}

fn asks_for_url(question: &Message<'_>) -> bool {
    #[derive(Deserialize)]
    struct Mode<'a> {
        #[serde(borrow)]
        mode: Option<std::borrow::Cow<'a, str>>,
    }
    let params = question.params().map(Params::raw);
    params.and_then(|params| serde_json::from_str::<Mode<'_>>(params.as_str()).ok()).and_then(|asked| asked.mode).as_deref() == Some("url")
}

fn params_of(question: &Message<'_>) -> Option<String> {
    question.params().map(|params| params.raw().as_str().to_owned())
}

/// The answer to our question, as written.
fn answer_in(responses: &str) -> Option<String> {
    let responses: HashMap<&str, &RawValue> = serde_json::from_str(responses).ok()?;
    responses.get(QUESTION).map(|answer| answer.get().to_owned())
}

/// The door puts one question at a time, so one name will do.
const QUESTION: &str = "question";

/// As long as the runtime can sleep.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn abilities(text: &str) -> Abilities {
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"capabilities":{text}}}}}"#);
        Abilities::of(Message::parse(message.as_bytes()).unwrap().params().unwrap().capabilities().unwrap())
    }

    #[test]
    fn a_client_takes_the_questions_that_it_declares() {
        let (no, all) = (Abilities::default(), Abilities { forms: true, urls: true, sampling: true, roots: true });
        assert_eq!(abilities("{}"), no);
        assert_eq!(abilities("7"), no);
        assert_eq!(abilities(r#"{"elicitation":{}}"#), Abilities { forms: true, ..no });
        assert_eq!(abilities(r#"{"elicitation":{"url":{}}}"#), Abilities { urls: true, ..no });
        assert_eq!(abilities(r#"{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{},"x":1}"#), all);
    }

    #[test]
    fn the_answer_is_found_under_its_name() {
        assert_eq!(answer_in(r#"{"question":{"action":"accept"},"other":1}"#).as_deref(), Some(r#"{"action":"accept"}"#));
        assert_eq!(answer_in("{}"), None);
        assert_eq!(answer_in("[]"), None);
    }
}
