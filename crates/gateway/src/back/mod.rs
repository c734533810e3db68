//! Where does a call go? The servers behind the door, each kind in its own module, and the words that all of them share.

pub(crate) mod credentials;
pub mod era_book;
pub mod failure;
pub(crate) mod http;
mod mirrors;
pub(crate) mod parameters;
pub(crate) mod pipe;
pub(crate) mod probe;
pub mod stdio;
pub(crate) mod together;

use std::sync::Arc;

use ::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use mcp::envelope::Message;
use mcp::method::{self, NamedBy};
use mcp::version::ProtocolVersion;
use outbound::pool::Lease;
use policy::Permit;
use tokio::sync::mpsc;

pub use era_book::EraBook;
pub use failure::{BackFailure, CredentialPlace};
pub use probe::Eras;

use crate::layers::session::Session;
use crate::merge::Merged;
use crate::principal::{CallerToken, Principal};
use crate::relay::Mapped;

/// What stands behind one name. Copies share connections, children and sessions.
#[derive(Clone)]
pub(crate) enum Back {
    /// A Streamable HTTP server.
    Http(Arc<http::HttpBack>),
    /// Several servers as one.
    Merged(Arc<Merged>),
    /// A program, or a server of our own, over a pipe.
    Stdio(Arc<stdio::StdioBack>),
}

impl Back {
    /// Passes one message on, in the era of its caller. `whole`: the answer must come back in one piece where it is JSON.
    pub(crate) async fn pass(&self, outgoing: &Outgoing<'_>, whole: bool) -> Result<Reply, BackFailure> {
        match self {
            Self::Http(back) => back.send(outgoing, whole).await,
            Self::Merged(back) => back.pass(outgoing).await,
            Self::Stdio(back) => Box::pin(pipe::carry(back, outgoing)).await,
        }
    }

    /// Opens the stream on which a legacy server speaks first, or resumes the one that `headers` name an event of.
    pub(crate) async fn listen(&self, session: Option<&Session>, headers: &HeaderMap, mandate: Mandate<'_>) -> Result<Reply, BackFailure> {
        match self {
            Self::Http(back) => {
                let id = session.map(|session| session.upstream.as_str());
                back.listen(id, session.map(|session| session.version), headers, mandate).await
            }
            // A modern server takes POSTs only; the streams of legacy callers are the crossing's.
            Self::Merged(_) => Ok(Reply::Bare { status: StatusCode::METHOD_NOT_ALLOWED, retry_after: None }),
            Self::Stdio(back) => {
                let session = session.ok_or(BackFailure::SessionGone)?;
                Ok(back.listen(&mandate.principal.key, &session.upstream).await?.into())
            }
        }
    }

    /// Ends a legacy session. An upstream that knows no DELETE, or knows the session no more, changes nothing.
    pub(crate) async fn end(&self, session: &Session, mandate: Mandate<'_>) -> Result<Reply, BackFailure> {
        match self {
            Self::Http(back) => match back.end(&session.upstream, Some(session.version), mandate).await? {
                Reply::Bare { status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, .. } => Ok(ENDED),
                reply => Ok(reply),
            },
            Self::Merged(_) => Ok(ENDED),
            Self::Stdio(back) => {
                back.close(&mandate.principal.key, &session.upstream).await?;
                Ok(ENDED)
            }
        }
    }

    /// Has the upstream asked anew for the eras that it speaks, when it behaves as one of the other.
    pub(crate) fn forget_eras(&self) {
        match self {
            Self::Http(back) => back.forget_eras(),
            Self::Merged(_) => {}
            Self::Stdio(back) => back.forget_eras(),
        }
    }

    /// Why it cannot serve just now, for the operator.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Self::Http(back) => back.trouble(),
            // Each member says so itself.
            Self::Merged(_) => None,
            Self::Stdio(back) => back.trouble(),
        }
    }
}

