//! Why did the door say no? One variant per cause. What the caller may read and what the log keeps are decided in `layers::rescue`,
//! the single table from here to HTTP.

use std::time::Duration;

use http::StatusCode;
use oauth::scope::ScopeSet;

use crate::back::BackFailure;

/// Everything that ends a request before, or instead of, an upstream's own answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The `Host` is not one of ours (DNS rebinding).
    #[error("the host in the request is not one that this door answers to")]
    ForeignHost,
    /// The `Origin` is not allowed (DNS rebinding, browsers).
    #[error("the origin is not allowed")]
    ForeignOrigin,
    /// No such path.
    #[error("nothing is served at this path")]
    NoSuchPath,
    /// No server of that name.
    #[error("no server of that name is behind this door")]
    UnknownServer,
    /// A tool, prompt, resource or task that is nobody's, or not this caller's.
    #[error("there is no such tool, prompt, resource or task")]
    UnknownTarget,
    /// A request about a task by a client that has not declared that it knows them (SEP-2663).
    #[error("the client has not declared the tasks extension")]
    TasksUndeclared,
    /// The method is not one that this path knows. `allow` goes into the header.
    #[error("the HTTP method is not allowed here")]
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: &'static str,
    },

    /// No token was presented.
    #[error("no access token was presented")]
    NoToken,
    /// A token in the query string (RS11).
    #[error("access tokens are never accepted in the query string")]
    TokenInQuery,
    /// More than one way of authenticating, or a header that cannot be read (RFC 6750 §3.1).
    #[error("the Authorization header cannot be read as one bearer token")]
    MalformedAuthorization,
    /// A client's id and secret that are not there once each, too long, or beside a token.
    #[error("X-Client-Id and X-Client-Secret must stand once each, and without an Authorization header")]
    MalformedClientHeaders,
    /// The issuer gives this client no token.
    #[error("the client's id and secret are not good for this server")]
    ClientRefused,
    /// A token that is not good for this server.
    #[error("the access token is not good for this server")]
    BadToken(token::Refusal),
    /// A proof that is not good for this request.
    #[error("the proof is missing or not good for this request")]
    BadProof(token::dpop::Refusal),
    /// A proof that was seen before.
    #[error("the proof is missing or not good for this request")]
    ReplayedProof,
    /// A token that came by itself, where each has to come with a proof.
    #[error("the proof is missing or not good for this request")]
    ProofNeeded,
    /// What was seen before cannot be looked up.
    #[error("the door cannot look up what it has seen before")]
    StoreUnavailable,
    /// A good token that was taken back.
    #[error("the access token is not good for this server")]
    Revoked,
    /// What was revoked elsewhere is not known just now.
    #[error("it cannot be known what was revoked")]
    RevocationsUnheard,
    /// The keys that would judge the token cannot be had.
    #[error("the issuer's keys cannot be had")]
    KeysUnavailable,
    /// The issuer cannot be asked whether the caller is good.
    #[error("the issuer cannot be asked")]
    IssuerUnavailable,
    /// Too many failed authentications from this address.
    #[error("too many failed authentications from this address")]
    TooManyFailures {
        /// When to come back.
        retry_after: policy::quota::RetryAfter,
    },

    /// The token lacks scopes that would cure it.
    #[error("the operation needs the scopes `{needed}`")]
    InsufficientScope {
        /// All scopes that the operation needs.
        needed: ScopeSet,
        /// The rule that asks.
        rule: String,
    },
    /// No scope cures it.
    #[error("this operation is not allowed to anybody")]
    NotPermitted {
        /// The rule that refuses.
        rule: Option<String>,
    },
    /// The caller's own rate is spent.
    #[error("too many calls")]
    RateLimited {
        /// Whose rate it was.
        whose: RateOf,
        /// When to come back.
        retry_after: policy::quota::RetryAfter,
    },
    /// The door itself is full.
    #[error("the door is busy")]
    Busy,

    /// Not `application/json`.
    #[error("the body must be application/json")]
    UnsupportedMediaType,
    /// Accepts neither JSON nor event streams.
    #[error("the Accept header must allow application/json and text/event-stream")]
    NotAcceptable,
    /// Over the cap.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// The headers together are over the cap.
    #[error("the headers are longer than {limit} bytes")]
    HeadersTooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// The body did not come in time.
    #[error("the body did not arrive in time")]
    BodyTimedOut,
    /// The caller hung up while sending.
    #[error("the caller hung up before the body was complete")]
    BodyBroken,
    /// Not one strict JSON-RPC message.
    #[error(transparent)]
    Envelope(#[from] mcp::envelope::EnvelopeError),
    /// The message breaks a rule of the wire: header and body differ, no such version, a member is missing.
    #[error("{0}")]
    Wire(mcp::wire_error::WireError),
    /// A batch outside revision 2025-03-26, or one that holds what a batch may not.
    #[error("batches exist in revision 2025-03-26 only, and never hold `initialize`")]
    BatchNotAllowed,

    /// A session id is needed and was not sent.
    #[error("the Mcp-Session-Id header is missing")]
    SessionMissing,
    /// Not a session of this caller, or one that has ended.
    #[error("no such session")]
    SessionUnknown,

    /// What the upstream, or the way to it, did.
    #[error(transparent)]
    Back(#[from] BackFailure),
    /// The call could not be recorded, and the door is told to refuse such calls.
    #[error("the call cannot be recorded")]
    Unrecorded,
    /// The door is shutting down.
    #[error("the door is closing")]
    Closing,
}

/// Whose rate was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateOf {
    /// The network address.
    Address,
    /// Issuer and subject together.
    Subject,
}

