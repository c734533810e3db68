//! A Streamable HTTP server behind the door: bytes out, bytes back. Headers are rebuilt from what was judged, never copied whole (protocol.md §1.5).

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use broker::credential::Stamp;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use mcp::envelope::{Kind, Message};
use mcp::era::Era;
use mcp::header;
use mcp::sse;
use mcp::version::ProtocolVersion;
use outbound::pool::{Lease, Pool, SendFailure};
use tokio::sync::Mutex;

use crate::back::credentials::{Credentials, Keys, Presented};
use crate::back::probe::PROBE;
use crate::back::{BackFailure, Content, EraBook, Eras, Mandate, Outgoing, Reply, Source};
use crate::config::Protocol;

/// One Streamable HTTP upstream.
pub(crate) struct HttpBack {
    pub(crate) pool: Pool,
    pub(crate) credentials: Credentials,
    pub(crate) protocol: Protocol,
    pub(crate) limits: HttpLimits,
    pub(crate) eras: ArcSwapOption<Eras>,
    pub(crate) era_book: EraBook,
    pub(crate) probing: Mutex<()>,
    /// What kept the last request from reaching the upstream; cleared by the next that does.
    pub(crate) unreachable: ArcSwapOption<String>,
}

/// One request, ready but for its credentials.
#[derive(Clone)]
struct Letter {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    /// For the head of the answer.
    timeout: Duration,
    /// Whether a JSON answer is needed in one piece.
    whole: bool,
}

/// Caps of one upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpLimits {
    pub(crate) message_bytes: usize,
    pub(crate) call: Duration,
    pub(crate) probe: Duration,
}

