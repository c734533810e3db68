//! How does one message reach the server, and what comes back? One POST, answered by nothing, one message or a stream of them.

use std::collections::VecDeque;
use std::sync::Arc;

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT, WWW_AUTHENTICATE};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use broker::account::{Account, Attempts, Refused, Shown};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use mcp::sse::{Decoder, Event};
use oauth::challenge::{self, Challenge, ParsedChallenge};
use oauth::oauth_error::OauthError;
use outbound::body::{BodyFailure, read_capped};
use outbound::client::DPOP_NONCE;
use outbound::pool::{Lease, Pool, PoolLimits};
use outbound::tls::{Roots, client_config};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::failure::CallFailure;
use crate::config::is_local;

/// A server's MCP endpoint, and what is shown to it.
pub(crate) struct Endpoint {
    pool: Pool,
    pass: Pass,
    /// What a person wants in every request.
    always: HeaderMap,
}

/// What lets us in.
enum Pass {
    /// Somebody's account there: logged in when the server wants it.
    Account(Box<Account>),
    Nothing,
    Token(HeaderValue),
}

/// What came back for a POST.
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

/// The messages of a reply.
pub(crate) enum Content {
    /// 202, or nothing in it.
    Nothing,
    /// One message, and the status it came with.
    Json(StatusCode, Bytes),
    /// As many as come.
    Stream(Box<Stream>),
}

/// An open stream of events.
pub(crate) struct Stream {
    lease: Lease,
    decoder: Decoder,
    events: VecDeque<Event>,
}

impl Endpoint {
    /// Prepares the way there; nothing is sent yet. A token never travels in the clear beyond this machine.
    pub(crate) fn new(url: &Url, token: Option<&SecretString>) -> Result<Self, CallFailure> {
        if token.is_some() && url.scheme() != "https" && !is_local(url) {
            return Err(CallFailure::InTheClear);
        }
        let pass = token.map(bearer).transpose()?.map_or(Pass::Nothing, Pass::Token);
        Ok(Self { pool: pool(url, &Roots::default())?, pass, always: HeaderMap::new() })
    }

    /// The same for somebody's account there; `roots` are trusted beside the system's.
    pub(crate) fn for_account(url: &Url, account: Account, roots: &Roots) -> Result<Self, CallFailure> {
        Ok(Self { pool: pool(url, roots)?, pass: Pass::Account(Box::new(account)), always: HeaderMap::new() })
    }

    /// The same with these in every request.
    pub(crate) fn with_headers(self, always: HeaderMap) -> Self {
        Self { always, ..self }
    }

    /// Posts one message.
    pub(crate) async fn post(&self, body: Vec<u8>, headers: &[(HeaderName, HeaderValue)]) -> Result<Reply, CallFailure> {
        let response = self.admitted(&Method::POST, &body.into(), headers).await?;
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let (parts, lease) = response.into_parts();
        let content = match kind.as_str() {
            "text/event-stream" if status.is_success() => {
                Content::Stream(Box::new(Stream { lease, decoder: Decoder::new(MAX_MESSAGE_BYTES), events: VecDeque::new() }))
            }
            // A modern server says with the status, too, what its error says.
            "application/json" => Content::Json(status, read_capped(lease, MAX_MESSAGE_BYTES).await.map_err(CallFailure::Broken)?),
            _ if status == StatusCode::ACCEPTED || status == StatusCode::NO_CONTENT => Content::Nothing,
            _ if status.is_success() => return Err(CallFailure::WrongType(crate::voice::plain(&kind))),
            _ => return Err(CallFailure::Status { status, text: beginning(lease).await }),
        };
        Ok(Reply { headers: parts.headers, content })
    }

    /// Opens a stream of a legacy server, or goes on with one; `None`: it has none.
    pub(crate) async fn get(&self, headers: &[(HeaderName, HeaderValue)]) -> Result<Option<Box<Stream>>, CallFailure> {
        let response = self.admitted(&Method::GET, &Bytes::new(), headers).await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_stream = response.status().is_success() && kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
        let decoder = Decoder::new(MAX_MESSAGE_BYTES);
        Ok(is_stream.then(|| Box::new(Stream { lease: response.into_body(), decoder, events: VecDeque::new() })))
    }

    /// Ends a legacy session. Some servers answer 405, and that is all right.
    pub(crate) async fn delete(&self, headers: &[(HeaderName, HeaderValue)]) {
        let _ = self.send(&Method::DELETE, &Bytes::new(), headers).await;
    }

