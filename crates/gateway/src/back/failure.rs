//! What went wrong on the way to an upstream? One variant per cause, with two texts: `outward` is what a caller may read, `Display` is
//! what the log keeps.

use std::fmt;
use std::io;
use std::time::Duration;

use broker::Missing;
use broker::missing::Cause;
use http::StatusCode;
use mcp::era::Era;
use mcp::error_code;

pub use super::stdio::InvalidEndpoint;

/// Why a back gives no answer of the upstream's own.
#[derive(Debug, thiserror::Error)]
pub enum BackFailure {
    /// The upstream answered what is not one strict JSON-RPC message.
    #[error("the server's answer is not one strict JSON-RPC message")]
    BadAnswer,
    /// No room for one more child or session, and none is idle.
    #[error("no room for one more of the {0}")]
    Busy(Scarce),
    /// The connection broke while the answer was on its way.
    #[error("the connection to the upstream broke during its answer")]
    Broken(#[source] hyper::Error),
    /// The caller's own token is not one that this server could be served for.
    #[error("the caller's token is no use here: {0}")]
    CallerToken(CallerTokenUnfit),
    /// The caller cancelled the request and the server said no more about it.
    #[error("the request was cancelled")]
    Cancelled,
    /// The server ended, or its pipe broke, while the call was on its way.
    #[error("the server stopped during the call")]
    Crashed,
    /// A credential that the server needs cannot be had.
    #[error("a credential of the server cannot be had")]
    Credential(#[source] broker::Missing),
    /// The upstream refused the door's own credential (401 or 403). It is never the caller's doing.
    #[error("the upstream refuses the door's credential with status {status}")]
    CredentialRefused {
        /// What it answered.
        status: StatusCode,
    },
    /// A resolved value does not fit where it belongs.
    #[error("the value for {place} holds what cannot stand there")]
    CredentialShape {
        /// Where it belongs.
        place: CredentialPlace,
    },
    /// Where a server of 2024-11-05 wants to be told things is not known, or must not be gone to.
    #[error("the `endpoint` event of the server's stream cannot be followed: {0}")]
    Endpoint(InvalidEndpoint),
    /// The session belongs to somebody else.
    #[error("the session belongs to another principal")]
    ForeignSession,
    /// Caller and upstream share no era, and translation is not built.
    #[error("the client speaks the {caller:?} protocol and the server only the {upstream:?} one")]
    ImpossiblePair {
        /// What the server speaks.
        upstream: Era,
        /// What the caller speaks.
        caller: Era,
        /// The version that the caller asked for, at most 32 bytes of it.
        requested: String,
    },
    /// The person has not given the door leave to act for them there, or has taken it back.
    #[error("the caller has not connected their own account")]
    NotConnected,
    /// A response to a request that was not put to this session.
    #[error("a response to a request that this session was not asked")]
    NotAsked,
    /// The session is not known, or has ended.
    #[error("no such session")]
    SessionGone,
    /// The program cannot be started.
    #[error("the server cannot be started")]
    Start(#[source] io::Error),
    /// The door is closing this back.
    #[error("the server is being stopped")]
    Stopping,
    /// The client reads its stream slower than the server writes.
    #[error("the client reads too slowly; its stream was ended")]
    TooSlow,
    /// The upstream's message is over the cap.
    #[error("a message of the server is longer than {limit} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// An answer that MCP has no place for, such as a redirect.
    #[error("the upstream answered with the unexpected status {status}")]
    UnexpectedStatus {
        /// What it answered.
        status: StatusCode,
    },
    /// No connection, or one that broke before an answer came.
    #[error("the upstream cannot be reached")]
    Unreachable(#[source] outbound::pool::SendFailure),
    /// No message for too long.
    #[error("the server was silent for {} s", after.as_secs())]
    TimedOut {
        /// How long the door waited.
        after: Duration,
    },
    /// The server failed too often of late; the next start comes after a pause.
    #[error("the server failed and is not started again for {} ms", retry_after.as_millis())]
    Unavailable {
        /// When a start may be tried again.
        retry_after: Duration,
    },
}

/// Why a caller's own token neither goes to the upstream nor gets one for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallerTokenUnfit {
    /// There is none: everybody is let in.
    #[error("there is none, for the door lets everybody in")]
    Absent,
    /// It is bound to a key of the caller's.
    #[error(
        "it is bound to the caller's key: passed on without a proof it would be a plain bearer token, and only the caller can make proofs"
    )]
    Bound,
    /// It does not say that it is for the door.
    #[error("to be passed on, it must name the door's own URL as an audience")]
    NotForDoor,
    /// It does not say that it is for the upstream.
    #[error("to be passed on, it must name the server behind the door as an audience")]
    NotForUpstream,
}

/// What there is only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scarce {
    /// Requests that this server works on.
    Calls,
    /// Child processes of this server.
    Children,
    /// Child processes of this server for one principal.
    ChildrenOfPrincipal,
    /// Sessions of one principal.
    Sessions,
    /// Resources that one session watches.
    Subscriptions,
}

impl std::fmt::Display for Scarce {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Calls => "requests to this server",
            Self::Children => "children of this server",
            Self::ChildrenOfPrincipal => "children of this principal",
            Self::Sessions => "sessions of this principal",
            Self::Subscriptions => "subscriptions of this session",
        })
    }
}

