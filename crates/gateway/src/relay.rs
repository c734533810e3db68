//! How does an answer get home? Whole ones at once; streams by a task that passes on each piece as it comes and closes the record at the end.

use std::time::Duration;

use audit::record::Outcome;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use mcp::sse;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::back::{BackFailure, Content, Reply, Source};
use crate::body::{Body, Broken};
use crate::exchange::{End, Exchange};
use crate::lists::Rewrite;
use crate::refusal::Refusal;
use crate::told::{Told, is_error};

/// An answer with everything that its way home needs.
pub(crate) struct Homeward {
    pub(crate) reply: Reply,
    /// The sealed id of a session that this answer opens.
    pub(crate) session: Option<String>,
    pub(crate) rewrite: Option<Rewrite>,
    /// Held while a stream is open.
    pub(crate) stream_place: Option<OwnedSemaphorePermit>,
}

/// Makes the response and sees to it that the record is closed when its last byte has gone.
pub(crate) fn respond(homeward: Homeward, exchange: Exchange) -> Result<Response<Body>, Box<(Refusal, Exchange)>> {
    let Homeward { reply, session, rewrite, stream_place } = homeward;
    let mut response = match reply {
        Reply::Accepted { status, .. } => whole(status, Bytes::new(), None, Outcome::Ok, exchange),
        Reply::Bare { status, retry_after } => {
            let body = exchange.error(mcp::error_code::INTERNAL_ERROR, &format!("the server answered with status {}", status.as_u16()));
            with_retry(whole(status, body.into(), Some(JSON), Outcome::Error, exchange), retry_after)
        }
        Reply::Json { status, body, retry_after, .. } => {
            let body = match rewrite {
                None => body,
                Some(rewrite) => match exchange.rewrite(rewrite, body) {
                    Some(body) => body,
                    None => return Err(Box::new((Refusal::Back(BackFailure::BadAnswer), exchange))),
                },
            };
            let outcome = outcome_of(status, &body);
            with_retry(whole(status, body, Some(JSON), outcome, exchange), retry_after)
        }
        Reply::Stream { status, content, source, .. } => {
            streamed(Stream { status, content, source, rewrite, place: stream_place }, exchange)
        }
    };
    if let Some(id) = session.and_then(|id| HeaderValue::try_from(id).ok()) {
        response.headers_mut().insert(mcp::header::SESSION_ID, id);
    }
    Ok(response)
}

