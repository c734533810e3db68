//! What does the door remember for a legacy caller? What they declared is sealed into their session's id; what they change since then is kept here.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp::envelope::{Message, Params};
use mcp::era::to_modern::{self, Retry, Stamp};
use mcp::raw::RawJson;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::MODERN;
use crate::back::BackFailure;

/// What a client says of itself when it opens a session.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Client {
    /// `capabilities`, as written.
    capabilities: String,
    /// `clientInfo`, as written or cut down to its names.
    info: Option<String>,
}

impl Default for Client {
    /// One that says nothing.
    fn default() -> Self {
        Self { capabilities: "{}".to_owned(), info: None }
    }
}

impl Client {
    /// Reads an `initialize`. Icons and the like do not fit into a session's id, and capabilities that are too long are cut down to those of MCP itself.
    pub(crate) fn of(message: &Message<'_>) -> Self {
        let params = message.params();
        let capabilities = params.and_then(Params::capabilities).filter(|raw| raw.is_object());
        let info = params.and_then(Params::client_info).filter(|raw| raw.is_object());
        let capabilities = capabilities.map_or_else(|| "{}".to_owned(), |raw| within(raw, &["roots", "sampling", "elicitation"]));
        Self {
            // What can be read in more than one way declares nothing.
            capabilities: to_modern::client_capabilities(&capabilities).unwrap_or_else(|_| "{}".to_owned()),
            info: info.map(|raw| within(raw, &["name", "title", "version"])),
        }
    }

    /// A message of the door's own, or of this client's, as a modern one.
    pub(super) fn request(&self, body: &[u8], id: &str, retry: Option<&Retry<'_>>) -> Result<Vec<u8>, BackFailure> {
        self.stamped(&Message::parse(body).map_err(|_| BackFailure::BadAnswer)?, id, None, retry)
    }

    fn stamped(&self, message: &Message<'_>, id: &str, log_level: Option<&str>, retry: Option<&Retry<'_>>) -> Result<Vec<u8>, BackFailure> {
        let stamp = Stamp { version: MODERN, capabilities: &self.capabilities, client_info: self.info.as_deref(), log_level };
        to_modern::request(message, id, &stamp, retry).map_err(|_| BackFailure::BadAnswer)
    }

    /// Whether the client declared this capability.
    pub(super) fn declares(&self, capability: &str) -> bool {
        serde_json::from_str::<HashMap<&str, &RawValue>>(&self.capabilities).is_ok_and(|declared| declared.contains_key(capability))
    }
}

/// The text as it is, or if that is too long, only these members of it, as far as they are short.
fn within(raw: RawJson<'_>, members: &[&str]) -> String {
    if raw.as_str().len() <= LONGEST {
        return raw.as_str().to_owned();
    }
    let all: HashMap<String, &RawValue> = serde_json::from_str(raw.as_str()).unwrap_or_default();
    let kept = members.iter().filter_map(|name| Some((name, all.get(*name)?))).filter(|(_, value)| value.get().len() <= LONGEST / 4);
    let kept: Vec<String> = kept.map(|(name, value)| format!("\"{name}\":{}", value.get())).collect();
    format!("{{{}}}", kept.join(","))
}

/// One legacy session at a modern server.
#[derive(Default)]
pub(crate) struct Caller {
    pub(super) client: Client,
    log_level: Mutex<Option<String>>,
    watched: watch::Sender<BTreeSet<String>>,
    questions: Mutex<HashMap<u64, oneshot::Sender<Heard>>>,
    next: AtomicU64,
    /// Requests that have no answer yet, by their ids in one spelling.
    underway: Mutex<HashMap<String, CancellationToken>>,
    /// Ends the stream before the newest.
    stream: Mutex<CancellationToken>,
    used: Mutex<Option<Instant>>,
}

/// What a client answers to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A result, as written.
    Result(String),
    /// An error.
    Refused,
}