/// Who has something done at an upstream, and the proof that they may.
#[derive(Clone, Copy)]
pub(crate) struct Mandate<'a> {
    pub(crate) principal: &'a Arc<Principal>,
    /// Their own token, where the configuration has a use for it.
    pub(crate) token: Option<&'a Arc<CallerToken>>,
    pub(crate) permit: &'a Permit,
}

/// One message on its way to an upstream: everything that a back may know.
pub(crate) struct Outgoing<'a> {
    /// The caller's message, byte for byte.
    pub(crate) body: &'a Bytes,
    /// The borrowed view of the same bytes.
    pub(crate) message: &'a Message<'a>,
    /// The revision that the caller speaks.
    pub(crate) version: ProtocolVersion,
    /// Whether the caller said so in a header.
    pub(crate) version_declared: bool,
    /// The session, for legacy callers that have one.
    pub(crate) session: Option<&'a Session>,
    /// Who calls, and the proof that they may.
    pub(crate) mandate: Mandate<'a>,
    /// The caller's headers, of which a back copies what the protocol allows.
    pub(crate) headers: &'a HeaderMap,
}

impl Outgoing<'_> {
    /// Whether this is the legacy `initialize`.
    pub(crate) fn opens_session(&self) -> bool {
        !self.version.is_modern() && self.message.method() == Some("initialize")
    }

    /// What `Mcp-Name` has to mirror, if anything.
    pub(crate) fn mirrored_name(&self) -> Option<&str> {
        let params = self.message.params()?;
        match method::named_by(self.message.method()?)? {
            NamedBy::Name => params.name(),
            NamedBy::TaskId => params.task_id(),
            NamedBy::Uri => params.uri(),
        }
    }

    /// The revision to name to a legacy upstream: the one that the caller declared, else the session's.
    pub(crate) fn session_version(&self) -> Option<ProtocolVersion> {
        if self.version_declared { Some(self.version) } else { self.session.map(|session| session.version) }
    }
}

/// What a back gives back.
pub(crate) enum Reply {
    /// Nothing to say: 202, or 200 and 204 where the upstream chose them.
    Accepted { status: StatusCode, session: Option<String> },
    /// A status of the upstream's without a body worth passing on.
    Bare { status: StatusCode, retry_after: Option<u64> },
    /// One whole JSON message.
    Json { status: StatusCode, body: Bytes, session: Option<String>, retry_after: Option<u64> },
    /// A stream, passed on as it comes.
    Stream { status: StatusCode, content: Content, source: Source, session: Option<String> },
}

impl Reply {
    /// Whether the upstream refused: an HTTP error, or a JSON-RPC error in one piece.
    pub(crate) fn is_error(&self) -> bool {
        match self {
            Self::Accepted { .. } => false,
            Self::Bare { status, .. } | Self::Stream { status, .. } => !status.is_success(),
            Self::Json { status, body, .. } => !status.is_success() || Message::parse(body).is_ok_and(|message| message.error().is_some()),
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Accepted { status, .. } | Self::Bare { status, .. } | Self::Json { status, .. } | Self::Stream { status, .. } => *status,
        }
    }

    /// The upstream's own id of the session that this reply opened.
    pub(crate) fn session(&self) -> Option<&str> {
        match self {
            Self::Accepted { session, .. } | Self::Json { session, .. } | Self::Stream { session, .. } => session.as_deref(),
            Self::Bare { .. } => None,
        }
    }
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Server-sent events.
    Events,
    /// One long JSON message.
    Json,
}

/// Where a stream comes from.
pub(crate) enum Source {
    /// Frames made by the door.
    Channel(mpsc::Receiver<Bytes>),
    /// An upstream's body.
    Http(Lease),
    /// Another one, of which each message becomes something else.
    Mapped(Box<Mapped>),
}

/// The answer to a DELETE.
const ENDED: Reply = Reply::Accepted { status: StatusCode::OK, session: None };
