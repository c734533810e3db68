//! What comes before the answer? Progress and log messages go to the person; requests of the server get a polite no.

use mcp::envelope::{Body, Kind, Message};
use mcp::error_code::{METHOD_NOT_FOUND, error_response};
use mcp::method;
use mcp::raw::RawJson;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::{CallFailure, SaidError};
use super::http::{Content, Reply};
use crate::voice::{self, plain};

/// How the server answered a request.
#[derive(Debug)]
pub(super) enum Answer {
    Error(SaidError),
    Result(Box<RawValue>),
}

/// What a message before the answer asks of us.
pub(super) enum Aside {
    /// Nothing more.
    Nothing,
    /// To post this reply.
    Reply(Vec<u8>),
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

/// Follows a reply to the answer of the request `id`. `aside` is told to post what must be replied on the way.
pub(super) async fn answer_to<Post>(id: i64, reply: Reply, mut post: Post) -> Result<Answer, CallFailure>
where
    Post: AsyncFnMut(Vec<u8>) -> Result<(), CallFailure>,
{
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
        Content::Stream(mut stream) => {
            while let Some(data) = stream.next().await? {
                let mut replies = Vec::new();
                for message in messages(data.as_bytes()).map_err(CallFailure::NotAMessage)? {
                    if let Some(answer) = answer(id, &message) {
                        return Ok(answer);
                    }
                    if let Aside::Reply(reply) = listen(&message) {
                        replies.push(reply);
                    }
                }
                for reply in replies {
                    post(reply).await?;
                }
            }
            Err(CallFailure::Ended)
        }
    }
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

/// Tells the person what a notification says, and declines what a request asks for.
fn listen(message: &Message<'_>) -> Aside {
    let name = message.method().unwrap_or_default();
    match (message.kind(), name) {
        (Kind::Request, method::PING) => reply_to(message, Ok("{}")),
        (Kind::Request, _) => {
            voice::warn(&format!("the server asks for `{}`, which this client cannot give", plain(name)));
            reply_to(message, Err("this client answers no requests"))
        }
        (Kind::Notification, method::NOTIFICATIONS_PROGRESS) => {
            say::<Progress>(message, Progress::line);
            Aside::Nothing
        }
        (Kind::Notification, method::NOTIFICATIONS_MESSAGE) => {
            say::<LogMessage>(message, LogMessage::line);
            Aside::Nothing
        }
        _ => Aside::Nothing,
    }
}

fn reply_to(message: &Message<'_>, outcome: Result<&str, &str>) -> Aside {
    let Some(id) = message.id() else { return Aside::Nothing };
    Aside::Reply(match outcome {
        Ok(result) => format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}", id.as_str()).into_bytes(),
        Err(why) => error_response(Some(id), METHOD_NOT_FOUND, why, None),
    })
}

#[derive(Deserialize)]
struct Progress {
    #[serde(rename = "progress")]
    done: f64,
    total: Option<f64>,
    message: Option<String>,
}

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

impl Progress {
    fn line(&self) -> String {
        let total = self.total.map_or_else(String::new, |total| format!("/{total}"));
        format!("progress {}{total} {}", self.done, self.message.as_deref().unwrap_or_default())
    }
}

impl LogMessage {
    fn line(&self) -> String {
        let text = serde_json::from_str::<String>(self.data.get()).unwrap_or_else(|_| self.data.get().to_owned());
        let logger = self.logger.as_deref().map_or_else(String::new, |logger| format!("{logger}: "));
        format!("{} {logger}{text}", self.level)
    }
}

/// A notification of an unexpected shape is not worth failing a call.
fn say<'m, Params: Deserialize<'m>>(message: &Message<'m>, line: impl FnOnce(&Params) -> String) {
    if let Ok(parsed) = serde_json::from_str::<WithParams<Params>>(message.raw()) {
        voice::talk(&format!("{}\n", plain(line(&parsed.params).trim_end())));
    }
}
