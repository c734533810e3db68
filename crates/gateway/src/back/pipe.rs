//! How does a message reach a server on a pipe? Chooses between the session's child and the shared one, and unpacks batches.

use bytes::Bytes;
use futures_util::future::join_all;
use mcp::envelope::{Kind, Message};
use tokio::sync::mpsc;

use super::stdio::{Answer, Opened, StdioBack};
use super::{BackFailure, Content, Mandate, Outgoing, Reply, Source};
use crate::layers::session::Session;

/// Sends one message to where it belongs.
pub(crate) async fn carry(back: &StdioBack, outgoing: &Outgoing<'_>) -> Result<Reply, BackFailure> {
    let Outgoing { mandate: Mandate { permit, principal, .. }, message, .. } = outgoing;
    if outgoing.version.is_modern() {
        return Ok(back.send_modern(permit, &principal.key, message, outgoing.version.as_str(), outgoing.headers).await?.into());
    }
    if outgoing.opens_session() {
        let Opened { answer, session } = back.open(permit, &principal.key, message).await?;
        return Ok(Reply::from(answer).opening(session));
    }
    let session = outgoing.session.ok_or(BackFailure::SessionGone)?;
    Ok(back.send(permit, &principal.key, &session.upstream, message).await?.into())
}

/// Sends the members of a batch (2025-03-26), each on its own, and answers with one array of what came back.
pub(crate) async fn carry_all(
    back: &StdioBack,
    outgoing: &Outgoing<'_>,
    session: &Session,
    messages: &[Message<'_>],
) -> Result<Reply, BackFailure> {
    let sent = messages.iter().map(|message| async move {
        let answer = back.send(outgoing.mandate.permit, &outgoing.mandate.principal.key, &session.upstream, message).await;
        match answer {
            Ok(answer) => Some(answer),
            Err(failure) if message.kind() == Kind::Request => {
                let body = mcp::error_code::error_response(message.id(), failure.json_rpc_code(), &failure.outward(), None);
                Some(Answer::Json { status: http::StatusCode::OK, body: body.into() })
            }
            // A notification that could not be delivered has no answer to be told in.
            Err(_) => None,
        }
    });
    let answers: Vec<Answer> = join_all(sent).await.into_iter().flatten().filter(|answer| !matches!(answer, Answer::Accepted)).collect();
    if answers.is_empty() {
        return Ok(Reply::Accepted { status: http::StatusCode::ACCEPTED, session: None });
    }
    let (frames, events) = mpsc::channel(answers.len());
    tokio::spawn(join_all(answers.into_iter().map(|answer| forward(answer, frames.clone()))));
    Ok(Reply::Stream { status: http::StatusCode::OK, content: Content::Events, source: Source::Channel(events), session: None })
}

/// Passes one member's answer on as it comes: it may hold a question that has to be answered before it goes on.
async fn forward(answer: Answer, frames: mpsc::Sender<Bytes>) {
    match answer {
        Answer::Accepted => {}
        Answer::Json { body, .. } => {
            // A caller who is gone needs no answer.
            let _ = frames.send(event(&body)).await;
        }
        Answer::Stream { mut events } => {
            while let Some(frame) = events.recv().await {
                if frames.send(frame).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn event(message: &[u8]) -> Bytes {
    mcp::sse::encode(&mcp::sse::Event::message(String::from_utf8_lossy(message))).into()
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Accepted => Self::Accepted { status: http::StatusCode::ACCEPTED, session: None },
            Answer::Json { status, body } => Self::Json { status, body, session: None, retry_after: None },
            Answer::Stream { events } => {
                Self::Stream { status: http::StatusCode::OK, content: Content::Events, source: Source::Channel(events), session: None }
            }
        }
    }
}

impl Reply {
    /// The same reply, opening this session.
    fn opening(mut self, opened: Option<String>) -> Self {
        match &mut self {
            Self::Accepted { session, .. } | Self::Json { session, .. } | Self::Stream { session, .. } => *session = opened,
            Self::Bare { .. } => {}
        }
        self
    }
}
