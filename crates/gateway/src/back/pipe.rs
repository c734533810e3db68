//! How does a message reach a server on a pipe? Chooses between the session's child and the shared one, and unpacks batches.

use futures_util::future::join_all;
use mcp::envelope::Message;

use super::stdio::{Answer, Opened, StdioBack};
use super::together::{answer_of, together};
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
        answer_of(message, answer.map(Reply::from))
    });
    Ok(together(join_all(sent).await.into_iter().flatten().collect()))
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
