//! How much of a body do we take? At most so many bytes, then the sender is told off.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// Reads a whole body of at most `limit` bytes; `None` when it is longer or breaks off.
pub async fn read_capped(mut body: Incoming, limit: usize) -> Option<Bytes> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit {
            return None;
        }
        // Most bodies come in one piece; only the others are copied.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Some(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Some(whole.freeze())
}
