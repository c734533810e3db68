//! How is a token taken back? One POST to the server that gave it (RFC 7009).

use http::{HeaderValue, StatusCode};
use oauth::token_response::TokenError;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::failure::Failure;
use crate::token_endpoint::{self, TokenFailure};

/// Asks the revocation endpoint at `url`. `body` is a form with `token`; `authorization` the value of that header, where the client proves itself there. That the
/// server knows no such token is success (RFC 7009 §2.2).
pub async fn revoke(client: &Client, url: &str, body: Zeroizing<String>, authorization: Option<HeaderValue>) -> Result<(), TokenFailure> {
    let fetched = token_endpoint::post(client, url, body, authorization, token_endpoint::LIMITS).await?;
    match (fetched.status, TokenError::read(&fetched.body)) {
        (status, _) if status.is_success() => Ok(()),
        (status, Some(error)) if status == StatusCode::BAD_REQUEST || status == StatusCode::UNAUTHORIZED || error.code.is_transient() => {
            Err(TokenFailure::Refused { url: fetched.url, error })
        }
        (status, _) if status.is_client_error() => Err(TokenFailure::NoAnswer(Failure::Status { url: fetched.url, status })),
        (status, _) => Err(TokenFailure::Stray { url: fetched.url, status }),
    }
}
