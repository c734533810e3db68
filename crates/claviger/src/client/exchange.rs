//! What comes before the answer? Progress and log messages go to the person; requests of the server get a polite no.

use mcp::envelope::{Body, Kind, Message};
use mcp::error_code::{METHOD_NOT_FOUND, error_response};
use mcp::method;
use mcp::raw::RawJson;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::failure::{CallFailure, SaidError};
use super::host::{Host, Progress};
use super::http::{Content, Reply, Stream};
use super::place::Place;
use crate::voice::{self, plain};

/// How the server answered a request.
#[derive(Debug)]
pub(super) enum Answer {
    Error(SaidError),
    Result(Box<RawValue>),
}

/// What follows an answer along the wire.
pub(super) trait Wire {
    /// Posts the answer to a question of the server's.
    async fn post(&self, reply: Vec<u8>) -> Result<(), CallFailure>;

    /// Goes on where a stream broke off; `None`: that cannot be done here.
    async fn resume(&self, last_event_id: &str) -> Result<Option<Box<Stream>>, CallFailure>;
}

impl Answer {
    /// The failure to report when a modern answer was asked for and this came.
    pub(super) fn unless_modern(self) -> CallFailure {
        match self {
            Self::Error(error) => CallFailure::NotModern(Some(error)),
            Self::Result(_) => CallFailure::NotModern(None),
        }
    }
}

/// Follows a reply to the answer of the request `id`; `host` answers what is asked on the way.
pub(super) async fn answer_to(id: i64, reply: Reply, wire: &impl Wire, host: &dyn Host) -> Result<Answer, CallFailure> {
    match reply.content {
        Content::Nothing => Err(CallFailure::Ended),
        Content::Json(status, body) => {
            let answer = messages(&body).map(|messages| messages.iter().find_map(|message| answer(id, message)));
            match answer {
                Ok(Some(answer)) => Ok(answer),
                Ok(None) | Err(_) if !status.is_success() => Err(CallFailure::Status { status, text: None }),
                Ok(None) => Err(CallFailure::Ended),
                Err(error) => Err(CallFailure::NotAMessage(error)),
            }
        }
        Content::Stream(stream) => follow(id, stream, wire, host).await,
    }
}

/// To the answer, over as many connections as it takes: a server may end one at any time once it has named an event (SEP-1699).
async fn follow(id: i64, mut stream: Box<Stream>, wire: &impl Wire, host: &dyn Host) -> Result<Answer, CallFailure> {
    let mut place = Place::default();
    for _ in 0..MAX_STREAMS {
        let broke_off = match read(id, &mut stream, &mut place, wire, host).await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => CallFailure::Ended,
            Err(failure @ CallFailure::Broken(_)) => failure,
            Err(failure) => return Err(failure),
        };
        let Some(last) = &place.last_event_id else { return Err(broke_off) };
        drop(stream);
        tokio::time::sleep(place.retry).await;
        stream = wire.resume(last).await?.ok_or(broke_off)?;
    }
    Err(CallFailure::Ended)
}

/// Hears what a legacy server says of its own accord, and answers it, as long as its stream can be had.
pub(super) async fn hear_out(mut stream: Box<Stream>, wire: &impl Wire, host: &dyn Host) -> Result<(), CallFailure> {
    let mut place = Place::default();
    loop {
        match read(NOBODY, &mut stream, &mut place, wire, host).await {
            Ok(_) | Err(CallFailure::Broken(_)) => {}
            Err(failure) => return Err(failure),
        }
        drop(stream);
        tokio::time::sleep(place.retry).await;
        let Some(next) = wire.resume(place.last_event_id.as_deref().unwrap_or_default()).await? else { return Ok(()) };
        stream = next;
    }
}