impl HttpBack {
    /// Passes one message on. `whole`: the answer must come back in one piece where it is JSON, because it will be rewritten.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>, whole: bool) -> Result<Reply, BackFailure> {
        if outgoing.version.is_modern() {
            self.require(outgoing, |eras| eras.modern).await?;
        } else if self.known_eras().is_some_and(|eras| !eras.legacy) {
            return Err(impossible(outgoing));
        }
        let mut headers = Self::headers_for(outgoing)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let letter = Letter { method: Method::POST, headers, body: outgoing.body.clone(), timeout: self.limits.call, whole };
        let reply = self.deliver(letter, outgoing.mandate).await?;
        let reply = if outgoing.opens_session() { self.in_one_piece(reply).await? } else { reply };
        if outgoing.opens_session() && reply.is_error() {
            // A modern-only server refuses `initialize` in its own words; the caller deserves to be told what the pair is.
            self.require(outgoing, |eras| eras.legacy).await?;
        }
        Ok(reply)
    }

    /// Sends it with the upstream's credentials; and once more with fresh ones, if the upstream refuses those that it saw, whatever the clock says about them (K3). A
    /// 403 is an answer about rights, which a fresh credential does not change.
    async fn deliver(&self, letter: Letter, mandate: Mandate<'_>) -> Result<Reply, BackFailure> {
        let keys = self.credentials.of(mandate)?;
        let mut presented = Stamp::default();
        let copy = keys.are_renewable().then(|| letter.clone());
        match (self.attempt(letter, &keys, mandate, &mut presented).await, copy) {
            (Err(BackFailure::CredentialRefused { status: StatusCode::UNAUTHORIZED }), Some(letter)) if keys.refuse(presented) => {
                let outcome = self.attempt(letter, &keys, mandate, &mut presented).await;
                // What is fresh and refused all the same is mended by the person alone: they connect anew.
                let is_refused = matches!(outcome, Err(BackFailure::CredentialRefused { status: StatusCode::UNAUTHORIZED }));
                if is_refused && keys.are_personal() { Err(BackFailure::NotConnected) } else { outcome }
            }
            (outcome, _) => outcome,
        }
    }

    async fn attempt(&self, letter: Letter, keys: &Keys<'_>, mandate: Mandate<'_>, presented: &mut Stamp) -> Result<Reply, BackFailure> {
        let Letter { method, mut headers, body, timeout, whole } = letter;
        headers.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
        let Presented { stamp, target } = if keys.may_be_waited_for() {
            let after = self.limits.call;
            let added = tokio::time::timeout(after, keys.add_to(&mut headers, mandate.permit)).await;
            added.map_err(|_| BackFailure::TimedOut { after })??
        } else {
            keys.add_to(&mut headers, mandate.permit).await?
        };
        *presented = stamp;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        let response = self.exchange(target, request, timeout).await?;
        self.reply(response, whole).await
    }

    /// The answer to `initialize` is read by the door, so it has to be whole: the response is taken out of its stream.
    async fn in_one_piece(&self, reply: Reply) -> Result<Reply, BackFailure> {
        let Reply::Stream { status, content: Content::Events, source: Source::Http(mut body), session } = reply else { return Ok(reply) };
        let mut decoder = sse::Decoder::new(self.limits.message_bytes);
        let mut events = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(BackFailure::Broken)?.into_data() else { continue };
            decoder.decode(&piece, &mut events).map_err(|_| BackFailure::BadAnswer)?;
            for data in events.drain(..).filter_map(|event| event.data) {
                if Message::parse(data.as_bytes()).is_ok_and(|message| matches!(message.kind(), Kind::Response | Kind::ErrorResponse)) {
                    return Ok(Reply::Json { status, body: data.into(), session, retry_after: None });
                }
            }
        }
        Err(BackFailure::BadAnswer)
    }

    /// Opens the stream on which a legacy server speaks first, or resumes one.
    pub(crate) async fn listen(
        &self,
        session: Option<&str>,
        version: Option<ProtocolVersion>,
        caller: &HeaderMap,
        mandate: Mandate<'_>,
    ) -> Result<Reply, BackFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        copy(caller, &mut headers, &header::LAST_EVENT_ID);
        Self::name_session(&mut headers, session, version)?;
        let letter = Letter { method: Method::GET, headers, body: Bytes::new(), timeout: self.limits.call, whole: false };
        self.deliver(letter, mandate).await
    }

    /// Ends a legacy session.
    pub(crate) async fn end(&self, session: &str, version: Option<ProtocolVersion>, mandate: Mandate<'_>) -> Result<Reply, BackFailure> {
        let mut headers = HeaderMap::new();
        Self::name_session(&mut headers, Some(session), version)?;
        let letter = Letter { method: Method::DELETE, headers, body: Bytes::new(), timeout: self.limits.call, whole: false };
        self.deliver(letter, mandate).await
    }

    /// Why calls have been failing, if the last one that tried found no upstream.
    pub(crate) fn trouble(&self) -> Option<String> {
        let missing = || self.credentials.missing().map(|missing| missing.to_string());
        self.unreachable.load().as_ref().map(ToString::to_string).or_else(missing)
    }

    fn headers_for(outgoing: &Outgoing<'_>) -> Result<HeaderMap, BackFailure> {
        // As many as fit without a larger table; most calls have eight.
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(ACCEPT, HeaderValue::from_static(BOTH_KINDS));
        for name in &TRACE {
            copy(outgoing.headers, &mut headers, name);
        }
        if outgoing.version.is_modern() {
            let message = outgoing.message;
            headers.insert(header::PROTOCOL_VERSION, HeaderValue::from_static(outgoing.version.as_str()));
            if let Some(method) = message.method() {
                headers.insert(header::METHOD, header_value(method)?);
            }
            if let Some(name) = outgoing.mirrored_name() {
                headers.insert(header::NAME, header_value(name)?);
            }
            for (name, value) in outgoing.headers.iter().filter(|(name, _)| name.as_str().starts_with(header::PARAM_PREFIX)) {
                headers.append(name.clone(), value.clone());
            }
        } else {
            // A legacy `initialize` carries no version header; every later request does, if its caller sent one.
            let version = (!outgoing.opens_session()).then_some(outgoing.session_version()).flatten();
            Self::name_session(&mut headers, outgoing.session.map(|session| session.upstream.as_str()), version)?;
        }
        Ok(headers)
    }

    fn name_session(headers: &mut HeaderMap, session: Option<&str>, version: Option<ProtocolVersion>) -> Result<(), BackFailure> {
        if let Some(session) = session {
            headers.insert(header::SESSION_ID, HeaderValue::from_str(session).map_err(|_| BackFailure::BadAnswer)?);
        }
        if let Some(version) = version {
            headers.insert(header::PROTOCOL_VERSION, HeaderValue::from_static(version.as_str()));
        }
        Ok(())
    }

    async fn exchange(
        &self,
        target: Option<Uri>,
        request: Request<Full<Bytes>>,
        timeout: Duration,
    ) -> Result<Response<Lease>, BackFailure> {
        let sending = async {
            match target {
                Some(target) => self.pool.send_to(target, request).await,
                None => self.pool.send(request).await,
            }
        };
        let outcome = tokio::time::timeout(timeout, sending).await.map_err(|_| BackFailure::TimedOut { after: timeout })?;
        match &outcome {
            Ok(_) if self.unreachable.load().is_some() => self.unreachable.store(None),
            Err(failure @ (SendFailure::Connect(_) | SendFailure::ConnectTimedOut(_))) => {
                self.unreachable.store(Some(Arc::new(failure.to_string())));
            }
            Ok(_) | Err(SendFailure::Exchange(_)) => {}
        }
        outcome.map_err(BackFailure::Unreachable)
    }

    /// Turns the upstream's response into ours. Its `WWW-Authenticate` and `Set-Cookie` never reach the caller: an upstream's 401 is
    /// about our credential, not about theirs.
    async fn reply(&self, response: Response<Lease>, whole: bool) -> Result<Reply, BackFailure> {
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Err(BackFailure::CredentialRefused { status });
        }
        if status.is_redirection() || status.is_informational() {
            return Err(BackFailure::UnexpectedStatus { status });
        }
        let session = response.headers().get(&header::SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let content = content_of(response.headers());
        let body = response.into_body();
        match content {
            Some(Content::Events) if status.is_success() => {
                Ok(Reply::Stream { status, content: Content::Events, source: Source::Http(body), session })
            }
            Some(Content::Json) => self.json(status, body, whole, session, retry_after).await,
            _ if status.is_success() => Ok(Reply::Accepted { status: status_without_body(status), session }),
            _ => Ok(Reply::Bare { status, retry_after }),
        }
    }

    async fn json(
        &self,
        status: StatusCode,
        body: Lease,
        whole: bool,
        session: Option<String>,
        retry_after: Option<u64>,
    ) -> Result<Reply, BackFailure> {
        let declared = body.size_hint().exact();
        let limit = if whole || declared.is_none() { self.limits.message_bytes } else { SMALL };
        if !whole && declared.is_some_and(|length| length > SMALL as u64) {
            return Ok(Reply::Stream { status, content: Content::Json, source: Source::Http(body), session });
        }
        let body = read_whole(body, limit).await?;
        Ok(Reply::Json { status, body, session, retry_after })
    }

    /// Holds the upstream to an era, asking it once where the configuration does not say.
    async fn require(&self, outgoing: &Outgoing<'_>, speaks: impl Fn(&Eras) -> bool) -> Result<(), BackFailure> {
        let eras = self.eras(outgoing.mandate).await?;
        if speaks(&eras) { Ok(()) } else { Err(impossible(outgoing)) }
    }

    /// The eras that it is told or found to speak.
    fn known_eras(&self) -> Option<Eras> {
        match self.protocol {
            Protocol::Legacy => Some(Eras::LEGACY),
            Protocol::Modern => Some(Eras::MODERN),
            Protocol::Auto => self.eras.load().as_deref().copied(),
        }
    }

    async fn eras(&self, mandate: Mandate<'_>) -> Result<Eras, BackFailure> {
        if let Some(known) = self.known_eras() {
            return Ok(known);
        }
        let _alone = self.probing.lock().await;
        if let Some(known) = self.known_eras() {
            return Ok(known);
        }
        let eras = if let Some(eras) = self.era_book.recall().await {
            eras
        } else {
            let eras = Box::pin(self.probe(mandate)).await?;
            self.era_book.note(eras);
            eras
        };
        self.eras.store(Some(Arc::new(eras)));
        Ok(eras)
    }

    /// Has it asked anew.
    pub(crate) fn forget_eras(&self) {
        self.eras.store(None);
        self.era_book.forget();
    }

    /// Asks `server/discover`, and nothing else: other methods are run by some legacy servers before `initialize` (protocol.md fact 24).
    async fn probe(&self, mandate: Mandate<'_>) -> Result<Eras, BackFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(BOTH_KINDS));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::PROTOCOL_VERSION, HeaderValue::from_static(ProtocolVersion::V2026_07_28.as_str()));
        headers.insert(header::METHOD, HeaderValue::from_static("server/discover"));
        let letter = Letter { method: Method::POST, headers, body: Bytes::from_static(PROBE), timeout: self.limits.probe, whole: true };
        let body = match self.deliver(letter, mandate).await? {
            Reply::Json { body, .. } => body,
            Reply::Stream { source: Source::Http(body), .. } => read_whole(body, self.limits.message_bytes).await?,
            _ => Bytes::new(),
        };
        Ok(Eras::of_answer(&body))
    }
}

