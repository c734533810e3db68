//! What may the operator see? Metrics and the reasons behind readiness, on a listener of their own. The one order that it takes is to fetch secrets anew, from
//! those who know the webhook's secret.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gateway::Door;
use gateway::metrics::Metrics;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::webhook::{self, Webhook};

/// The bound admin listener.
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

impl Admin {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn serve(self, door: Arc<Door>, metrics: Arc<Metrics>, webhook: Option<Webhook>, end: CancellationToken) {
        let webhook = webhook.map(Arc::new);
        let local = gateway::config::is_loopback(self.address.ip());
        loop {
            let accepted = tokio::select! {
                () = end.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, as a rule; others finish meanwhile.
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let (door, metrics, webhook, end) = (Arc::clone(&door), Arc::clone(&metrics), webhook.clone(), end.clone());
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let (door, metrics, webhook) = (&door, &metrics, webhook.as_deref());
                    async move { Ok::<_, Infallible>(answer(request, door, metrics, webhook, local).await) }
                });
                let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    // A scraper that hangs up early needs no entry in the log.
                    _ = connection => {}
                    () = end.cancelled() => {}
                }
            });
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    door: &Door,
    metrics: &Metrics,
    webhook: Option<&Webhook>,
    local: bool,
) -> Response<Full<Bytes>> {
    if local && !is_local_host(&request) {
        return text(StatusCode::FORBIDDEN, PLAIN, "this listener answers to the names of this machine only\n".to_owned());
    }
    if let Some(webhook) = webhook.filter(|_| request.uri().path() == webhook::PATH) {
        return webhook.answer(request, door).await;
    }
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET is served here\n".to_owned());
    }
    match request.uri().path() {
        "/metrics" => text(StatusCode::OK, OPEN_METRICS, metrics.render()),
        "/health" => text(StatusCode::OK, PLAIN, "alive\n".to_owned()),
        "/ready" => readiness(door),
        _ => text(StatusCode::NOT_FOUND, PLAIN, "served here: /metrics, /health, /ready\n".to_owned()),
    }
}

/// A page that a browser took from elsewhere must not read this through a rebound name.
fn is_local_host(request: &Request<Incoming>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.strip_suffix(']').map_or_else(|| host.rsplit_once(':').map_or(host, |(name, _)| name), |_| host);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

fn readiness(door: &Door) -> Response<Full<Bytes>> {
    let readiness = door.ready();
    if readiness.is_ready() {
        return text(StatusCode::OK, PLAIN, "ready\n".to_owned());
    }
    let lines: Vec<String> = readiness.troubles().map(|(part, trouble)| format!("{part}: {trouble}\n")).collect();
    text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, lines.concat())
}

pub(crate) fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