fn whole(status: StatusCode, body: Bytes, kind: Option<&'static str>, outcome: Outcome, exchange: Exchange) -> Response<Body> {
    exchange.close(End { status: status.as_u16(), outcome, bytes_out: body.len() as u64 });
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn with_retry(mut response: Response<Body>, seconds: Option<u64>) -> Response<Body> {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A JSON-RPC error inside a 200 is an error for the record. Results are not parsed for it: an answer that starts with the member is one.
fn outcome_of(status: StatusCode, body: &Bytes) -> Outcome {
    if !status.is_success() || is_error(body) { Outcome::Error } else { Outcome::Ok }
}

struct Stream {
    status: StatusCode,
    content: Content,
    source: Source,
    rewrite: Option<Rewrite>,
    place: Option<OwnedSemaphorePermit>,
}

fn streamed(stream: Stream, exchange: Exchange) -> Response<Body> {
    let (pieces, body) = mpsc::channel(PIECES_AHEAD);
    let mut response = Response::new(Body::Stream(body));
    *response.status_mut() = stream.status;
    let headers = response.headers_mut();
    match stream.content {
        Content::Events => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
            headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        }
        Content::Json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
    let tasks = exchange.door().tasks.clone();
    tasks.spawn(pump(stream, pieces, exchange));
    response
}

/// Passes pieces on until the upstream is done, the caller hangs up, or the door closes. Dropping the source is what tells the upstream.
async fn pump(mut stream: Stream, pieces: mpsc::Sender<Result<Bytes, Broken>>, mut exchange: Exchange) {
    if stream.place.is_some() {
        exchange.gives_back();
    }
    // A stream on which the server speaks for hours ends with the token that opened it; a call under way is finished.
    let authorized = if stream.place.is_some() { exchange.door().time_until(exchange.authorized_until()) } else { FOREVER };
    let expiry = tokio::time::sleep(authorized);
    // What was taken back ends at once, whatever it was doing.
    let revocation = exchange.revocation();
    tokio::pin!(expiry, revocation);
    let closing = if stream.place.is_some() { exchange.door().draining.clone() } else { exchange.door().closing.clone() };
    let gauge = exchange.door().metrics.streams.clone();
    gauge.inc();
    let mut filter = stream.rewrite.map(|rewrite| EventFilter { decoder: sse::Decoder::new(exchange.door().message_bytes()), rewrite });
    let mut bytes_out = 0;
    let mut told = Told::new();
    let outcome = loop {
        let piece = tokio::select! {
            biased;
            () = pieces.closed() => break Outcome::Cancelled,
            () = closing.cancelled() => break Outcome::Cancelled,
            () = &mut expiry => break Outcome::Cancelled,
            () = &mut revocation => break Outcome::Cancelled,
            piece = stream.source.next() => piece,
        };
        let piece = match (piece, &mut filter) {
            (None, _) => {
                told.hear_the_end();
                let may_end = stream.place.is_some() || stream.content == Content::Json;
                break outcome_at_end(told.has_failed(), told.has_answered() || may_end);
            }
            (Some(Ok(piece)), None) => piece,
            (Some(Ok(piece)), Some(filter)) => match filter.pass(&piece, &exchange) {
                Some(piece) => piece,
                None => break cut(&pieces).await,
            },
            (Some(Err(Broken)), _) => break cut(&pieces).await,
        };
        bytes_out += piece.len() as u64;
        if stream.content == Content::Events {
            told.hear(&piece);
        }
        if pieces.send(Ok(piece)).await.is_err() {
            break Outcome::Cancelled;
        }
    };
    drop(stream.source);
    drop(stream.place);
    gauge.dec();
    exchange.close(End { status: stream.status.as_u16(), outcome, bytes_out });
}

/// A call whose stream ends without an answer was cancelled; a stream that the server may end when it likes was not.
fn outcome_at_end(failed: bool, complete: bool) -> Outcome {
    match (failed, complete) {
        (true, _) => Outcome::Error,
        (false, true) => Outcome::Ok,
        (false, false) => Outcome::Cancelled,
    }
}

/// Breaks the connection off, so that the caller does not take a part for the whole.
async fn cut(pieces: &mpsc::Sender<Result<Bytes, Broken>>) -> Outcome {
    // A caller who is gone needs no telling.
    let _ = pieces.send(Err(Broken)).await;
    Outcome::Error
}

impl Source {
    /// The next piece.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        match self {
            Self::Channel(frames) => frames.recv().await.map(Ok),
            Self::Mapped(mapped) => Box::pin(mapped.next()).await,
            Self::Http(body) => loop {
                match body.frame().await? {
                    Ok(frame) => {
                        if let Ok(piece) = frame.into_data() {
                            return Some(Ok(piece));
                        }
                    }
                    Err(error) => {
                        tracing::debug!(target: "door", error = &error as &dyn std::error::Error, "an upstream's stream broke");
                        return Some(Err(Broken));
                    }
                }
            },
        }
    }
}

/// A stream of events of which each message becomes something else.
pub(crate) struct Mapped {
    source: Source,
    decoder: sse::Decoder,
    change: Box<dyn Fn(Bytes) -> Option<Bytes> + Send + Sync>,
}

impl Mapped {
    /// `change` gives nothing for a message that must not be passed on.
    pub(crate) fn new(source: Source, message_bytes: usize, change: impl Fn(Bytes) -> Option<Bytes> + Send + Sync + 'static) -> Self {
        Self { source, decoder: sse::Decoder::new(message_bytes), change: Box::new(change) }
    }

    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            let piece = match self.source.next().await? {
                Ok(piece) => change_events(&mut self.decoder, &piece, &self.change),
                Err(broken) => return Some(Err(broken)),
            };
            match piece {
                // A part of an event says nothing yet.
                Some(piece) if piece.is_empty() => {}
                piece => return Some(piece.ok_or(Broken)),
            }
        }
    }
}

/// The events that a piece completes, each with its message changed.
fn change_events(decoder: &mut sse::Decoder, piece: &[u8], change: impl Fn(Bytes) -> Option<Bytes>) -> Option<Bytes> {
    let mut output = Vec::with_capacity(piece.len());
    let mut events = Vec::new();
    decoder.decode(piece, &mut events).ok()?;
    for mut event in events {
        if let Some(data) = event.data.take().filter(|data| !data.is_empty()) {
            event.data = Some(String::from_utf8(change(data.into())?.into()).ok()?);
        }
        output.extend_from_slice(&sse::encode(&event));
    }
    Some(output.into())
}

/// Rewrites the one event that carries a list; all others pass as they are.
struct EventFilter {
    decoder: sse::Decoder,
    rewrite: Rewrite,
}

impl EventFilter {
    fn pass(&mut self, piece: &[u8], exchange: &Exchange) -> Option<Bytes> {
        change_events(&mut self.decoder, piece, |message| exchange.rewrite(self.rewrite, message))
    }
}

/// As long as the runtime can sleep.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);
const JSON: &str = "application/json";
const PIECES_AHEAD: usize = 16;