/// Where a credential of an HTTP server is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialPlace {
    /// In this header.
    Header(http::HeaderName),
    /// In path or query.
    Url,
}

impl fmt::Display for CredentialPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(formatter, "the header `{name}`"),
            Self::Url => formatter.write_str("the URL"),
        }
    }
}

impl BackFailure {
    /// Whether the door has no credential that the upstream takes, which says nothing about how the upstream is.
    pub(crate) fn is_about_credentials(&self) -> bool {
        matches!(self, Self::Credential(_) | Self::CredentialRefused { .. } | Self::CredentialShape { .. })
    }

    /// The cause as a fixed word, for the record and the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadAnswer => "bad_upstream_answer",
            Self::Broken(_) => "upstream_broke",
            Self::Busy(_) => "upstream_busy",
            Self::CallerToken(_) => "caller_token_unfit",
            Self::Cancelled => "cancelled",
            Self::Crashed => "upstream_crashed",
            Self::Credential(_) => "credential_missing",
            Self::CredentialRefused { .. } => "credential_refused",
            Self::CredentialShape { .. } => "credential_shape",
            Self::Endpoint(_) => "upstream_endpoint",
            Self::ForeignSession => "foreign_session",
            Self::ImpossiblePair { .. } => "impossible_pair",
            Self::NotAsked => "not_asked",
            Self::NotConnected => "not_connected",
            Self::SessionGone => "session_gone",
            Self::Start(_) => "upstream_not_started",
            Self::Stopping => "closing",
            Self::TooSlow => "client_too_slow",
            Self::TooLarge { .. } => "upstream_answer_too_large",
            Self::TimedOut { .. } => "upstream_timed_out",
            Self::Unavailable { .. } => "upstream_unavailable",
            Self::UnexpectedStatus { .. } => "upstream_status",
            Self::Unreachable(_) => "upstream_unreachable",
        }
    }

    /// The HTTP status. What happened *during* a call is a JSON-RPC error at 200, as the server itself would have sent it: clients of the
    /// official SDKs drop the whole connection at a 5xx.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadAnswer
            | Self::Cancelled
            | Self::Crashed
            | Self::NotConnected
            | Self::TimedOut { .. }
            | Self::TooLarge { .. }
            | Self::TooSlow => StatusCode::OK,
            Self::Busy(_) | Self::Start(_) | Self::Stopping | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_)
            | Self::CallerToken(_)
            | Self::Credential(_)
            | Self::CredentialRefused { .. }
            | Self::CredentialShape { .. }
            | Self::Endpoint(_)
            | Self::UnexpectedStatus { .. }
            | Self::Unreachable(_) => StatusCode::BAD_GATEWAY,
            Self::ImpossiblePair { .. } | Self::NotAsked => StatusCode::BAD_REQUEST,
            // To tell the two apart would tell a stranger which session ids exist.
            Self::ForeignSession | Self::SessionGone => StatusCode::NOT_FOUND,
        }
    }

    /// The JSON-RPC error code.
    pub fn json_rpc_code(&self) -> i64 {
        match self {
            Self::ImpossiblePair { .. } => error_code::UNSUPPORTED_PROTOCOL_VERSION,
            Self::NotAsked => error_code::INVALID_REQUEST,
            Self::NotConnected => error_code::FORBIDDEN,
            Self::ForeignSession | Self::SessionGone => error_code::SESSION_NOT_FOUND,
            Self::Busy(_) | Self::Start(_) | Self::Stopping | Self::Unavailable { .. } => error_code::BUSY,
            _ => error_code::INTERNAL_ERROR,
        }
    }

    /// The text that a caller may read. It names no path, program, variable or principal.
    pub fn outward(&self) -> String {
        match self {
            Self::CallerToken(_) | Self::Credential(_) | Self::CredentialShape { .. } => {
                "the server behind the door has no credential to work with".to_owned()
            }
            Self::CredentialRefused { .. } => "the server behind the door refuses the door's credential".to_owned(),
            Self::Broken(_) | Self::Endpoint(_) | Self::UnexpectedStatus { .. } | Self::Unreachable(_) => {
                "the server behind the door cannot be reached".to_owned()
            }
            Self::ForeignSession | Self::SessionGone => "no such session".to_owned(),
            Self::ImpossiblePair { upstream, caller, .. } => {
                format!("this client speaks {}, and the server behind the door only {}", era_name(*caller), era_name(*upstream))
            }
            Self::Start(_) => "the server behind the door cannot be started".to_owned(),
            other => other.to_string(),
        }
    }

    /// The `data` member of the JSON-RPC error, as raw JSON: what the other side would accept, so that a client of both eras can turn to it.
    pub fn data(&self) -> Option<String> {
        let Self::ImpossiblePair { upstream, requested, .. } = self else { return None };
        let supported = match upstream {
            Era::Legacy => serde_json::json!(["2025-11-25", "2025-06-18", "2025-03-26"]),
            Era::Modern => serde_json::json!(["2026-07-28"]),
        };
        Some(serde_json::json!({ "supported": supported, "requested": requested }).to_string())
    }

    /// When it makes sense to come back, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Credential(Missing { cause: Cause::TooOften { retry_after }, .. }) | Self::Unavailable { retry_after } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }
}

fn era_name(era: Era) -> &'static str {
    match era {
        Era::Legacy => "the legacy protocol (`initialize`, up to 2025-11-25)",
        Era::Modern => "the modern protocol (2026-07-28)",
    }
}