impl Refusal {
    /// The reason as a fixed word, for the record and the metrics; it never holds what a caller sent.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::ForeignHost => "foreign_host",
            Self::ForeignOrigin => "foreign_origin",
            Self::NoSuchPath => "no_such_path",
            Self::UnknownServer => "unknown_server",
            Self::UnknownTarget => "unknown_target",
            Self::TasksUndeclared => "tasks_undeclared",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::NoToken => "no_token",
            Self::TokenInQuery => "token_in_query",
            Self::MalformedAuthorization => "malformed_authorization",
            Self::MalformedClientHeaders => "malformed_client_headers",
            Self::ClientRefused => "client_refused",
            Self::BadToken(refusal) => refusal.code(),
            Self::BadProof(refusal) => refusal.code(),
            Self::ReplayedProof => "proof_replayed",
            Self::ProofNeeded => "proof_needed",
            Self::StoreUnavailable => "store_unavailable",
            Self::Revoked => "revoked",
            Self::RevocationsUnheard => "revocations_unheard",
            Self::KeysUnavailable => "keys_unavailable",
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::TooManyFailures { .. } => "too_many_failures",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::NotPermitted { .. } => "not_permitted",
            Self::RateLimited { whose: RateOf::Address, .. } => "address_rate",
            Self::RateLimited { whose: RateOf::Subject, .. } => "subject_rate",
            Self::Busy => "busy",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::NotAcceptable => "not_acceptable",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::HeadersTooLarge { .. } => "headers_too_large",
            Self::BodyTimedOut => "body_timed_out",
            Self::BodyBroken => "body_broken",
            Self::Envelope(_) => "malformed_message",
            Self::Wire(_) => "wire_rule",
            Self::BatchNotAllowed => "batch_not_allowed",
            Self::SessionMissing => "session_missing",
            Self::SessionUnknown => "session_unknown",
            Self::Back(failure) => failure.code(),
            Self::Unrecorded => "unrecorded",
            Self::Closing => "closing",
        }
    }

    /// Whether this is a failed authentication, which counts against the address.
    pub(crate) fn is_failed_authentication(&self) -> bool {
        matches!(
            self,
            Self::BadProof(_)
                | Self::BadToken(_)
                | Self::ClientRefused
                | Self::MalformedAuthorization
                | Self::MalformedClientHeaders
                | Self::ReplayedProof
                | Self::Revoked
                | Self::TokenInQuery
        )
    }

    /// Whether the caller was denied, as opposed to something having gone wrong.
    pub(crate) fn is_denial(&self) -> bool {
        match self {
            Self::Back(failure) => matches!(failure, BackFailure::NotConnected),
            Self::Unrecorded
            | Self::Closing
            | Self::KeysUnavailable
            | Self::IssuerUnavailable
            | Self::RevocationsUnheard
            | Self::StoreUnavailable
            | Self::Busy
            | Self::BodyBroken => false,
            _ => true,
        }
    }
}

/// What an answer to a caller looks like from outside: nothing here may help an attacker.
#[derive(Debug)]
pub(crate) struct Outward {
    pub(crate) status: StatusCode,
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) allow: Option<&'static str>,
}

/// Which challenge goes with a 401, 403 or 400 (RFC 6750 §3).
#[derive(Debug)]
pub(crate) enum Challenge {
    InsufficientScope(ScopeSet),
    InvalidRequest,
    InvalidToken { expired: bool },
    Unproven,
    Welcome,
}

/// How long a caller waits when nobody knows better.
pub(crate) const SOON: Duration = Duration::from_secs(5);