async fn read(id: i64, stream: &mut Stream, place: &mut Place, wire: &impl Wire, host: &dyn Host) -> Result<Option<Answer>, CallFailure> {
    while let Some(event) = stream.next().await? {
        place.remember(&event);
        let Some(data) = event.data.filter(|data| !data.is_empty()) else { continue };
        let mut replies = Vec::new();
        for message in messages(data.as_bytes()).map_err(CallFailure::NotAMessage)? {
            if let Some(answer) = answer(id, &message) {
                return Ok(Some(answer));
            }
            replies.extend(listen(&message, host).await);
        }
        for reply in replies {
            wire.post(reply).await?;
        }
    }
    Ok(None)
}

fn messages(body: &[u8]) -> Result<Vec<Message<'_>>, mcp::envelope::EnvelopeError> {
    Ok(match Body::parse(body)? {
        Body::Batch(messages) => messages,
        Body::Single(message) => vec![*message],
    })
}

/// The answer, when the message answers the request `id`. An error without an id can only be meant for it.
fn answer(id: i64, message: &Message<'_>) -> Option<Answer> {
    let answered = message.id().and_then(RawJson::decode_integer);
    match message.kind() {
        Kind::Response if answered == Some(id) => {
            let result = message.result().map_or("null", RawJson::as_str).to_owned();
            RawValue::from_string(result).ok().map(Answer::Result)
        }
        Kind::ErrorResponse if answered == Some(id) || message.id().is_none() => message.error().map(|error| {
            Answer::Error(SaidError {
                code: error.code(),
                message: error.message().to_owned(),
                data: error.data().map(|data| data.as_str().to_owned()),
            })
        }),
        _ => None,
    }
}

/// Tells the person what a notification says, and answers what a request asks for: what is to be posted.
async fn listen(message: &Message<'_>, host: &dyn Host) -> Option<Vec<u8>> {
    let name = message.method().unwrap_or_default();
    match (message.kind(), name) {
        (Kind::Request, method::PING) => reply_to(message, Ok("{}")),
        (Kind::Request, _) => {
            let params = serde_json::from_str::<WithParams<Json>>(message.raw()).map(|with| with.params).unwrap_or_default();
            if let Some(result) = host.answer(name, &params).await {
                return reply_to(message, Ok(&result.to_string()));
            }
            voice::warn(&format!("the server asks for `{}`, which this client cannot give", plain(name)));
            reply_to(message, Err("this client cannot answer that"))
        }
        (Kind::Notification, method::NOTIFICATIONS_PROGRESS) => {
            if let Ok(parsed) = serde_json::from_str::<WithParams<Progress>>(message.raw()) {
                host.progress(&parsed.params);
            }
            None
        }
        (Kind::Notification, method::NOTIFICATIONS_MESSAGE) => {
            // One of an unexpected shape is not worth failing a call.
            if let Ok(parsed) = serde_json::from_str::<WithParams<LogMessage>>(message.raw()) {
                host.log(&parsed.params.line());
            }
            None
        }
        _ => None,
    }
}

fn reply_to(message: &Message<'_>, outcome: Result<&str, &str>) -> Option<Vec<u8>> {
    let id = message.id()?;
    Some(match outcome {
        Ok(result) => format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}", id.as_str()).into_bytes(),
        Err(why) => error_response(Some(id), METHOD_NOT_FOUND, why, None),
    })
}

/// No request of ours has this id.
const NOBODY: i64 = -1;
/// How often one answer may be cut off.
const MAX_STREAMS: usize = 32;

#[derive(Deserialize)]
struct LogMessage {
    level: String,
    logger: Option<String>,
    data: Box<RawValue>,
}

#[derive(Deserialize)]
struct WithParams<Params> {
    params: Params,
}

impl LogMessage {
    fn line(&self) -> String {
        let text = serde_json::from_str::<String>(self.data.get()).unwrap_or_else(|_| self.data.get().to_owned());
        let logger = self.logger.as_deref().map_or_else(String::new, |logger| format!("{logger}: "));
        format!("{} {logger}{text}", self.level)
    }
}
