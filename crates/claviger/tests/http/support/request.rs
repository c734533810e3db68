//! How does a test knock? One HTTP request, every header of which is the test's own.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{Answer, PATIENCE, Stream};

/// A request that was not sent yet.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    to: SocketAddr,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    /// A request with nothing but the `Host` of its address.
    pub(crate) fn new(method: Method, to: SocketAddr, target: &str) -> Self {
        let request = Self { to, method, target: target.to_owned(), headers: HeaderMap::new(), body: Bytes::new() };
        request.header("host", to.to_string())
    }

    /// Sets a header, in place of one that was there.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.insert(name_of(name), value_of(value));
        self
    }

    /// Adds a header, beside one that is there.
    pub(crate) fn also(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(name_of(name), value_of(value));
        self
    }

    /// Takes a header away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Shows a bearer token.
    pub(crate) fn token(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// Sets the body.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds to the target, for instance a query.
    pub(crate) fn target_suffix(mut self, suffix: &str) -> Self {
        self.target.push_str(suffix);
        self
    }

    /// Another method.
    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.target);
        let answer = async { self.open().await.whole().await };
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("no whole answer to {what}"))
    }

    /// Sends it and gives the answer as soon as its head is there.
    pub(crate) async fn open(self) -> Stream {
        let what = format!("{} {}", self.method, self.target);
        self.try_open().await.unwrap_or_else(|error| panic!("no answer to {what}: {error}"))
    }

    /// As [`Request::open`], for doors that may not answer at all.
    pub(crate) async fn try_open(self) -> Result<Stream, String> {
        let opening = async {
            let stream = TcpStream::connect(self.to).await.map_err(|error| error.to_string())?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
            let connection = tokio::spawn(async move {
                // Whoever waits for the answer sees what went wrong.
                let _ = connection.await;
            });
            let response = sender.send_request(self.into_http()).await.map_err(|error| error.to_string())?;
            Ok(stream_of(response, connection))
        };
        tokio::time::timeout(PATIENCE, opening).await.map_err(|_| "too late".to_owned())?
    }

    /// Sends it by HTTP/2 with prior knowledge, and reads the whole answer.
    pub(crate) async fn send_by_http2(mut self) -> Answer {
        let authority = self.headers.remove(HOST).unwrap();
        self.target = format!("http://{}{}", authority.to_str().unwrap(), self.target);
        let stream = TcpStream::connect(self.to).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        let response = tokio::time::timeout(PATIENCE, sender.send_request(self.into_http())).await.unwrap().unwrap();
        stream_of(response, connection).whole().await
    }

    /// The request as hyper takes it.
    pub(crate) fn into_http(self) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target.parse().unwrap();
        *request.headers_mut() = self.headers;
        request
    }
}

fn stream_of(response: http::Response<Incoming>, connection: JoinHandle<()>) -> Stream {
    let (parts, body) = response.into_parts();
    Stream::new(parts.status, parts.headers, body, connection)
}

fn name_of(name: &str) -> HeaderName {
    name.parse().unwrap()
}

fn value_of(value: impl AsRef<[u8]>) -> HeaderValue {
    HeaderValue::from_bytes(value.as_ref()).unwrap()
}
