//! How does rmcp's client reach a server over HTTP? By hyper, one connection for each request; rmcp brings a transport for reqwest only.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rmcp::{
    model::ClientJsonRpcMessage,
    transport::streamable_http_client::{SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse},
};
use sse_stream::{Sse, SseStream};
use tokio::net::TcpStream;

use crate::body::read_capped;

/// A client of servers on this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct LoopbackClient;

type Failed = StreamableHttpError<hyper::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;

impl StreamableHttpClient for LoopbackClient {
    type Error = hyper::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        mut headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let has_session = session.is_some();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = serde_json::to_vec(&message).map_err(StreamableHttpError::Deserialize)?;
        let response = send(Method::POST, &uri, session, token, headers, body).await?;
        let session = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => return Ok(StreamableHttpPostResponse::Accepted),
            StatusCode::NOT_FOUND if has_session => return Err(StreamableHttpError::SessionExpired),
            _ => {}
        }
        if is_of_type(&response, "text/event-stream") {
            return Ok(StreamableHttpPostResponse::Sse(events(response), session));
        }
        let status = response.status();
        let body = read_capped(response.into_body(), LIMIT).await.ok_or(StreamableHttpError::UnexpectedEndOfStream)?;
        match serde_json::from_slice(&body) {
            Ok(message) => Ok(StreamableHttpPostResponse::Json(message, session)),
            Err(_) => Err(StreamableHttpError::UnexpectedServerResponse(format!("{status}: {}", String::from_utf8_lossy(&body)).into())),
        }
    }

    async fn delete_session(&self, uri: Arc<str>, session: Arc<str>, token: Option<String>, headers: Headers) -> Result<(), Failed> {
        send(Method::DELETE, &uri, Some(session), token, headers, Vec::new()).await.map(drop)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        mut headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        if let Some(last_event) = last_event.and_then(|id| HeaderValue::from_str(&id).ok()) {
            headers.insert(HeaderName::from_static("last-event-id"), last_event);
        }
        let response = send(Method::GET, &uri, session, token, headers, Vec::new()).await?;
        if response.status() == StatusCode::OK && is_of_type(&response, "text/event-stream") {
            return Ok(events(response));
        }
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

async fn send(
    method: Method,
    uri: &str,
    session: Option<Arc<str>>,
    token: Option<String>,
    headers: Headers,
    body: Vec<u8>,
) -> Result<Response<Incoming>, Failed> {
    let unexpected = |what: &'static str| StreamableHttpError::UnexpectedServerResponse(what.into());
    let uri: http::Uri = uri.parse().map_err(|_| unexpected("the URL is none"))?;
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let address: SocketAddr = authority.parse().map_err(|_| unexpected("the URL names no address"))?;
    let mut request = Request::builder().method(method).uri(uri.path()).header(header::HOST, authority);
    request = request.header(header::ACCEPT, "application/json, text/event-stream");
    if let Some(session) = session {
        request = request.header("mcp-session-id", session.as_ref());
    }
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| unexpected("a header is none"))?;
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(StreamableHttpError::Client)?;
    tokio::spawn(async move {
        // Whoever waits for the answer sees what went wrong.
        let _ = connection.await;
    });
    sender.send_request(request).await.map_err(StreamableHttpError::Client)
}

fn is_of_type(response: &Response<Incoming>, wanted: &str) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with(wanted))
}

fn events(response: Response<Incoming>) -> BoxStream<'static, Result<Sse, SseError>> {
    SseStream::new(response.into_body()).boxed()
}

/// Answers longer than this are refused, in bytes.
const LIMIT: usize = 16 * 1024 * 1024;
