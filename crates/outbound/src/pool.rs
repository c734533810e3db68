//! The connections of the data plane: one upstream's kept-alive connections, the warmest first.
//!
//! The operator wrote the upstream's URL, so no guard stands here; URLs that a stranger can influence go through
//! [`crate::client`].

mod connection;
mod idle;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use self::connection::Connection;
use self::idle::Idle;

/// One upstream and its idle connections.
pub struct Pool {
    authority: HeaderValue,
    host: String,
    port: u16,
    path_and_query: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connect_timeout: Duration,
    idle: Arc<Idle>,
}

/// How many connections are kept and how long things may take.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Connections kept when nobody uses them.
    pub max_idle: usize,
    /// How long an idle connection is kept. Below the five seconds after which Node's servers close theirs, so that we are first.
    pub idle_timeout: Duration,
    /// For TCP and TLS together.
    pub connect_timeout: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { max_idle: 256, idle_timeout: Duration::from_secs(4), connect_timeout: Duration::from_secs(5) }
    }
}

/// Why an upstream's URL cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's URL must be an http or https URL with a host and without a user name")]
pub struct InvalidUpstream;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendFailure {
    /// No connection.
    #[error("no connection to the upstream")]
    Connect(#[source] std::io::Error),
    /// No connection in time.
    #[error("no connection to the upstream within {} s", .0.as_secs())]
    ConnectTimedOut(Duration),
    /// The connection broke, or what came was not HTTP.
    #[error("the connection to the upstream broke")]
    Exchange(#[source] hyper::Error),
}

impl Pool {
    /// A pool for one URL. `tls` is used when the URL is https.
    pub fn new(url: &Url, tls: &Arc<rustls::ClientConfig>, limits: PoolLimits) -> Result<Self, InvalidUpstream> {
        let host = url.host_str().ok_or(InvalidUpstream)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUpstream);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let name = ServerName::try_from(bare.clone()).map_err(|_| InvalidUpstream)?;
                Some((TlsConnector::from(Arc::clone(tls)), name))
            }
            _ => return Err(InvalidUpstream),
        };
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Ok(Self {
            authority: HeaderValue::try_from(authority).map_err(|_| InvalidUpstream)?,
            host: bare,
            port: url.port_or_known_default().ok_or(InvalidUpstream)?,
            path_and_query: Uri::try_from(target).map_err(|_| InvalidUpstream)?,
            tls,
            connect_timeout: limits.connect_timeout,
            idle: Idle::new(limits),
        })
    }

    /// Sends a request to the pool's URL: its URI and `Host` are set here. The body of the answer gives the connection back when it has been read.
    ///
    /// A request is sent again only when a kept connection turned out to be closed before a byte of it had left.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Lease>, SendFailure> {
        self.send_to(self.path_and_query.clone(), request).await
    }

    /// The same to another path and query of the same host.
    pub async fn send_to(&self, target: Uri, mut request: Request<Full<Bytes>>) -> Result<Response<Lease>, SendFailure> {
        *request.uri_mut() = target;
        request.headers_mut().insert(HOST, self.authority.clone());
        while let Some(mut connection) = self.idle.take() {
            match connection.send(request).await {
                Ok(response) => return Ok(self.lease(response, connection)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(SendFailure::Exchange(error.into_error())),
                },
            }
        }
        // Boxed, like all that is rare and large: a future is as large as its largest part, and is moved with every call.
        let mut connection = tokio::time::timeout(self.connect_timeout, Box::pin(self.connect()))
            .await
            .map_err(|_| SendFailure::ConnectTimedOut(self.connect_timeout))??;
        let response = connection.send(request).await.map_err(|error| SendFailure::Exchange(error.into_error()))?;
        Ok(self.lease(response, connection))
    }

    fn lease(&self, response: Response<Incoming>, connection: Connection) -> Response<Lease> {
        response.map(|incoming| {
            let mut lease = Lease { incoming, connection: Some(connection), idle: Arc::clone(&self.idle) };
            if lease.incoming.is_end_stream() {
                lease.go_home();
            }
            lease
        })
    }

    async fn connect(&self) -> Result<Connection, SendFailure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(SendFailure::Connect)?;
        stream.set_nodelay(true).map_err(SendFailure::Connect)?;
        let connection = match &self.tls {
            None => Connection::over(TokioIo::new(stream)).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(SendFailure::Connect)?;
                Connection::over(TokioIo::new(stream)).await
            }
        };
        connection.map_err(SendFailure::Exchange)
    }
}

/// The body of an answer, which holds its connection. Read to the end, the connection is kept; dropped early, it is closed,
/// which tells the upstream to stop.
pub struct Lease {
    incoming: Incoming,
    connection: Option<Connection>,
    idle: Arc<Idle>,
}

impl Lease {
    fn go_home(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle.keep(connection);
        }
    }
}

impl Body for Lease {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { incoming, connection, .. } = &mut *self;
        let mut incoming = Pin::new(incoming);
        let Some(connection) = connection else { return incoming.poll_frame(context) };
        let frame = ready!(connection.poll_for(context, |context| incoming.as_mut().poll_frame(context)));
        match &frame {
            Some(Err(_)) => self.connection = None,
            Some(Ok(_)) if !self.incoming.is_end_stream() => {}
            Some(Ok(_)) | None => self.go_home(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
