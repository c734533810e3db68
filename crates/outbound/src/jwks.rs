//! What are an issuer's public keys now? Fetches the key document, sparing the server what we already have. Reading it is `token`'s work.

use std::time::Duration;

use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderValue, StatusCode};

use crate::client::{Client, Limits};
use crate::failure::Failure;

/// A key document as it came: at most 256 KiB, unread.
#[derive(Clone, Debug)]
pub struct JwksDocument {
    /// The bytes of the JSON document; `None` if the one whose tag was sent is still the newest.
    pub body: Option<Bytes>,
    /// For how long the server lets it be kept, if said; zero if not at all.
    pub max_age: Option<Duration>,
    /// To be sent with the next fetch.
    pub etag: Option<String>,
}

/// Fetches the key document at `uri` in at most ten seconds. `etag` is what the last document came with.
pub async fn fetch(client: &Client, uri: impl AsRef<str>, etag: Option<&str>) -> Result<JwksDocument, Failure> {
    let tag = etag.and_then(|etag| HeaderValue::from_str(etag).ok());
    let fetched = client.get_if_changed(uri.as_ref(), "application/jwk-set+json, application/json", tag.as_ref(), LIMITS).await?;
    let max_age = fetched.max_age();
    if tag.is_some() && fetched.status == StatusCode::NOT_MODIFIED {
        return Ok(JwksDocument { body: None, max_age, etag: etag.map(str::to_owned) });
    }
    let fetched = fetched.success()?;
    let etag = fetched.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    Ok(JwksDocument { body: Some(fetched.body), max_age, etag })
}

const LIMITS: Limits = Limits { body_bytes: 256 * 1024, timeout: Duration::from_secs(10) };
