//! How does Microsoft's library send what it has made? Through `outbound`, with its guard, its trusted certificates and its limits.

use std::fmt;

use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use azure_core::{Error, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use outbound::client::{Call, LazyClient};

use crate::source::reach::{LIMITS, wiped};

/// The library's view of our client.
pub(super) struct Outbound(LazyClient);

impl Outbound {
    pub(super) fn new(client: LazyClient) -> Self {
        Self(client)
    }
}

#[async_trait::async_trait]
impl HttpClient for Outbound {
    async fn execute_request(&self, request: &Request) -> Result<AsyncRawResponse> {
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.clone(),
            Body::SeekableStream(_) => return Err(Error::with_message(ErrorKind::Other, "a body that comes in pieces")),
        };
        let method = Method::from_bytes(request.method().as_str().as_bytes()).map_err(unfit)?;
        let client = self.0.client().map_err(|error| Error::new(ErrorKind::Io, error))?;
        let call = Call { method, url: request.url().as_str(), headers: headers_of(request)?, body };
        let answer = client.call(call, LIMITS).await.map_err(|failure| Error::new(ErrorKind::Io, failure))?;
        let mut headers = Headers::new();
        for (name, value) in &answer.headers {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(answer.status.as_u16().into(), headers, wiped(answer.body)))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Outbound")
    }
}

/// All of them are marked as sensitive: one is the token.
fn headers_of(request: &Request) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers().iter() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).map_err(unfit)?;
        let mut value = HeaderValue::from_maybe_shared(Bytes::copy_from_slice(value.as_str().as_bytes())).map_err(unfit)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::DataConversion, error)
}
