//! How is a server of 2024-11-05 a pipe (HTTP with SSE, as client only)? One long `GET` brings all that it says, event by event; what it is told goes out as one `POST`
//! for each message, to where its first event points. The stream is its one session: when it ends, the instance has ended.

mod endpoint;
mod events;
mod post;

use std::sync::Arc;
use std::time::Duration;

use broker::credential::Stamp;
use broker::{Credential, Missing};
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use outbound::pool::{Lease, Pool};
use policy::Permit;
use tokio::time::timeout;
use url::Url;

pub use self::endpoint::InvalidEndpoint;
use self::events::Events;
use super::hub::Hub;
use super::peer::{Origin, Peer};
use super::process::{self, Life};
use crate::back::BackFailure;
use crate::back::credentials::{Keys, Presented};
use crate::back::http::OUR_NAME;

/// Where such a server is, and what it is shown with the `GET` and with every `POST`.
pub(crate) struct Way {
    pub(crate) url: Url,
    pub(crate) pool: Pool,
    /// Path and query of the URL, where they hold references.
    pub(crate) target: Option<Credential>,
    pub(crate) headers: Vec<(HeaderName, Credential)>,
    /// The door's own token. Whoever calls, the stream is opened in the door's name, so there is no other.
    pub(crate) bearer: Option<Credential>,
    /// The longest event that is read, in bytes.
    pub(crate) message_bytes: usize,
    /// For credentials, and for the head of the answer to the `GET`.
    pub(crate) call: Duration,
}

/// An open stream, and where what the server is told goes.
pub(super) struct Open {
    events: Events,
    way: Arc<Way>,
    endpoint: Uri,
}

/// One request, ready but for its credentials.
enum Letter<'l> {
    /// The long one.
    Get,
    /// One message.
    Post(&'l Uri, Bytes),
}

impl Way {
    /// Opens the stream, and reads where to post to.
    pub(super) async fn open(self: &Arc<Self>, permit: &Permit) -> Result<Open, BackFailure> {
        let after = self.call;
        let response = timeout(after, self.exchange(&Letter::Get, permit)).await.map_err(|_| BackFailure::TimedOut { after })??;
        if !is_stream(response.headers()) {
            return Err(BackFailure::Endpoint(InvalidEndpoint::NoStream));
        }
        let mut events = Events::new(response.into_body(), self.message_bytes);
        let reference = timeout(POINTS_WITHIN, events.endpoint()).await.map_err(|_| BackFailure::TimedOut { after: POINTS_WITHIN })?;
        let endpoint = endpoint::resolve(&self.url, &reference?, self.target.is_some())?;
        Ok(Open { events, way: Arc::clone(self), endpoint })
    }

    /// What of the credentials cannot be had, as the last try has shown.
    pub(super) fn missing(&self) -> Option<Missing> {
        self.headers.iter().map(|(_, credential)| credential).chain(&self.target).chain(&self.bearer).find_map(Credential::missing)
    }

    /// Sends it with the credentials; and once more with fresh ones, if the server refuses those that it saw (K3). What comes is a success.
    async fn exchange(&self, letter: &Letter<'_>, permit: &Permit) -> Result<Response<Lease>, BackFailure> {
        let keys = Keys::of_the_door(self.target.as_ref(), &self.headers, self.bearer.as_ref());
        let mut presented = Stamp::default();
        let mut response = self.attempt(letter, &keys, permit, &mut presented).await?;
        if response.status() == StatusCode::UNAUTHORIZED && keys.refuse(presented) {
            response = self.attempt(letter, &keys, permit, &mut presented).await?;
        }
        match response.status() {
            status if status.is_success() => Ok(response),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(BackFailure::CredentialRefused { status }),
            status => Err(BackFailure::UnexpectedStatus { status }),
        }
    }

    async fn attempt(
        &self,
        letter: &Letter<'_>,
        keys: &Keys<'_>,
        permit: &Permit,
        presented: &mut Stamp,
    ) -> Result<Response<Lease>, BackFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
        let after = self.call;
        let adding = async {
            match letter {
                Letter::Get => {
                    headers.insert(ACCEPT, HeaderValue::from_static(EVENTS));
                    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                }
                Letter::Post(..) => {
                    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                }
            }
            keys.add_to(&mut headers, permit).await
        };
        let added = timeout(after, adding).await.map_err(|_| BackFailure::TimedOut { after })?;
        let Presented { stamp, target } = added?;
        *presented = stamp;
        let (method, body, target) = match letter {
            Letter::Get => (Method::GET, Bytes::new(), target),
            Letter::Post(endpoint, message) => (Method::POST, message.clone(), Some((*endpoint).clone())),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        let sent = match target {
            Some(target) => self.pool.send_to(target, request).await,
            None => self.pool.send(request).await,
        };
        sent.map_err(BackFailure::Unreachable)
    }
}

impl Open {
    /// Takes the stream over as a pipe.
    pub(super) fn start(self, life: &Life, hub: Option<Arc<Hub>>, origin: Origin) -> Arc<Peer> {
        let Self { events, way, endpoint } = self;
        let (peer, letters) = Peer::hearing(events, life.clone(), hub, origin);
        tokio::spawn(post::all(way, endpoint, Arc::clone(&peer), letters));
        // There is no process to wait for.
        tokio::spawn(process::end_when_stopped(life.clone()));
        peer
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(EVENTS)
}

const EVENTS: &str = "text/event-stream";

/// How long a server may take to say where to post to, once it has opened its stream. Streams of a later revision never say it.
const POINTS_WITHIN: Duration = Duration::from_secs(30);