/// A request under way; forgotten when dropped.
pub(super) struct Followed {
    caller: Arc<Caller>,
    id: String,
    pub(super) taken_back: CancellationToken,
}

impl Drop for Followed {
    fn drop(&mut self) {
        lock(&self.caller.underway).remove(&self.id);
    }
}

impl Caller {
    pub(super) fn new(client: Client) -> Self {
        Self { client, ..Self::default() }
    }

    /// A request of theirs as a modern one.
    pub(super) fn request(&self, message: &Message<'_>, id: &str, retry: Option<&Retry<'_>>) -> Result<Vec<u8>, BackFailure> {
        let level = lock(&self.log_level).clone();
        self.client.stamped(message, id, level.as_deref(), retry)
    }

    pub(super) fn log_at(&self, level: &str) {
        *lock(&self.log_level) = Some(level.to_owned());
    }

    /// Notes a subscription; `false` when there are too many.
    pub(super) fn watch(&self, uri: &str) -> bool {
        let mut has_room = true;
        self.watched.send_if_modified(|watched| {
            has_room = watched.len() < SUBSCRIPTIONS || watched.contains(uri);
            has_room && watched.insert(uri.to_owned())
        });
        has_room
    }

    pub(super) fn unwatch(&self, uri: &str) {
        self.watched.send_if_modified(|watched| watched.remove(uri));
    }

    /// What they watch, and when that changes.
    pub(super) fn watching(&self) -> watch::Receiver<BTreeSet<String>> {
        self.watched.subscribe()
    }

    /// Follows a request until it is answered.
    pub(super) fn follow(self: &Arc<Self>, id: RawJson<'_>) -> Followed {
        let taken_back = CancellationToken::new();
        let id = id.canonical().into_owned();
        lock(&self.underway).insert(id.clone(), taken_back.clone());
        Followed { caller: Arc::clone(self), id, taken_back }
    }

    /// They want no answer to a request any more (`notifications/cancelled`).
    pub(super) fn take_back(&self, params: &Params<'_>) {
        let Some(id) = params.request_id() else { return };
        if let Some(underway) = lock(&self.underway).get(&*id.canonical()) {
            underway.cancel();
        }
    }

    /// A number for a question, and its answer.
    pub(super) fn ask(&self) -> (u64, oneshot::Receiver<Heard>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (hear, answer) = oneshot::channel();
        lock(&self.questions).insert(number, hear);
        (number, answer)
    }

    /// Nobody waits for these answers any more.
    pub(super) fn forget(&self, numbers: &[u64]) {
        let mut questions = lock(&self.questions);
        for number in numbers {
            questions.remove(number);
        }
    }

    /// Takes in an answer; `false` when that was not asked.
    pub(super) fn hears(&self, message: &Message<'_>) -> bool {
        let number = message.id().and_then(|id| id.as_str().parse().ok());
        let question = number.and_then(|number: u64| lock(&self.questions).remove(&number));
        let heard = message.result().map_or(Heard::Refused, |result| Heard::Result(result.as_str().to_owned()));
        question.is_some_and(|question| question.send(heard).is_ok())
    }

    /// A new stream begins; the one before it ends.
    pub(super) fn begin_stream(&self) -> CancellationToken {
        let fresh = CancellationToken::new();
        std::mem::replace(&mut *lock(&self.stream), fresh.clone()).cancel();
        fresh
    }

    pub(super) fn touch(&self) {
        *lock(&self.used) = Some(Instant::now());
    }
}

/// The callers of one server, by the ids of their sessions.
#[derive(Default)]
pub(crate) struct Callers(Mutex<HashMap<Box<str>, Arc<Caller>>>);

