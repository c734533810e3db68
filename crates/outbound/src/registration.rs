//! How do we become known to an authorization server that has never heard of us? One POST (RFC 7591 §3.1).

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use oauth::own_registration::{InvalidIdentity, OwnIdentity, OwnMetadata};
use oauth::token_response::TokenError;
use thiserror::Error;

use crate::client::{Call, Client, Limits};
use crate::failure::{Failure, SafeUrl};

/// Registers us at `url`. At most 64 KiB and 30 seconds.
pub async fn register(client: &Client, url: &str, metadata: &OwnMetadata<'_>) -> Result<OwnIdentity, RegistrationFailure> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = serde_json::to_vec(metadata).map(Bytes::from).map_err(RegistrationFailure::Unsayable)?;
    let fetched = client.call(Call { method: Method::POST, url, headers, body }, LIMITS).await?;
    // RFC 7591 says 201; many say 200.
    if matches!(fetched.status, StatusCode::CREATED | StatusCode::OK) {
        return OwnIdentity::read(&fetched.body).map_err(|reason| RegistrationFailure::BadAnswer { url: fetched.url, reason });
    }
    match TokenError::read(&fetched.body) {
        Some(error) if fetched.status.is_client_error() => Err(RegistrationFailure::Refused { url: fetched.url, error }),
        _ => Err(Failure::Status { url: fetched.url, status: fetched.status }.into()),
    }
}

/// Why we are not registered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrationFailure {
    /// A success that names nobody.
    #[error("the answer of `{url}` cannot be used: {reason}")]
    BadAnswer {
        /// Who answered.
        url: SafeUrl,
        /// Why.
        reason: InvalidIdentity,
    },
    /// No answer, or none of OAuth's.
    #[error(transparent)]
    NoAnswer(#[from] Failure),
    /// The server does not want us as we are, as a rule because of the redirect URI.
    #[error("`{url}` does not register us: {error}")]
    Refused {
        /// Who refused.
        url: SafeUrl,
        /// Its reason.
        error: TokenError,
    },
    /// What we say of ourselves is no JSON.
    #[error("what we say of ourselves cannot be written")]
    Unsayable(#[source] serde_json::Error),
}

const LIMITS: Limits = Limits { body_bytes: 64 * 1024, timeout: Duration::from_secs(30) };
