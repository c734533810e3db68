//! The connections of the data plane: one upstream's kept-alive connections, the warmest first.
//!
//! The operator wrote the upstream's URL, so no guard stands here; URLs that a stranger can influence go through
//! [`crate::client`].

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use url::Url;

/// One upstream and its idle connections.
pub struct Pool {
    authority: HeaderValue,
    host: String,
    port: u16,
    path_and_query: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    limits: PoolLimits,
    idle: Arc<Mutex<Vec<Idle>>>,
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

struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
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
            limits,
            idle: Arc::default(),
        })
    }

    /// Sends a request to the pool's URL: its URI and `Host` are set here. The body of the answer gives the connection back when it has been read.
    ///
    /// A request is sent again only when a kept connection turned out to be closed before a byte of it had left.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Lease>, SendFailure> {
        *request.uri_mut() = self.path_and_query.clone();
        request.headers_mut().insert(HOST, self.authority.clone());
        while let Some(mut sender) = self.take_idle() {
            // A connection that has just come home may still be tidying up; a closed one says so here.
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.lease(response, sender)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(SendFailure::Exchange(error.into_error())),
                },
            }
        }
        let mut sender = tokio::time::timeout(self.limits.connect_timeout, self.connect())
            .await
            .map_err(|_| SendFailure::ConnectTimedOut(self.limits.connect_timeout))??;
        let response = sender.send_request(request).await.map_err(SendFailure::Exchange)?;
        Ok(self.lease(response, sender))
    }

    fn lease(&self, response: Response<Incoming>, sender: SendRequest<Full<Bytes>>) -> Response<Lease> {
        response.map(|incoming| {
            let mut lease = Lease { incoming, home: Some(Home { sender, idle: Arc::clone(&self.idle), max_idle: self.limits.max_idle }) };
            if lease.incoming.is_end_stream() {
                lease.go_home();
            }
            lease
        })
    }

    fn take_idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let now = Instant::now();
        let mut idle = lock(&self.idle);
        // The oldest stand first; whatever stood too long before the warmest one is let go with it.
        let stale = idle.iter().take_while(|kept| now.duration_since(kept.since) >= self.limits.idle_timeout).count();
        idle.drain(..stale);
        idle.pop().map(|kept| kept.sender)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, SendFailure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(SendFailure::Connect)?;
        stream.set_nodelay(true).map_err(SendFailure::Connect)?;
        match &self.tls {
            None => handshake(TokioIo::new(stream)).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(SendFailure::Connect)?;
                handshake(TokioIo::new(stream)).await
            }
        }
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, SendFailure>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(SendFailure::Exchange)?;
    tokio::spawn(async move {
        // Whoever waits for an answer sees the error itself; an idle connection that breaks is nobody's concern.
        if let Err(error) = connection.await {
            tracing::debug!(target: "outbound", error = &error as &dyn std::error::Error, "a connection ended");
        }
    });
    Ok(sender)
}

/// The body of an answer, which holds its connection. Read to the end, the connection is kept; dropped early, it is closed,
/// which tells the upstream to stop.
pub struct Lease {
    incoming: Incoming,
    home: Option<Home>,
}

struct Home {
    sender: SendRequest<Full<Bytes>>,
    idle: Arc<Mutex<Vec<Idle>>>,
    max_idle: usize,
}

impl Lease {
    fn go_home(&mut self) {
        let Some(home) = self.home.take() else { return };
        if home.sender.is_closed() {
            return;
        }
        let mut idle = lock(&home.idle);
        if idle.len() < home.max_idle {
            idle.push(Idle { sender: home.sender, since: Instant::now() });
        }
    }
}

impl Body for Lease {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || (matches!(frame, Poll::Ready(Some(Ok(_)))) && self.incoming.is_end_stream()) {
            self.go_home();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// A poisoned list of idle connections is still a list of idle connections.
fn lock(idle: &Mutex<Vec<Idle>>) -> MutexGuard<'_, Vec<Idle>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
