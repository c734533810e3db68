//! The single table from refusals to HTTP. Different causes share one outward answer where telling them apart would help an attacker.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use mcp::error_code;
use mcp::raw::RawJson;

use crate::body::Body;
use crate::config::Dpop;
use crate::refusal::{Challenge, Outward, Refusal, SOON};
use crate::table::{Scheme, Server};
use crate::tasks;

/// Turns a refusal into the response that the caller sees. `id` is the JSON-RPC id where the message could be read that far.
/// `asked` is the server and how the caller has shown a token there.
pub(crate) fn rescue(refusal: &Refusal, asked: Option<(&Server, Scheme)>, id: Option<RawJson<'_>>) -> Response<Body> {
    let outward = outward(refusal);
    let body = error_code::error_response(id, outward.code, &outward.message, outward.data.as_deref());
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = outward.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(allow) = outward.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if let Some(seconds) = outward.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let (Some(challenge), Some((server, shown))) = (outward.challenge, asked) {
        headers.insert(WWW_AUTHENTICATE, challenge_header(&challenge, server, scheme_for(refusal, server, shown)));
    }
    response
}

/// A caller is asked for what would help: to prove a key where they have to, where they just did, and where their token is bound to one.
fn scheme_for(refusal: &Refusal, server: &Server, shown: Scheme) -> Scheme {
    match (server.dpop, refusal) {
        (Dpop::Off, _) => Scheme::Bearer,
        (Dpop::Require, _) | (Dpop::Accept, Refusal::BadToken(token::Refusal::SenderConstrained)) => Scheme::Dpop,
        (Dpop::Accept, Refusal::BadToken(token::Refusal::NotSenderConstrained)) => Scheme::Bearer,
        (Dpop::Accept, _) => shown,
    }
}

fn challenge_header(challenge: &Challenge, server: &Server, scheme: Scheme) -> HeaderValue {
    let spoken = server.challenges.of(scheme);
    match challenge {
        Challenge::Welcome => spoken.welcome.clone(),
        Challenge::InvalidToken { expired: true } => spoken.expired.clone(),
        Challenge::InvalidToken { expired: false } => spoken.invalid.clone(),
        Challenge::InvalidRequest => spoken.malformed.clone(),
        Challenge::InsufficientScope(needed) => server.challenges.insufficient(scheme, needed),
        Challenge::Unproven => spoken.unproven.clone(),
    }
}

fn outward(refusal: &Refusal) -> Outward {
    let text = refusal.to_string();
    match refusal {
        Refusal::ForeignHost | Refusal::ForeignOrigin => plain(StatusCode::FORBIDDEN, error_code::FORBIDDEN, text),
        Refusal::NoSuchPath | Refusal::UnknownServer => plain(StatusCode::NOT_FOUND, error_code::INVALID_REQUEST, text),
        // As a server says it of what it does not know (2026-07-28, tools).
        Refusal::UnknownTarget => plain(StatusCode::OK, error_code::INVALID_PARAMS, text),
        Refusal::TasksUndeclared => Outward {
            data: Some(tasks::REQUIRED.to_owned()),
            ..plain(StatusCode::BAD_REQUEST, error_code::MISSING_CLIENT_CAPABILITY, text)
        },
        Refusal::MethodNotAllowed { allow } => {
            Outward { allow: Some(allow), ..plain(StatusCode::METHOD_NOT_ALLOWED, error_code::INVALID_REQUEST, text) }
        }

        Refusal::NoToken => challenge(StatusCode::UNAUTHORIZED, error_code::UNAUTHENTICATED, text, Challenge::Welcome),
        Refusal::TokenInQuery | Refusal::MalformedAuthorization | Refusal::MalformedClientHeaders => {
            challenge(StatusCode::BAD_REQUEST, error_code::INVALID_REQUEST, text, Challenge::InvalidRequest)
        }
        // Which check failed is for the log alone; that a token has expired is no secret and helps an honest client.
        Refusal::BadToken(cause) => {
            challenge(StatusCode::UNAUTHORIZED, error_code::UNAUTHENTICATED, text, Challenge::InvalidToken { expired: cause.is_expired() })
        }
        Refusal::BadProof(_) | Refusal::ReplayedProof | Refusal::ProofNeeded => {
            challenge(StatusCode::UNAUTHORIZED, error_code::UNAUTHENTICATED, text, Challenge::Unproven)
        }
        Refusal::ClientRefused | Refusal::Revoked => {
            challenge(StatusCode::UNAUTHORIZED, error_code::UNAUTHENTICATED, text, Challenge::InvalidToken { expired: false })
        }
        Refusal::TooManyFailures { retry_after } | Refusal::RateLimited { retry_after, .. } => {
            later(StatusCode::TOO_MANY_REQUESTS, error_code::TOO_MANY_REQUESTS, text, retry_after.seconds())
        }
        Refusal::KeysUnavailable
        | Refusal::IssuerUnavailable
        | Refusal::RevocationsUnheard
        | Refusal::StoreUnavailable
        | Refusal::Busy
        | Refusal::Unrecorded
        | Refusal::Closing => later(StatusCode::SERVICE_UNAVAILABLE, error_code::BUSY, text, SOON.as_secs()),

        Refusal::InsufficientScope { needed, .. } => {
            challenge(StatusCode::FORBIDDEN, error_code::FORBIDDEN, text, Challenge::InsufficientScope(needed.clone()))
        }
        // No `insufficient_scope` here: a client that saw it would log in again and again (protocol fact 29).
        Refusal::NotPermitted { .. } => plain(StatusCode::FORBIDDEN, error_code::FORBIDDEN, text),

        Refusal::UnsupportedMediaType => plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, error_code::INVALID_REQUEST, text),
        Refusal::NotAcceptable => plain(StatusCode::NOT_ACCEPTABLE, error_code::INVALID_REQUEST, text),
        Refusal::BodyTooLarge { .. } => plain(StatusCode::PAYLOAD_TOO_LARGE, error_code::BODY_TOO_LARGE, text),
        Refusal::HeadersTooLarge { .. } => plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, error_code::INVALID_REQUEST, text),
        Refusal::BodyTimedOut => plain(StatusCode::REQUEST_TIMEOUT, error_code::INVALID_REQUEST, text),
        Refusal::BodyBroken | Refusal::BatchNotAllowed | Refusal::SessionMissing => {
            plain(StatusCode::BAD_REQUEST, error_code::INVALID_REQUEST, text)
        }
        Refusal::Envelope(error) => plain(StatusCode::BAD_REQUEST, error.code(), text),
        Refusal::Wire(error) => Outward {
            data: error.data(),
            ..plain(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST), error.code(), text)
        },
        Refusal::SessionUnknown => plain(StatusCode::NOT_FOUND, error_code::SESSION_NOT_FOUND, text),
        Refusal::Back(failure) => Outward {
            data: failure.data(),
            retry_after: failure.retry_after().map(|wait| wait.as_secs().max(1)),
            ..plain(failure.status(), failure.json_rpc_code(), failure.outward())
        },
    }
}

fn plain(status: StatusCode, code: i64, message: String) -> Outward {
    Outward { status, code, message, data: None, challenge: None, retry_after: None, allow: None }
}

fn challenge(status: StatusCode, code: i64, message: String, challenge: Challenge) -> Outward {
    Outward { challenge: Some(challenge), ..plain(status, code, message) }
}

fn later(status: StatusCode, code: i64, message: String, seconds: u64) -> Outward {
    Outward { retry_after: Some(seconds), ..plain(status, code, message) }
}
