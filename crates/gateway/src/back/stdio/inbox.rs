//! What does a server say, and to whom? Every line of its output is an answer, a question, or news.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use mcp::envelope::{Body, EnvelopeError, Kind, Message, Meta, Params};
use mcp::error_code;
use mcp::method;
use mcp::raw::RawJson;
use mcp::splice::{Edit, range_within, splice};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::AsyncRead;

use super::call::{Call, Ending, NotTaken};
use super::hub::Hub;
use super::line::{Line, Lines};
use super::peer::{Peer, Question, number_of};

impl Peer {
    /// Reads until the pipe ends, then tells everybody who waits.
    pub(super) async fn read<R: AsyncRead + Unpin>(self: Arc<Self>, mut lines: Lines<R>) {
        // Something that left the server's process group may hold the pipe open for ever.
        let gone = async {
            self.life.ended.cancelled().await;
            tokio::time::sleep(DRAINED_WITHIN).await;
        };
        tokio::pin!(gone);
        let ending = loop {
            let line = tokio::select! {
                biased;
                () = self.life.kill.cancelled() => break Ending::Stopping,
                line = lines.next() => line,
                () = &mut gone => break Ending::Crashed,
            };
            match line {
                Ok(Some(Line::Whole(line))) => self.receive(&line),
                Ok(Some(Line::Cut(_))) => {
                    tracing::warn!(target: "upstream", server = &*self.origin.server, "a message is over the cap; the server is stopped");
                    break Ending::TooLarge(self.origin.cap);
                }
                Ok(None) | Err(_) => break Ending::Crashed,
            }
        };
        self.close(ending);
    }

    fn close(&self, ending: Ending) {
        let was_told = self.life.stop.is_cancelled() && !self.broke.load(Ordering::Relaxed);
        let ending = if was_told { Ending::Stopping } else { ending };
        if !was_told {
            self.origin.ledger.ended_unasked();
        }
        let abandoned = {
            let mut waiting = self.waiting();
            waiting.closed = true;
            waiting.questions.clear();
            std::mem::take(&mut waiting.calls)
        };
        for call in abandoned.into_values() {
            call.end(ending);
        }
        self.stop();
    }

    fn receive(&self, line: &Bytes) {
        // A server of 2025-03-26 may send batches; everybody else sends single messages.
        match Body::parse(line) {
            Ok(Body::Single(message)) => self.hear(&message),
            Ok(Body::Batch(messages)) if self.hub.is_some() => messages.iter().for_each(|message| self.hear(message)),
            Ok(Body::Batch(_)) => self.unreadable(line, &EnvelopeError::Unknowable),
            Err(error) => self.unreadable(line, &error),
        }
    }

    fn hear(&self, message: &Message<'_>) {
        match message.kind() {
            Kind::Response | Kind::ErrorResponse => self.answered(message),
            Kind::Request => self.asked(message),
            Kind::Notification => self.told(message),
        }
    }

    /// Logs what is no message. If it was meant as somebody's answer they are told at once instead of waiting in vain.
    fn unreadable(&self, line: &Bytes, error: &EnvelopeError) {
        #[derive(Deserialize)]
        struct Meant {
            id: u64,
            #[serde(default)]
            method: Option<serde::de::IgnoredAny>,
        }
        let shown = self.origin.masker.show(&Line::Whole(line.clone()));
        tracing::warn!(target: "upstream", server = &*self.origin.server, %error, line = shown, "not a message; ignored");
        if let Ok(Meant { id, method: None }) = serde_json::from_slice(line) {
            self.end(id, Ending::BadAnswer);
        }
    }

    fn answered(&self, message: &Message<'_>) {
        let number = message.id().and_then(number_of);
        let call = number.and_then(|number| self.waiting().calls.remove(&number));
        let (Some(call), Some(id)) = (call, message.id()) else {
            tracing::debug!(target: "upstream", server = &*self.origin.server, "a response that nobody waits for");
            return;
        };
        self.origin.ledger.answered();
        let mut edits: Vec<Edit> = message.replace(id, call.id.as_str()).into_iter().collect();
        if call.listens.is_some() {
            edits.extend(subscription_of(message, number).map(|range| Edit::new(range, call.id.as_str())));
        }
        if call.give(splice(message.raw().as_bytes(), &edits).into(), true) == Err(NotTaken::Full) {
            call.end(Ending::TooSlow);
        }
    }

