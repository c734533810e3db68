//! What does an upstream say about one message? Its messages, one after the other, however they come: as JSON, as events, or as events of which the
//! rest has to be asked for again (2025-11-25, Streamable HTTP, resumability).

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::StatusCode;
use mcp::sse;

use super::agent::{Agent, Letter};
use crate::back::{BackFailure, Content, Reply, Source};
use crate::layers::session::Session;

/// The messages that come back for one message, or on one stream.
pub(crate) struct Incoming {
    agent: Agent,
    session: Option<Arc<Session>>,
    state: State,
    decoder: sse::Decoder,
    message_bytes: usize,
    waiting: VecDeque<Bytes>,
    last_event: Option<String>,
    pause: Duration,
    resumptions: u32,
}

enum State {
    Asked(Asked),
    Streaming(Source),
    Over,
}

type Asked = Pin<Box<dyn Future<Output = Result<Reply, BackFailure>> + Send>>;

impl Incoming {
    /// Sends a message; nothing happens before the first look.
    pub(crate) fn of(agent: Agent, letter: Letter, message_bytes: usize) -> Self {
        let session = letter.session.clone().filter(|_| !letter.version.is_modern());
        let asked = {
            let agent = agent.clone();
            async move { agent.send(&letter).await }.boxed()
        };
        Self::new(agent, session, State::Asked(asked), message_bytes)
    }

    /// Opens the stream on which a legacy upstream speaks first.
    pub(crate) fn of_stream(agent: Agent, session: Option<Arc<Session>>, message_bytes: usize) -> Self {
        let asked = {
            let (agent, session) = (agent.clone(), session.clone());
            async move { agent.listen(session.as_deref(), None).await }.boxed()
        };
        Self::new(agent, session, State::Asked(asked), message_bytes)
    }

    /// Reads what has come back already.
    pub(crate) fn of_reply(agent: Agent, reply: Reply, message_bytes: usize) -> Result<Self, BackFailure> {
        let mut incoming = Self::new(agent, None, State::Over, message_bytes);
        incoming.take(reply)?;
        Ok(incoming)
    }

    fn new(agent: Agent, session: Option<Arc<Session>>, state: State, message_bytes: usize) -> Self {
        let decoder = sse::Decoder::new(message_bytes);
        Self { agent, session, state, decoder, message_bytes, waiting: VecDeque::new(), last_event: None, pause: PAUSE, resumptions: 0 }
    }

    /// Waits until the upstream has begun to answer; what it says is left for [`Incoming::next`].
    pub(crate) async fn begun(&mut self) -> Result<(), BackFailure> {
        if let State::Asked(asked) = &mut self.state {
            let reply = asked.await;
            self.state = State::Over;
            self.take(reply?)?;
        }
        Ok(())
    }

    /// The next message, as one text; `None` when there are no more. Can be called again where it was given up.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BackFailure> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(Some(message));
            }
            self.begun().await?;
            let State::Streaming(source) = &mut self.state else {
                match self.waiting.pop_front() {
                    Some(message) => return Ok(Some(message)),
                    None => return Ok(None),
                }
            };
            match source.next().await {
                Some(Ok(piece)) => self.read(&piece)?,
                Some(Err(_)) | None => self.resume(),
            }
        }
    }

    fn take(&mut self, reply: Reply) -> Result<(), BackFailure> {
        if reply.status() == StatusCode::NOT_FOUND && self.session.is_some() {
            return Err(BackFailure::SessionGone);
        }
        match reply {
            Reply::Accepted { .. } => {}
            Reply::Bare { status, .. } => return Err(BackFailure::UnexpectedStatus { status }),
            Reply::Json { body, .. } => self.waiting.push_back(body),
            Reply::Stream { content: Content::Json, .. } => return Err(BackFailure::TooLarge { limit: self.message_bytes }),
            Reply::Stream { content: Content::Events, source, .. } => self.state = State::Streaming(source),
        }
        Ok(())
    }

    fn read(&mut self, piece: &[u8]) -> Result<(), BackFailure> {
        let mut events = Vec::new();
        self.decoder.decode(piece, &mut events).map_err(|_| BackFailure::BadAnswer)?;
        for event in events {
            if let Some(milliseconds) = event.retry {
                self.pause = Duration::from_millis(milliseconds).min(LONGEST_PAUSE);
            }
            if event.id.is_some() {
                self.last_event = event.id;
            }
            self.waiting.extend(event.data.filter(|data| !data.is_empty()).map(Bytes::from));
        }
        Ok(())
    }

    /// A stream that ends before all is said can be asked for its rest, if its events have ids.
    fn resume(&mut self) {
        self.state = State::Over;
        let Some(after) = self.last_event.clone().filter(|_| self.resumptions < RESUMPTIONS) else { return };
        self.resumptions += 1;
        self.decoder = sse::Decoder::new(self.message_bytes);
        let (agent, session, pause) = (self.agent.clone(), self.session.clone(), self.pause);
        let asked = async move {
            tokio::time::sleep(pause).await;
            agent.listen(session.as_deref(), Some(&after)).await
        };
        self.state = State::Asked(asked.boxed());
    }
}

/// Before the rest of a stream is asked for, where the upstream does not say.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So often the rest of one stream is asked for.
const RESUMPTIONS: u32 = 16;
