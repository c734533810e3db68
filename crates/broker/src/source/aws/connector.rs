//! How does Amazon's library send what it has signed? Through `outbound`, with its guard, its trusted certificates and its limits.

use std::fmt;

use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use outbound::client::{Call, LazyClient, Limits};
use outbound::failure::Failure;
use zeroize::Zeroizing;

use crate::source::reach::{LIMITS, wiped};

/// The library's view of our client.
#[derive(Clone)]
pub(super) struct Connector {
    client: LazyClient,
    limits: Limits,
}

impl Connector {
    pub(super) fn new(client: LazyClient) -> Self {
        Self { client, limits: LIMITS }
    }

    /// The same, as impatient as the library wants it: a metadata server that is not there must not keep us waiting.
    fn within(&self, settings: &HttpConnectorSettings) -> Self {
        let timeout = settings.connect_timeout().zip(settings.read_timeout()).map(|(connect, read)| connect + read);
        let timeout = timeout.map_or(LIMITS.timeout, |timeout| timeout.min(LIMITS.timeout));
        Self { client: self.client.clone(), limits: Limits { timeout, ..LIMITS } }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (head, body) = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
        let body = body.bytes().ok_or_else(|| ConnectorError::user("a body that comes in pieces".into()))?;
        // A web identity token may be in it.
        let body = if body.is_empty() { Bytes::new() } else { Bytes::from_owner(Zeroizing::new(body.to_vec())) };
        let client = self.client.client().map_err(|error| ConnectorError::other(error.into(), None))?;
        let url = head.uri.to_string();
        let answer =
            client.call(Call { method: head.method, url: &url, headers: head.headers, body }, self.limits).await.map_err(failed)?;
        let mut response = http::Response::new(SdkBody::from(wiped(answer.body)));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
    }
}

fn failed(failure: Failure) -> ConnectorError {
    let is_transient = failure.is_transient();
    match failure {
        Failure::TimedOut { .. } => ConnectorError::timeout(failure.into()),
        failure if is_transient => ConnectorError::io(failure.into()),
        failure => ConnectorError::other(failure.into(), None),
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.exchange(request).await })
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.within(settings))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}
