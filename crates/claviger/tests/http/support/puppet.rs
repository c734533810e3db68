//! What if the upstream says exactly this? A server without a mind of its own: it notes what it sees, and the test says what it answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// One request, as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    /// The body as JSON; null where there is none.
    pub(crate) fn message(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A member of a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// A header, as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What the puppet says to one request.
pub(crate) struct Say {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Words,
}

/// A body, whole or piece by piece.
pub(crate) enum Words {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<Bytes>),
}

impl Say {
    /// A JSON answer, byte for byte.
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            headers: vec![("content-type", "application/json".to_owned())],
            body: Words::Whole(Some(body.into())),
        }
    }

    /// A JSON-RPC result for this request.
    pub(crate) fn result(seen: &Seen, result: &str) -> Self {
        Self::json(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.message()["id"]))
    }

    /// No body.
    pub(crate) fn nothing(status: u16) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap(), headers: Vec::new(), body: Words::Whole(None) }
    }

    /// An event stream; its pieces are what is sent into the channel. The channel is closed when the peer hangs up.
    pub(crate) fn events(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self { status: StatusCode::OK, headers: vec![("content-type", "text/event-stream".to_owned())], body: Words::Pieces(pieces) }
    }

    /// A JSON answer that announces more than comes.
    pub(crate) fn cut_short(body: &'static str) -> Self {
        let (sender, pieces) = mpsc::channel(1);
        // The channel is empty and has room.
        let _ = sender.try_send(Bytes::from_static(body.as_bytes()));
        let headers = vec![("content-type", "application/json".to_owned()), ("content-length", (body.len() + 500).to_string())];
        Self { status: StatusCode::OK, headers, body: Words::Pieces(pieces) }
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Words::Whole(Some(body.into()));
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap();
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A running puppet.
pub(crate) struct Puppet {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Mind = Arc<dyn Fn(&Seen) -> Say + Send + Sync>;

impl Puppet {
    /// A puppet that answers as `mind` says.
    pub(crate) async fn start(mind: impl Fn(&Seen) -> Say + Send + Sync + 'static) -> Self {
        Self::listening(None, Arc::new(mind)).await
    }

    /// The same over https, at `localhost`.
    pub(crate) async fn start_tls(tls: rustls::ServerConfig, mind: impl Fn(&Seen) -> Say + Send + Sync + 'static) -> Self {
        Self::listening(Some(TlsAcceptor::from(Arc::new(tls))), Arc::new(mind)).await
    }

    async fn listening(tls: Option<TlsAcceptor>, mind: Mind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = if tls.is_some() { format!("https://localhost:{}/mcp", address.port()) } else { format!("http://{address}/mcp") };
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let notes = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (notes, mind, tls) = (Arc::clone(&notes), Arc::clone(&mind), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&notes), Arc::clone(&mind), request));
                    let server = hyper::server::conn::http1::Builder::new();
                    match tls {
                        None => drop(server.serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            // Who does not trust us hangs up.
                            let Ok(stream) = tls.accept(stream).await else { return };
                            drop(server.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                });
            }
        });
        Self { url, seen, serving }
    }

    /// A puppet whose every result is this.
    pub(crate) async fn with_result(result: &'static str) -> Self {
        Self::start(move |seen| Say::result(seen, result)).await
    }

    /// Everything that came in so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("the upstream was asked")
    }
}

async fn answer(notes: Arc<Mutex<Vec<Seen>>>, mind: Mind, request: Request<Incoming>) -> Result<Response<Words>, Infallible> {
    let (parts, mut incoming) = request.into_parts();
    let mut body = BytesMut::new();
    while let Some(Ok(frame)) = incoming.frame().await {
        body.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    let target = parts.uri.to_string();
    let seen = Seen { method: parts.method, target, headers: parts.headers, body: body.freeze() };
    let Say { status, headers, body } = mind(&seen);
    notes.lock().unwrap().push(seen);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().append(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
    }
    Ok(response)
}

impl Body for Words {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces(_) => hyper::body::SizeHint::default(),
        }
    }
}
