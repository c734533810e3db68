//! A small server on loopback that answers from a function and remembers what it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use claviger_outbound::client::{Client, Limits};
use claviger_outbound::guard::Guard;
use claviger_outbound::tls::Roots;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// What a server answers to a path and headers.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A running server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Plain http. `answer` is given the port, so that documents can name their own server, the path and the headers.
    pub(crate) async fn start(answer: impl Fn(u16, &str, &HeaderMap) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                tokio::spawn(serve(stream, move |path: &str, headers: &HeaderMap| {
                    asked.lock().unwrap().push(path.to_owned());
                    answer(port, path, headers)
                }));
            }
        });
        server
    }

    /// `http://127.0.0.1:port` and `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The paths asked for so far, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers the requests of one connection.
pub(crate) async fn serve<S>(stream: S, answer: impl Fn(&str, &HeaderMap) -> Answer)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| {
        let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
        let response = answer(&path, request.headers());
        async move { Ok::<_, Infallible>(response) }
    });
    // A client that goes away is part of several tests.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

pub(crate) fn json(body: String) -> Answer {
    Response::builder().header("content-type", "application/json").body(body.into()).unwrap()
}

pub(crate) fn status(status: u16) -> Answer {
    Response::builder().status(status).body(Full::default()).unwrap()
}

/// A client that may call this machine.
pub(crate) fn local_client() -> Client {
    Client::new(Guard { allow_loopback: true, ..Guard::default() }, &Roots::default()).unwrap()
}

pub(crate) const LIMITS: Limits = Limits { body_bytes: 1024, timeout: Duration::from_secs(5) };