    /// Sends it until the server lets us in, or until there is no way left.
    async fn admitted(&self, method: &Method, body: &Bytes, headers: &[(HeaderName, HeaderValue)]) -> Result<Response<Lease>, CallFailure> {
        let mut attempts = Attempts::default();
        loop {
            let (response, shown) = self.send(method, body, headers).await?;
            let status = response.status();
            if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                return Ok(response);
            }
            let Wanted { challenge, wants_bound, nonce } = wanted(response.headers());
            // Without this error a 403 is no question of scopes: another token would not help (MCP authorization, scope challenges).
            let more_helps = |challenge: &Challenge| challenge.error == Some(OauthError::InsufficientScope);
            match &self.pass {
                // The same token, and another proof.
                Pass::Account(account) if nonce.is_some() && account.heed(nonce.as_deref().unwrap_or_default(), &mut attempts).await => {}
                Pass::Account(account) if status == StatusCode::UNAUTHORIZED || challenge.as_ref().is_some_and(more_helps) => {
                    // The connection is free again before a person is asked.
                    drop(response);
                    let refused = Refused { status, challenge: challenge.clone(), wants_bound };
                    if let Err(failure) = account.mend(shown, refused, &mut attempts).await {
                        return Err(CallFailure::NotSignedIn { failure: Box::new(failure), challenge: challenge.map(Box::new) });
                    }
                }
                _ => return Err(self.refused(status, challenge)),
            }
        }
    }

    async fn send(
        &self,
        method: &Method,
        body: &Bytes,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<(Response<Lease>, Shown), CallFailure> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        let own = request.headers_mut();
        own.extend(self.always.iter().map(|(name, value)| (name.clone(), value.clone())));
        own.insert(ACCEPT, HeaderValue::from_static(if *method == Method::GET { EVENTS } else { BOTH_KINDS }));
        own.insert(USER_AGENT, HeaderValue::from_static(concat!("claviger/", env!("CARGO_PKG_VERSION"))));
        if *method == Method::POST {
            own.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in headers {
            own.insert(name, value.clone());
        }
        let shown = match &self.pass {
            Pass::Account(account) => account
                .show(method, own)
                .await
                .map_err(|failure| CallFailure::NotSignedIn { failure: Box::new(failure), challenge: None })?,
            Pass::Nothing => Shown::default(),
            Pass::Token(token) => {
                own.insert(AUTHORIZATION, token.clone());
                Shown::default()
            }
        };
        let response = self.pool.send(request).await.map_err(CallFailure::Send)?;
        Ok((response, shown))
    }

    fn refused(&self, status: StatusCode, challenge: Option<Challenge>) -> CallFailure {
        let challenge = challenge.map(Box::new);
        if status == StatusCode::FORBIDDEN {
            return CallFailure::Forbidden(challenge);
        }
        CallFailure::Unauthorized { challenge, presented: matches!(self.pass, Pass::Token(_)) }
    }
}

fn pool(url: &Url, roots: &Roots) -> Result<Pool, CallFailure> {
    let tls = client_config(roots).map_err(CallFailure::Tls)?;
    Pool::new(url, &Arc::new(tls), PoolLimits::default()).map_err(CallFailure::InvalidUrl)
}

/// What a server wants that refuses.
struct Wanted {
    challenge: Option<Challenge>,
    /// A token that is bound to a key.
    wants_bound: bool,
    /// In the proof of that key.
    nonce: Option<String>,
}

fn wanted(headers: &HeaderMap) -> Wanted {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let parsed: Vec<_> = values.flat_map(challenge::parse).collect();
    let bound = parsed.iter().find_map(ParsedChallenge::as_dpop);
    let wants_nonce = parsed.iter().any(ParsedChallenge::wants_nonce);
    let nonce = headers.get(DPOP_NONCE).filter(|_| wants_nonce).and_then(|nonce| nonce.to_str().ok()).map(str::to_owned);
    let wants_bound = bound.is_some();
    Wanted { challenge: parsed.iter().find_map(ParsedChallenge::as_bearer).or(bound), wants_bound, nonce }
}

impl Stream {
    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, CallFailure> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let Some(frame) = self.lease.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| CallFailure::Broken(BodyFailure::Broken(error)))?;
            let Ok(chunk) = frame.into_data() else { continue };
            let mut events = Vec::new();
            self.decoder.decode(&chunk, &mut events).map_err(CallFailure::Stream)?;
            self.events.extend(events);
        }
    }
}

/// The header that carries the token, marked so that nobody prints it.
fn bearer(token: &SecretString) -> Result<HeaderValue, CallFailure> {
    let token = token.expose_secret().trim();
    // b64token of RFC 6750 §2.1.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    if token.is_empty() || !token.bytes().all(allowed) {
        return Err(CallFailure::TokenShape);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| CallFailure::TokenShape)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The first line of an error page, for a person to read.
async fn beginning(lease: Lease) -> Option<String> {
    let body = read_capped(lease, MAX_ERROR_BYTES).await.ok()?;
    let text = String::from_utf8_lossy(&body);
    let line: String = crate::voice::plain(text.trim().lines().next()?).chars().take(200).collect();
    (!line.is_empty()).then_some(line)
}

const BOTH_KINDS: &str = "application/json, text/event-stream";
const EVENTS: &str = "text/event-stream";
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
const MAX_ERROR_BYTES: usize = 64 * 1024;
