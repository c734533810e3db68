//! What does the server say? Its events, read as the lines of a pipe: each `message` is one line.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use mcp::sse::{Decoder, Event, SseError};
use outbound::pool::Lease;
use tokio::io::{AsyncRead, ReadBuf};

use super::InvalidEndpoint;
use crate::back::BackFailure;

/// The stream of one session.
pub(super) struct Events {
    body: Lease,
    decoder: Decoder,
    limit: usize,
    /// What has come of the last pieces and is not read yet, in order.
    heard: std::collections::VecDeque<Bytes>,
    decoded: Vec<Event>,
}

impl Events {
    pub(super) fn new(body: Lease, limit: usize) -> Self {
        Self { body, decoder: Decoder::new(limit), limit, heard: std::collections::VecDeque::new(), decoded: Vec::new() }
    }

    /// The data of the first `endpoint` event. Messages before it are none: nothing has been asked.
    pub(super) async fn endpoint(&mut self) -> Result<String, BackFailure> {
        while let Some(frame) = self.body.frame().await {
            let Ok(piece) = frame.map_err(BackFailure::Broken)?.into_data() else { continue };
            let outcome = self.decoder.decode(&piece, &mut self.decoded);
            let mut decoded = std::mem::take(&mut self.decoded).into_iter();
            if let Some(event) = decoded.find(|event| event.event.as_deref() == Some("endpoint")) {
                self.heard.extend(decoded.filter_map(line));
                return event.data.ok_or(BackFailure::Endpoint(InvalidEndpoint::Malformed));
            }
            outcome.map_err(|error| match error {
                SseError::TooLarge { .. } => BackFailure::TooLarge { limit: self.limit },
                SseError::NotUtf8 => BackFailure::BadAnswer,
            })?;
        }
        Err(BackFailure::Endpoint(InvalidEndpoint::Absent))
    }
}

impl AsyncRead for Events {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let events = &mut *self;
        loop {
            if let Some(first) = events.heard.front_mut() {
                let now = first.split_to(first.len().min(buffer.remaining()));
                buffer.put_slice(&now);
                if !first.has_remaining() {
                    events.heard.pop_front();
                }
                return Poll::Ready(Ok(()));
            }
            let Some(frame) = ready!(Pin::new(&mut events.body).poll_frame(context)) else { return Poll::Ready(Ok(())) };
            let Ok(piece) = frame.map_err(io::Error::other)?.into_data() else { continue };
            let outcome = events.decoder.decode(&piece, &mut events.decoded);
            events.heard.extend(events.decoded.drain(..).filter_map(line));
            outcome.map_err(|error| io::Error::new(kind_of(error), error))?;
        }
    }
}

/// A message as a line; nothing for what is none, such as a `ping` of the server's framework or a second `endpoint`. In JSON a newline only ever stands between tokens.
fn line(event: Event) -> Option<Bytes> {
    let mut data = event.data.filter(|_| event.event.as_deref().is_none_or(|kind| kind == "message"))?.into_bytes();
    data.iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    data.push(b'\n');
    Some(data.into())
}

fn kind_of(error: SseError) -> io::ErrorKind {
    match error {
        SseError::NotUtf8 => io::ErrorKind::InvalidData,
        SseError::TooLarge { .. } => io::ErrorKind::FileTooLarge,
    }
}
