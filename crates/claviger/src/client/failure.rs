//! Why did a call get no result? One variant for each way, and how a person is told.

use ::http::StatusCode;
use broker::account::{NotSignedIn, Sort};
use mcp::envelope::EnvelopeError;
use mcp::sse::SseError;
use oauth::challenge::Challenge;
use oauth::oauth_error::OauthError;
use outbound::body::BodyFailure;
use outbound::pool::{InvalidUpstream, SendFailure};
use outbound::tls::InvalidRoots;

use crate::sign_in;
use crate::voice::{Exit, Report, plain};

/// Why a call got no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallFailure {
    /// The answer broke off.
    #[error("the answer broke off")]
    Broken(#[source] BodyFailure<hyper::Error>),
    /// The stream ended before the answer came.
    #[error("the stream ended before the answer came")]
    Ended,
    /// The server may not be sent a token.
    #[error("a token is not sent over plain http to another machine")]
    InTheClear,
    /// The URL cannot be used.
    #[error("the URL cannot be used")]
    InvalidUrl(#[source] InvalidUpstream),
    /// The answer is no JSON-RPC.
    #[error("the answer is not a message of MCP")]
    NotAMessage(#[source] EnvelopeError),
    /// The server does not speak the modern era.
    #[error("the server does not speak MCP 2026-07-28")]
    NotModern(#[source] Option<SaidError>),
    /// Nobody is logged in, and that cannot be mended.
    #[error("nobody is logged in")]
    NotSignedIn {
        /// Why not.
        #[source]
        failure: Box<NotSignedIn>,
        /// What the server wanted.
        challenge: Option<Box<Challenge>>,
    },
    /// 403: the token does not do.
    #[error("the server refuses this to the token (403)")]
    Forbidden(Option<Box<Challenge>>),
    /// The JSON-RPC error that the server answered.
    #[error(transparent)]
    Said(SaidError),
    /// No connection, or no answer.
    #[error("the server cannot be reached")]
    Send(#[source] SendFailure),
    /// A status that says no.
    #[error("the server answered with the status {status}{}", .text.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Status {
        /// The status.
        status: StatusCode,
        /// The beginning of what it said.
        text: Option<String>,
    },
    /// The event stream cannot be read.
    #[error("the event stream cannot be read")]
    Stream(#[source] SseError),
    /// The system's certificates cannot be read.
    #[error("the trusted certificates cannot be read")]
    Tls(#[source] InvalidRoots),
    /// The token holds characters that no token has.
    #[error("this is no bearer token: it holds characters that no token has")]
    TokenShape,
    /// 401: a token is wanted, or another one.
    #[error("{}", if *presented { "the server does not take the token (401)" } else { "the server wants a token (401)" })]
    Unauthorized {
        /// What the server says about the token it wants.
        challenge: Option<Box<Challenge>>,
        /// Whether one was sent.
        presented: bool,
    },
    /// Neither JSON nor an event stream.
    #[error("the server answered with `{0}`, neither JSON nor an event stream")]
    WrongType(String),
}

/// The error of a JSON-RPC answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} ({code})", plain(message))]
pub(crate) struct SaidError {
    /// The code.
    pub(crate) code: i64,
    /// The server's words.
    pub(crate) message: String,
    /// Further data, as written.
    pub(crate) data: Option<String>,
}

impl CallFailure {
    /// What a person reads. `audience` is the name that `token mint` knows the server by, where the door is on this machine.
    pub(crate) fn report(&self, audience: Option<&str>) -> Report {
        match self {
            // A door without an authorization server takes tokens that somebody mints.
            Self::NotSignedIn { failure, challenge } if audience.is_some() && gives_no_tokens(failure) => {
                let wanted = Self::Unauthorized { challenge: challenge.clone(), presented: false };
                return wanted.report(audience);
            }
            Self::NotSignedIn { failure, .. } => return sign_in::report(failure),
            _ => {}
        }
        let exit = match self {
            Self::Forbidden(_) | Self::NotModern(_) | Self::Said(_) | Self::Unauthorized { .. } => Exit::Failure,
            Self::InTheClear | Self::InvalidUrl(_) | Self::TokenShape => Exit::Configuration,
            Self::Tls(_) => Exit::InputOutput,
            _ => Exit::Unavailable,
        };
        let mut report = Report::new(exit, self.to_string());
        if let Some(source) = std::error::Error::source(self) {
            report = report.caused_by(source);
        }
        match self {
            Self::Forbidden(challenge) => forbidden(report, challenge.as_deref(), audience),
            Self::InTheClear => report.hint("write `https://`"),
            // What a server of the oldest transport says to a `POST` at its stream (2025-03-26, Transports, Backwards Compatibility).
            Self::Status { status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, .. } => report.hint(
                "a server that speaks only HTTP with SSE (2024-11-05) is called through the door: `claviger serve --url URL --transport sse`",
            ),
            Self::NotModern(_) => report.hint("leave `--era` out, or say `--era legacy`"),
            Self::Unauthorized { challenge, .. } => unauthorized(report, challenge.as_deref(), audience),
            _ => report,
        }
    }
}

fn gives_no_tokens(failure: &NotSignedIn) -> bool {
    matches!(failure.sort(), Sort::NoGuardian | Sort::OtherResource)
}

fn unauthorized(mut report: Report, challenge: Option<&Challenge>, audience: Option<&str>) -> Report {
    if let Some(description) = challenge.and_then(|challenge| challenge.error_description.as_deref()) {
        report = report.hint(format!("the server says: {}", plain(description)));
    }
    if let Some(audience) = audience {
        return report.hint(mint(audience, challenge)).hint("give it with `--token-file FILE`, `CLAVIGER_TOKEN` or `--token`");
    }
    match challenge.and_then(|challenge| challenge.resource_metadata.as_deref()) {
        Some(url) => report.hint(format!("who gives tokens stands at {}", plain(url))),
        None => report.hint("give a token with `--token-file FILE`, `CLAVIGER_TOKEN` or `--token`"),
    }
}

fn forbidden(report: Report, challenge: Option<&Challenge>, audience: Option<&str>) -> Report {
    match challenge {
        Some(challenge) if challenge.error == Some(OauthError::InsufficientScope) => match audience {
            Some(audience) => report.hint(mint(audience, Some(challenge))),
            None => report.hint(format!("it takes a token with the scopes `{}`", challenge.scope)),
        },
        _ => report.hint("no scope would help: the rules allow this to nobody"),
    }
}

fn mint(audience: &str, challenge: Option<&Challenge>) -> String {
    match challenge.map(|challenge| &challenge.scope).filter(|scope| !scope.is_empty()) {
        Some(scope) => format!("claviger token mint --aud {audience} --scope \"{scope}\""),
        None => format!("claviger token mint --aud {audience}"),
    }
}
