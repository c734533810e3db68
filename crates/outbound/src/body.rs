//! How do we read a body of which we do not know the length? Through a cap, always.

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use thiserror::Error;

/// Why a body was not read to its end. `E` is the body's own error.
#[derive(Debug, Error)]
pub enum BodyFailure<E> {
    /// The sender broke off.
    #[error("the body broke off")]
    Broken(#[source] E),
    /// The body is longer than the cap, by its declared length or by what arrived.
    #[error("the body is over {limit} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
}

/// Reads `body` whole, at most `limit` bytes. A body that declares a greater length is refused before a byte is read;
/// trailers are dropped. Set a time-out around it: a slow sender is not noticed here.
pub async fn read_capped<B>(body: B, limit: usize) -> Result<Bytes, BodyFailure<B::Error>>
where
    B: Body<Data = Bytes>,
{
    let too_large = || BodyFailure::TooLarge { limit };
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > limit {
        return Err(too_large());
    }
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(BodyFailure::Broken)?.into_data() else { continue };
        if data.len() > limit.saturating_sub(first.len() + rest.len()) {
            return Err(too_large());
        }
        // Most bodies are one frame: that one is handed on without a copy.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn in_frames(frames: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> + use<> {
        let frames: Vec<_> = frames.iter().map(|text| Ok::<_, Infallible>(Frame::data(Bytes::from_static(text.as_bytes())))).collect();
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn body_of_exactly_the_cap_is_read() {
        assert_eq!(read_capped(in_frames(&["12", "", "34", "5"]), 5).await.unwrap(), "12345");
        assert_eq!(read_capped(Full::from("12345"), 5).await.unwrap(), "12345");
        assert_eq!(read_capped(in_frames(&[]), 0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn body_over_the_cap_is_refused_declared_or_not() {
        let declared = read_capped(Full::from("123456"), 5).await;
        assert!(matches!(declared, Err(BodyFailure::TooLarge { limit: 5 })));
        let streamed = read_capped(in_frames(&["123", "45", "6"]), 5).await;
        assert!(matches!(streamed, Err(BodyFailure::TooLarge { limit: 5 })));
    }
}
