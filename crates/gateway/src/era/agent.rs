//! Who has something done at an upstream that may outlast one request? All that a [`Mandate`] borrows, owned, and the two ways to send.

use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use mcp::envelope::Message;
use mcp::header;
use mcp::version::ProtocolVersion;
use policy::Permit;

use crate::back::{Back, BackFailure, Mandate, Outgoing, Reply};
use crate::layers::session::Session;
use crate::principal::{CallerToken, Principal};

/// A caller at one upstream. Their token is held for as long as a request is under way, and no longer.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) back: Back,
    pub(crate) principal: Arc<Principal>,
    pub(crate) token: Option<Arc<CallerToken>>,
    pub(crate) permit: Permit,
    /// What every message of theirs carries: where a trace comes from.
    pub(crate) headers: HeaderMap,
}

/// One message in the upstream's own words.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) body: Bytes,
    pub(crate) version: ProtocolVersion,
    /// The upstream's session, where it keeps one.
    pub(crate) session: Option<Arc<Session>>,
    /// Arguments that stand in headers too.
    pub(crate) parameters: Vec<(HeaderName, HeaderValue)>,
}

impl Letter {
    /// A message without mirrored arguments.
    pub(crate) fn plain(body: impl Into<Bytes>, version: ProtocolVersion, session: Option<Arc<Session>>) -> Self {
        Self { body: body.into(), version, session, parameters: Vec::new() }
    }
}

impl Agent {
    /// The same without the caller's own token, for what goes on when their request is over.
    pub(crate) fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Sends a message; the answer comes in one piece wherever it is JSON.
    pub(crate) async fn send(&self, letter: &Letter) -> Result<Reply, BackFailure> {
        let message = Message::parse(&letter.body).map_err(|_| BackFailure::BadAnswer)?;
        let mut headers = self.headers.clone();
        headers.extend(letter.parameters.iter().cloned());
        let outgoing = Outgoing {
            body: &letter.body,
            message: &message,
            version: letter.version,
            version_declared: true,
            session: letter.session.as_deref(),
            mandate: self.mandate(),
            headers: &headers,
        };
        self.back.pass(&outgoing, true).await
    }

    /// Opens the stream on which a legacy upstream speaks first, or resumes one after the event of this id.
    pub(crate) async fn listen(&self, session: Option<&Session>, after: Option<&str>) -> Result<Reply, BackFailure> {
        let mut headers = self.headers.clone();
        if let Some(id) = after {
            headers.insert(header::LAST_EVENT_ID, HeaderValue::from_str(id).map_err(|_| BackFailure::BadAnswer)?);
        }
        self.back.listen(session, &headers, self.mandate()).await
    }

    /// Ends a session of a legacy upstream.
    pub(crate) async fn end(&self, session: &Session) -> Result<Reply, BackFailure> {
        self.back.end(session, self.mandate()).await
    }

    pub(crate) fn mandate(&self) -> Mandate<'_> {
        Mandate { principal: &self.principal, token: self.token.as_ref(), permit: &self.permit }
    }
}
