//! How do the answers to the members of a batch (2025-03-26) come home? As one stream: a member's answer may hold a question that has to be answered before it goes on.

use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use mcp::envelope::{Kind, Message};
use tokio::sync::mpsc;

use super::{BackFailure, Content, Reply, Source};
use crate::wire::frame;

/// The answer to one member: what came of it, or an error in its place. `None`: it has none.
pub(crate) fn answer_of(member: &Message<'_>, outcome: Result<Reply, BackFailure>) -> Option<Reply> {
    match outcome {
        Ok(Reply::Accepted { .. }) => None,
        Ok(reply) => Some(reply),
        Err(failure) if member.kind() == Kind::Request => {
            let body = mcp::error_code::error_response(member.id(), failure.json_rpc_code(), &failure.outward(), None);
            Some(Reply::Json { status: StatusCode::OK, body: body.into(), session: None, retry_after: None })
        }
        // A notification that could not be delivered has no answer to be told in.
        Err(_) => None,
    }
}

/// All answers as one.
pub(crate) fn together(answers: Vec<Reply>) -> Reply {
    if answers.is_empty() {
        return Reply::Accepted { status: StatusCode::ACCEPTED, session: None };
    }
    let (frames, events) = mpsc::channel(answers.len());
    tokio::spawn(join_all(answers.into_iter().map(|answer| forward(answer, frames.clone()))));
    Reply::Stream { status: StatusCode::OK, content: Content::Events, source: Source::Channel(events), session: None }
}

/// Passes one member's answer on as it comes.
async fn forward(answer: Reply, frames: mpsc::Sender<Bytes>) {
    match answer {
        Reply::Accepted { .. } | Reply::Bare { .. } => {}
        Reply::Json { body, .. } => {
            // A caller who is gone needs no answer.
            let _ = frames.send(frame(&body)).await;
        }
        Reply::Stream { mut source, .. } => {
            while let Some(Ok(piece)) = source.next().await {
                if frames.send(piece).await.is_err() {
                    return;
                }
            }
        }
    }
}
