//! Reads a caller's body, at most the cap and within its time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Request, Version};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::refusal::Refusal;

/// Refuses headers that together are over the cap. hyper has bounded the buffer already; this is the documented number.
pub(crate) fn headers_within(headers: &HeaderMap, limit: usize) -> Result<(), Refusal> {
    let total: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if total > limit { Err(Refusal::HeadersTooLarge { limit }) } else { Ok(()) }
}

/// Reads the whole body, or says why not. A declared length over the cap is refused before a byte is read.
pub(crate) async fn read(request: &mut Request<Incoming>, limit: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Refusal::BodyTooLarge { limit });
    }
    tokio::time::timeout(timeout, collect(request.body_mut(), limit)).await.unwrap_or(Err(Refusal::BodyTimedOut))
}

/// Hears a caller out who is answered already, and whose body is still on its way: whoever is refused for want of a token asks at once, on the same connection, where to get one.
/// hyper would close it without a word. What is too long for that is not heard, but told: `headers` are those of the answer.
pub(crate) async fn hear_out(request: &mut Request<Incoming>, headers: &mut HeaderMap) {
    // In HTTP/2 a request that is not heard ends by itself.
    if request.version() >= Version::HTTP_2 || request.body().is_end_stream() {
        return;
    }
    if read(request, HEARD_BYTES, HEARD_FOR).await.is_err() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

async fn collect(body: &mut Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else { continue };
        if first.len() + rest.len() + piece.len() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        // Nearly every call comes in one piece, which is then passed on without a copy.
        if first.is_empty() && rest.is_empty() {
            first = piece;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&piece);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// More than the first message of any client.
const HEARD_BYTES: usize = 64 * 1024;
/// Several round trips on a bad line.
const HEARD_FOR: Duration = Duration::from_secs(2);
