//! What does an OpenID provider tell about a person beyond the id token? One GET with the access token (OpenID Connect Core §5.3).

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method};
use zeroize::Zeroizing;

use crate::client::{Call, Client, Limits};
use crate::failure::Failure;

/// The answer of the endpoint at `url`: JSON about somebody, or whatever it says.
pub async fn fetch(client: &Client, url: &str, token: &str) -> Result<Bytes, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    // A token that came in an answer was looked at there: a header can carry it.
    if let Ok(mut bearer) = HeaderValue::from_str(&bearer) {
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    let fetched = client.call(Call { method: Method::GET, url, headers, body: Bytes::new() }, LIMITS).await?.success()?;
    Ok(fetched.body)
}

const LIMITS: Limits = Limits { body_bytes: 64 * 1024, timeout: Duration::from_secs(10) };
