//! How does a device get the codes with which a person lets it in? One POST (RFC 8628 §3.1).

use http::HeaderValue;
use oauth::device_authorization::Codes;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::token_endpoint::{LIMITS, TokenFailure, post, read_or_refuse};

/// Asks the device authorization endpoint at `url`. `body` is a form; `authorization` the value of that header, where the client proves itself there.
pub async fn ask(client: &Client, url: &str, body: Zeroizing<String>, authorization: Option<HeaderValue>) -> Result<Codes, TokenFailure> {
    let fetched = post(client, url, body, authorization, LIMITS).await?;
    read_or_refuse(&fetched, |body| Codes::read(body).map_err(|reason| TokenFailure::BadCodes { url: fetched.url.clone(), reason }))
}
