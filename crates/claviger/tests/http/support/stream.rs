//! What is coming back, piece by piece?

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mcp::sse::{Decoder, Event};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{Answer, PATIENCE};

/// An answer whose body is still on its way. Dropping it hangs up.
pub(crate) struct Stream {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    decoder: Decoder,
    waiting: VecDeque<Event>,
    connection: JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Stream {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: Incoming, connection: JoinHandle<()>) -> Self {
        Self { status, headers, body, decoder: Decoder::new(MOST), waiting: VecDeque::new(), connection }
    }

    /// The next event, `None` at the end, proper or not.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        let next = async {
            loop {
                if let Some(event) = self.waiting.pop_front() {
                    return Some(event);
                }
                let frame = self.body.frame().await?.ok()?;
                let Ok(piece) = frame.into_data() else { continue };
                let mut events = Vec::new();
                self.decoder.decode(&piece, &mut events).unwrap();
                self.waiting.extend(events);
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("an event, or the end of the stream")
    }

    /// The next event that carries a message.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        loop {
            let event = self.event().await?;
            if let Some(data) = event.data.filter(|data| !data.is_empty()) {
                return Some(serde_json::from_str(&data).unwrap());
            }
        }
    }

    /// The next message of this method; others before it are passed over.
    pub(crate) async fn notification(&mut self, method: &str) -> Value {
        loop {
            let message = self.message().await.unwrap_or_else(|| panic!("the stream ended before {method}"));
            if message["method"] == method {
                return message;
            }
        }
    }

    /// The response; whatever comes before it is passed over.
    pub(crate) async fn response(&mut self) -> Value {
        loop {
            let message = self.message().await.expect("a response before the end");
            if message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Whether the stream ends within `time`; what it says until then does not matter.
    pub(crate) async fn ends_within(&mut self, time: Duration) -> bool {
        let end = async { while self.event().await.is_some() {} };
        tokio::time::timeout(time, end).await.is_ok()
    }

    /// Reads to the end.
    pub(crate) async fn whole(mut self) -> Answer {
        let mut body = BytesMut::new();
        let mut is_complete = true;
        while let Some(frame) = self.body.frame().await {
            let Ok(frame) = frame else {
                is_complete = false;
                break;
            };
            if let Ok(piece) = frame.into_data() {
                body.extend_from_slice(&piece);
                assert!(body.len() <= MOST, "the answer is far too long");
            }
        }
        Answer::new(self.status, self.headers.clone(), body.freeze(), is_complete)
    }

    /// Closes the connection at once.
    pub(crate) fn hang_up(self) {
        drop(self);
    }
}

/// No answer in these tests is longer.
const MOST: usize = 8 * 1024 * 1024;
