//! How does what a server says become an answer? One message is JSON; more than one is a stream.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use mcp::envelope::{ErrorObject, Message};
use mcp::era::Era;
use mcp::error_code;
use tokio::sync::mpsc;

use super::Answer;
use super::failure::BackFailure;
use super::hub::frame;
use super::peer::{Delivery, Ticket};

/// Waits for the first message, at most `patience`, and passes on what follows.
pub(super) async fn answer(mut ticket: Ticket, asked: &Message<'_>, patience: Duration, era: Era) -> Result<Answer, BackFailure> {
    let first = tokio::time::timeout(patience, ticket.next()).await.map_err(|_| BackFailure::TimedOut { after: patience })?;
    let Delivery { message, is_response } = first.ok_or(BackFailure::Crashed)?;
    if is_response {
        return Ok(Answer::Json { status: status_of(&message, era), body: message });
    }
    let crash = asked
        .id()
        .map(|id| error_code::error_response(Some(id), BackFailure::Crashed.json_rpc_code(), &BackFailure::Crashed.outward(), None));
    let (frames, events) = mpsc::channel(FRAMES);
    tokio::spawn(stream(ticket, message, frames, crash.map(Bytes::from)));
    Ok(Answer::Stream { events })
}

/// Feeds a stream until the response, the end of the server, or the end of the caller.
async fn stream(mut ticket: Ticket, first: Bytes, frames: mpsc::Sender<Bytes>, crash: Option<Bytes>) {
    let mut next = Some(Delivery { message: first, is_response: false });
    loop {
        let Some(Delivery { message, is_response }) = next else {
            // The server has ended in the middle: the caller gets an answer all the same.
            if let Some(crash) = crash {
                let _ = frames.send(frame(&crash)).await;
            }
            return;
        };
        if frames.send(frame(&message)).await.is_err() || is_response {
            return;
        }
        next = tokio::select! {
            next = ticket.next() => next,
            () = frames.closed() => return,
        };
    }
}

/// The modern wire gives some errors an HTTP status of their own (2026-07-28, Streamable HTTP).
fn status_of(message: &[u8], era: Era) -> StatusCode {
    if era == Era::Legacy || message.len() > ERRORS_ARE_SHORT {
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

const FRAMES: usize = 64;
const ERRORS_ARE_SHORT: usize = 64 * 1024;
