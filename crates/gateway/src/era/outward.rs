//! How does what a task finds out become an answer? One message is JSON; more than one is a stream.

use bytes::Bytes;
use http::StatusCode;
use mcp::envelope::{ErrorObject, Message};
use mcp::error_code;
use mcp::sse;
use tokio::sync::mpsc;

use crate::back::{BackFailure, Content, Reply, Source};

/// What a caller is told, in their own era's words.
pub(crate) enum Told {
    /// Something before the answer.
    Before(Bytes),
    /// The answer.
    Answer(Bytes),
    /// There will be none.
    Failure(BackFailure),
}

/// The answer that a task sends. `id` is the caller's, as raw JSON; `modern`: errors have an HTTP status of their own.
pub(crate) async fn answer(mut told: mpsc::Receiver<Told>, id: &str, modern: bool) -> Result<Reply, BackFailure> {
    match told.recv().await {
        None => Err(BackFailure::Crashed),
        Some(Told::Failure(failure)) => Err(failure),
        Some(Told::Answer(body)) => {
            let status = if modern { status_of(&body) } else { StatusCode::OK };
            Ok(Reply::Json { status, body, session: None, retry_after: None })
        }
        Some(Told::Before(first)) => {
            let (frames, events) = mpsc::channel(FRAMES);
            tokio::spawn(stream(first, told, frames, id.to_owned()));
            Ok(Reply::Stream { status: StatusCode::OK, content: Content::Events, source: Source::Channel(events), session: None })
        }
    }
}

async fn stream(first: Bytes, mut told: mpsc::Receiver<Told>, frames: mpsc::Sender<Bytes>, id: String) {
    let mut next = Some(Told::Before(first));
    while let Some(said) = next {
        let (message, is_last) = match said {
            Told::Before(message) => (message, false),
            Told::Answer(message) => (message, true),
            Told::Failure(failure) => (last_words(&id, &failure), true),
        };
        if frames.send(frame(&message)).await.is_err() || is_last {
            return;
        }
        next = tokio::select! {
            next = told.recv() => next.or(Some(Told::Failure(BackFailure::Crashed))),
            () = frames.closed() => return,
        };
    }
}

/// One message as a frame of an event stream.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    sse::encode(&sse::Event::message(String::from_utf8_lossy(message))).into()
}

/// A result under this id.
pub(crate) fn result(id: &str, result: &str) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#).into()
}

/// An error under this id.
pub(crate) fn error(id: &str, code: i64, message: &str) -> Bytes {
    let error = serde_json::json!({ "code": code, "message": message });
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into()
}

/// A whole answer of the door's own.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Reply {
    Reply::Json { status, body, session: None, retry_after: None }
}

fn last_words(id: &str, failure: &BackFailure) -> Bytes {
    error(id, failure.json_rpc_code(), &failure.outward())
}

/// The modern wire gives some errors an HTTP status of their own (2026-07-28, Streamable HTTP).
pub(crate) fn status_of(message: &[u8]) -> StatusCode {
    if message.len() > ERRORS_ARE_SHORT {
        return StatusCode::OK;
    }
    match Message::parse(message).ok().as_ref().and_then(Message::error).map(ErrorObject::code) {
        Some(error_code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(error_code::HEADER_MISMATCH | error_code::MISSING_CLIENT_CAPABILITY | error_code::UNSUPPORTED_PROTOCOL_VERSION) => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::OK,
    }
}

/// Frames between a task and its caller.
const FRAMES: usize = 4;
const ERRORS_ARE_SHORT: usize = 64 * 1024;