    /// The server asks the client something. Only legacy servers may, and the answer is accepted only from where the question went.
    fn asked(&self, message: &Message<'_>) {
        let Some(id) = message.id() else { return };
        match (message.method(), &self.hub) {
            (Some(method::PING), _) => self.mention(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, id.as_str()).into()),
            (_, None) => {
                self.mention(
                    error_code::error_response(Some(id), error_code::METHOD_NOT_FOUND, "the client takes no requests", None).into(),
                );
            }
            (_, Some(hub)) => {
                if !self.put(hub, id, message) {
                    self.refuse(id.as_str());
                }
            }
        }
    }

    /// To the newest request of a caller who is still there, else to a session's own stream.
    fn put(&self, hub: &Hub, id: RawJson<'_>, message: &Message<'_>) -> bool {
        let asked = hub.next_question();
        let Some(edit) = message.replace(id, asked.to_string()) else { return false };
        let bytes: Bytes = splice(message.raw().as_bytes(), &[edit]).into();
        let canonical = id.canonical().into_owned();
        let mut waiting = self.waiting();
        let is_open = waiting.questions.values().any(|question| question.canonical == canonical);
        if waiting.questions.len() >= QUESTIONS || is_open {
            return false;
        }
        // Nothing says which request it belongs to. One that has a question open already is hardly asking another.
        let mut numbers: Vec<u64> = waiting.calls.keys().copied().collect();
        let asks = |number: &u64| waiting.questions.values().any(|question| question.number == Some(*number));
        numbers.sort_by_cached_key(|number| (asks(number), std::cmp::Reverse(*number)));
        let taken = numbers.into_iter().find_map(|number| {
            let call = waiting.calls.get(&number)?;
            let session = call.session.clone()?;
            call.give(bytes.clone(), false).is_ok().then_some((session, Some(number)))
        });
        // The lock is held: nobody answers before the question is noted.
        let Some((session, number)) = taken.or_else(|| hub.listener().map(|session| (session, None))) else { return false };
        waiting.questions.insert(asked, Question { id: id.as_str().to_owned(), canonical, session: session.clone(), number });
        if number.is_none() {
            self.drop_questions(&mut waiting.questions, hub.give(&session, &bytes, Some(asked)));
        }
        true
    }

    /// Questions that were pushed out of a full queue get an answer all the same.
    fn drop_questions(&self, questions: &mut HashMap<u64, Question>, lost: Vec<u64>) {
        // One that is no longer known was answered, taken back, or asked by an instance that has ended.
        for question in lost.into_iter().filter_map(|number| questions.remove(&number)) {
            self.refuse(&question.id);
        }
    }

    /// News: to whom they concern.
    pub(super) fn told(&self, message: &Message<'_>) {
        match message.method() {
            Some(method::NOTIFICATIONS_PROGRESS) => {
                if let Some(token) = message.params().and_then(Params::progress_token) {
                    self.tell(token, message, |call| call.progress_token.clone());
                }
                return;
            }
            Some(method::NOTIFICATIONS_CANCELLED) => return self.taken_back(message),
            Some(method::NOTIFICATIONS_TOOLS_LIST_CHANGED) => {
                self.tool_changes.fetch_add(1, Ordering::Relaxed);
            }
            Some(method::NOTIFICATIONS_MESSAGE) if self.tell_the_only_one(message) => return,
            Some(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED) if self.was_acknowledged(message) => return,
            _ => {}
        }
        if self.is_superseded.load(Ordering::Relaxed) {
            return;
        }
        match (&self.hub, message.meta().and_then(Meta::subscription_id)) {
            (Some(hub), _) => {
                let lost = hub.told(message);
                self.drop_questions(&mut self.waiting().questions, lost);
            }
            (None, Some(subscription)) => self.tell(subscription, message, |call| Some(call.id.clone())),
            // News of the shared server that names nobody is nobody's.
            (None, None) => {}
        }
    }

    /// Gives a notification that names one of our numbers to its caller, under the caller's own name for it.
    fn tell(&self, part: RawJson<'_>, message: &Message<'_>, own: impl Fn(&Call) -> Option<String>) {
        let Some(number) = number_of(part) else { return };
        let outcome = {
            let waiting = self.waiting();
            let Some(call) = waiting.calls.get(&number) else { return };
            let Some(edit) = own(call).and_then(|own| message.replace(part, own)) else { return };
            call.give(splice(message.raw().as_bytes(), &[edit]).into(), false).map_err(|error| (error, call.cancels_when_dropped))
        };
        if let Err((NotTaken::Full, cancels)) = outcome {
            // One slow reader must not hold up the pipe for all: its stream ends.
            self.end(number, Ending::TooSlow);
            if cancels {
                self.mention(format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{number}}}}}"#).into());
            }
        }
    }

    /// Whether the caller of this subscription was told already that it is heard, by the instance before this one.
    fn was_acknowledged(&self, message: &Message<'_>) -> bool {
        let number = message.meta().and_then(Meta::subscription_id).and_then(number_of);
        number.is_some_and(|number| self.waiting().calls.get(&number).is_some_and(|call| call.is_acknowledged))
    }

    /// Log lines name no request. They are passed on only when there is no doubt whose they are.
    fn tell_the_only_one(&self, message: &Message<'_>) -> bool {
        let waiting = self.waiting();
        let mut listening = waiting.calls.values().filter(|call| call.wants_logs && !call.is_abandoned());
        let (Some(call), None) = (listening.next(), listening.next()) else { return false };
        // In the shared child of modern callers another caller's request may have caused the line.
        let alone = self.hub.is_some() || waiting.calls.values().all(|other| other.caller == call.caller);
        alone && call.give(Bytes::copy_from_slice(message.raw().as_bytes()), false).is_ok()
    }

    /// A legacy server takes a question back: said where it was put. A modern one ends a subscription, whose caller gets the empty result
    /// that HTTP has for it (2026-07-28, Subscriptions; protocol.md fact 30).
    fn taken_back(&self, message: &Message<'_>) {
        let Some(request) = message.params().and_then(Params::request_id) else { return };
        let Some(hub) = &self.hub else { return self.subscription_over(request) };
        let mut waiting = self.waiting();
        let canonical = request.canonical();
        let asked = waiting.questions.iter().find(|(_, question)| question.canonical == *canonical).map(|(number, _)| *number);
        let Some((asked, question)) = asked.and_then(|asked| Some((asked, waiting.questions.remove(&asked)?))) else { return };
        let Some(edit) = message.replace(request, asked.to_string()) else { return };
        let bytes: Bytes = splice(message.raw().as_bytes(), &[edit]).into();
        let call = question.number.and_then(|number| waiting.calls.get(&number));
        if call.is_none_or(|call| call.give(bytes.clone(), false).is_err()) {
            let lost = hub.give(&question.session, &bytes, None);
            self.drop_questions(&mut waiting.questions, lost);
        }
    }

    fn subscription_over(&self, request: RawJson<'_>) {
        let Some(number) = number_of(request) else { return };
        let mut waiting = self.waiting();
        if waiting.calls.get(&number).is_none_or(|call| call.listens.is_none()) {
            return;
        }
        if let Some(call) = waiting.calls.remove(&number) {
            let id = &call.id;
            let result = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
            );
            if call.give(result.into(), true).is_err() {
                call.end(Ending::TooSlow);
            }
        }
    }
}

/// Where the result of a subscription names the subscription, if it does so by our number.
fn subscription_of(message: &Message<'_>, number: Option<u64>) -> Option<std::ops::Range<usize>> {
    #[derive(Deserialize)]
    struct Result<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Meta<'a>,
    }
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow, rename = "io.modelcontextprotocol/subscriptionId")]
        id: &'a RawValue,
    }
    let result: Result<'_> = serde_json::from_str(message.result()?.as_str()).ok()?;
    let id = result.meta.id.get();
    (id.parse() == Ok(number?)).then(|| range_within(message.raw(), id))?
}

/// Questions of one server that may wait for an answer.
const QUESTIONS: usize = 256;

/// How long the output of a server that has ended may still be read.
const DRAINED_WITHIN: Duration = Duration::from_secs(1);
