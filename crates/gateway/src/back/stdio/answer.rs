//! How does what a server says become an answer? One message is JSON; more than one is a stream.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use mcp::envelope::Message;
use mcp::era::Era;
use tokio::sync::mpsc;

use super::Answer;
use super::call::{Delivery, Ending, Ticket};
use crate::back::BackFailure;
use crate::wire::{frame, status_of};

/// Waits for the first message, at most `patience`, and passes on what follows.
pub(super) async fn answer(mut ticket: Ticket, asked: &Message<'_>, patience: Duration, era: Era) -> Result<Answer, BackFailure> {
    let Ok(first) = tokio::time::timeout(patience, ticket.next()).await else {
        ticket.give_up();
        return Err(BackFailure::TimedOut { after: patience });
    };
    let first = first?;
    if first.is_response {
        let status = if era == Era::Legacy { StatusCode::OK } else { status_of(&first.message) };
        return Ok(Answer::Json { status, body: first.message });
    }
    let id = asked.id().map_or("null", |id| id.as_str()).to_owned();
    let (frames, events) = mpsc::channel(FRAMES);
    tokio::spawn(stream(ticket, first, frames, id));
    Ok(Answer::Stream { events })
}

/// Feeds a stream until the response, the end of the server, or the end of the caller. `id` is the caller's, as raw JSON.
async fn stream(mut ticket: Ticket, first: Delivery, frames: mpsc::Sender<Bytes>, id: String) {
    let mut next = Ok(first);
    loop {
        match next {
            Ok(Delivery { message, is_response }) => {
                if frames.send(frame(&message)).await.is_err() || is_response {
                    return;
                }
            }
            Err(ending) => {
                // Cut off in the middle: the caller gets an answer all the same.
                let _ = frames.send(frame(&last_words(&id, ending))).await;
                return;
            }
        }
        next = tokio::select! {
            next = ticket.next() => next,
            () = frames.closed() => return,
        };
    }
}

fn last_words(id: &str, ending: Ending) -> Vec<u8> {
    let failure = BackFailure::from(ending);
    let error = serde_json::json!({ "code": failure.json_rpc_code(), "message": failure.outward() });
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes()
}

/// Frames between a request's own queue and its caller.
const FRAMES: usize = 4;
