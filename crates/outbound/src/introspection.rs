//! What does an authorization server say about a token? One POST (RFC 7662).

use std::time::Duration;

use http::HeaderValue;
use oauth::introspection::{Introspection, MAX_BYTES};
use zeroize::Zeroizing;

use crate::client::{Client, Limits};
use crate::token_endpoint::{TokenFailure, post, read_or_refuse};

/// Asks the introspection endpoint at `url`. `body` is a form with `token`; `authorization` the value of that header, where the client proves itself there.
pub async fn ask(
    client: &Client,
    url: &str,
    body: Zeroizing<String>,
    authorization: Option<HeaderValue>,
) -> Result<Introspection, TokenFailure> {
    let fetched = post(client, url, body, authorization, LIMITS).await?;
    read_or_refuse(&fetched, |body| {
        Introspection::read(body).map_err(|reason| TokenFailure::BadIntrospection { url: fetched.url.clone(), reason })
    })
}

/// A caller waits for it with every token that is new.
const LIMITS: Limits = Limits { body_bytes: MAX_BYTES, timeout: Duration::from_secs(10) };