impl Callers {
    /// The caller with this session. One that this process has not seen begins with what they declared.
    pub(crate) fn of(&self, session: &str, client: &Client) -> Arc<Caller> {
        let mut callers = lock(&self.0);
        if let Some(caller) = callers.get(session) {
            return Arc::clone(caller);
        }
        if callers.len() >= REMEMBERED {
            callers.retain(|_, caller| Arc::strong_count(caller) > 1);
        }
        let caller = Arc::new(Caller::new(client.clone()));
        callers.insert(session.into(), Arc::clone(&caller));
        caller
    }

    /// A session has ended: its requests and its stream do too.
    pub(crate) fn end(&self, session: &str) {
        let Some(caller) = lock(&self.0).remove(session) else { return };
        lock(&caller.stream).cancel();
        lock(&caller.underway).values().for_each(CancellationToken::cancel);
        lock(&caller.questions).clear();
    }

    /// Forgets who was not heard of for so long, and waits for nothing.
    pub(crate) fn reap(&self, limit: Duration) {
        lock(&self.0).retain(|_, caller| Arc::strong_count(caller) > 1 || lock(&caller.used).is_none_or(|used| used.elapsed() < limit));
    }
}

/// 128 random bits, which never leave the door unsealed.
pub(super) fn fresh_id() -> Option<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of what a client says of itself, in bytes: it travels in every request's session id.
const LONGEST: usize = 1024;
/// Resources that one session may watch.
const SUBSCRIPTIONS: usize = 1024;
/// Sessions whose state is kept.
const REMEMBERED: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn initialize(params: &str) -> Client {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{params}}}"#);
        Client::of(&Message::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_client_is_remembered_in_its_own_words_as_long_as_they_are_short() {
        let client = initialize(r#"{"capabilities":{ "roots": {"x":1.0} },"clientInfo":{"name":"c","version":"1"}}"#);
        assert_eq!(client.capabilities, r#"{ "roots": {"x":1.0} }"#);
        assert_eq!(client.info.as_deref(), Some(r#"{"name":"c","version":"1"}"#));
        assert!(client.declares("roots") && !client.declares("sampling"));
        assert_eq!(initialize("{}"), Client::default());
        let icon = "x".repeat(3 * LONGEST);
        let client = initialize(&format!(
            r#"{{"capabilities":{{"elicitation":{{"url":{{}}}},"experimental":"{icon}"}},"clientInfo":{{"version":"1","icons":["{icon}"],"name":"c"}}}}"#
        ));
        assert_eq!(client.capabilities, r#"{"elicitation":{"url":{}}}"#);
        assert_eq!(client.info.as_deref(), Some(r#"{"name":"c","version":"1"}"#));
    }

    #[test]
    fn only_what_was_asked_is_heard_and_only_once() {
        let caller = Caller::default();
        let (number, mut answer) = caller.ask();
        let say = |id: u64, rest: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#);
        let hears = |text: &str| caller.hears(&Message::parse(text.as_bytes()).unwrap());
        assert!(!hears(&say(number + 1, r#""result":{}"#)));
        assert!(hears(&say(number, r#""result":{"action": "accept"}"#)));
        assert!(!hears(&say(number, r#""result":{}"#)));
        assert_eq!(answer.try_recv().unwrap(), Heard::Result(r#"{"action": "accept"}"#.to_owned()));
        let (number, mut answer) = caller.ask();
        assert!(hears(&say(number, r#""error":{"code":-1,"message":"no"}"#)));
        assert_eq!(answer.try_recv().unwrap(), Heard::Refused);
    }

    #[test]
    fn a_session_that_ends_takes_its_requests_with_it() {
        let callers = Callers::default();
        let caller = callers.of("s", &Client::default());
        let request = Message::parse(br#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#).unwrap();
        let followed = caller.follow(request.id().unwrap());
        assert!(Arc::ptr_eq(&caller, &callers.of("s", &Client::default())));
        callers.end("s");
        assert!(followed.taken_back.is_cancelled());
        assert!(!Arc::ptr_eq(&caller, &callers.of("s", &Client::default())));
    }
}