fn header_value(text: &str) -> Result<HeaderValue, BackFailure> {
    HeaderValue::try_from(header::encode_value(text).as_ref()).map_err(|_| BackFailure::BadAnswer)
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, name: &HeaderName) {
    if let Some(value) = from.get(name) {
        to.insert(name.clone(), value.clone());
    }
}

/// Upstream and caller share no era.
fn impossible(outgoing: &Outgoing<'_>) -> BackFailure {
    let (upstream, caller) = if outgoing.version.is_modern() { (Era::Legacy, Era::Modern) } else { (Era::Modern, Era::Legacy) };
    BackFailure::ImpossiblePair { upstream, caller, requested: outgoing.version.as_str().to_owned() }
}

/// Where a trace comes from.
pub(crate) fn trace_of(headers: &HeaderMap) -> HeaderMap {
    let mut trace = HeaderMap::new();
    for name in &TRACE {
        copy(headers, &mut trace, name);
    }
    trace
}

fn content_of(headers: &HeaderMap) -> Option<Content> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    if kind.eq_ignore_ascii_case("application/json") {
        Some(Content::Json)
    } else if kind.eq_ignore_ascii_case("text/event-stream") {
        Some(Content::Events)
    } else {
        None
    }
}

fn status_without_body(status: StatusCode) -> StatusCode {
    if status == StatusCode::OK || status == StatusCode::NO_CONTENT { status } else { StatusCode::ACCEPTED }
}

async fn read_whole(mut body: Lease, limit: usize) -> Result<Bytes, BackFailure> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(BackFailure::Broken)?.into_data() else { continue };
        if first.len() + rest.len() + piece.len() > limit {
            return Err(BackFailure::TooLarge { limit });
        }
        if first.is_empty() && rest.is_empty() {
            first = piece;
            continue;
        }
        rest.extend_from_slice(&std::mem::take(&mut first));
        rest.extend_from_slice(&piece);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// W3C Trace Context and Baggage.
const TRACE: [HeaderName; 3] =
    [HeaderName::from_static("traceparent"), HeaderName::from_static("tracestate"), HeaderName::from_static("baggage")];
const BOTH_KINDS: &str = "application/json, text/event-stream";
const OUR_NAME: &str = concat!("claviger/", env!("CARGO_PKG_VERSION"));
/// Answers up to this size go back in one piece; longer ones are passed on as they come.
const SMALL: usize = 256 * 1024;
