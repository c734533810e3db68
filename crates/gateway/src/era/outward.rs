//! How does what a task finds out become an answer? One message is JSON; more than one is a stream.

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::mpsc;

use crate::back::{BackFailure, Content, Reply, Source};
use crate::wire::{error, frame, status_of};

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

/// A whole answer of the door's own.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Reply {
    Reply::Json { status, body, session: None, retry_after: None }
}

fn last_words(id: &str, failure: &BackFailure) -> Bytes {
    error(id, failure.json_rpc_code(), &failure.outward())
}

/// Frames between a task and its caller.
const FRAMES: usize = 4;
