//! How do we ask somebody else's server once? One request on a connection of its own, no redirects, capped in bytes and in time.
//!
//! For metadata, keys, tokens and vaults, which are asked seldom; a fresh connection each time keeps "the address checked is the address called" plain
//! to see. Messages to upstream servers do not go this way.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, HOST, IF_NONE_MATCH, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::body::{BodyFailure, read_capped};
use crate::dial::{Dialer, Resolve, SystemResolver};
use crate::failure::{Failure, SafeUrl};
use crate::guard::{Guard, Target};
use crate::pin::KeyPin;
use crate::tls::{InvalidRoots, Roots, client_config, pinned_config};

/// The guarded client. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    dialer: Dialer,
}

impl Client {
    /// A client that obeys `guard` and trusts the system's certificates and `roots`. The system's store is read at the first need, once for all
    /// clones: make one, then use [`Client::with_guard`].
    pub fn new(guard: Guard, roots: &Roots) -> Result<Self, InvalidRoots> {
        Ok(Self::with_tls(guard, client_config(roots)?))
    }

    /// The same for one server whose certificate must also have this key.
    pub fn pinned(guard: Guard, roots: &Roots, pin: KeyPin) -> Result<Self, InvalidRoots> {
        Ok(Self::with_tls(guard, pinned_config(roots, pin)?))
    }

    fn with_tls(guard: Guard, mut tls: rustls::ClientConfig) -> Self {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { dialer: Dialer::new(guard, Arc::new(SystemResolver), Arc::new(tls)) }
    }

    /// The same client under another guard.
    #[must_use]
    pub fn with_guard(&self, guard: Guard) -> Self {
        Self { dialer: self.dialer.with_guard(guard) }
    }

    /// The same client with another way to look names up.
    #[must_use]
    pub fn with_resolver(&self, resolver: Arc<dyn Resolve>) -> Self {
        Self { dialer: self.dialer.with_resolver(resolver) }
    }

    /// The guard that every call obeys.
    pub fn guard(&self) -> &Guard {
        self.dialer.guard()
    }

    /// Fetches `url`. Any status but a redirect is an `Ok`: ask [`Fetched::success`]. `accept` is the value of the `Accept` header.
    pub async fn get(&self, url: &str, accept: &'static str, limits: Limits) -> Result<Fetched, Failure> {
        self.get_if_changed(url, accept, None, limits).await
    }

    /// Fetches `url` unless the server still has the version that `etag` names; then the status is 304 and the body empty.
    pub async fn get_if_changed(
        &self,
        url: &str,
        accept: &'static str,
        etag: Option<&HeaderValue>,
        limits: Limits,
    ) -> Result<Fetched, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(etag) = etag {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        self.call(Call { method: Method::GET, url, headers, body: Bytes::new() }, limits).await
    }

    /// Sends one request. Any status but a redirect is an `Ok`.
    pub async fn call(&self, call: Call<'_>, limits: Limits) -> Result<Fetched, Failure> {
        let Call { method, url, headers, body } = call;
        let target = self.guard().admit(url).map_err(|reason| Failure::Blocked { url: SafeUrl::of(url), reason })?;
        let request = request(&target, method, headers, body);
        let shown = SafeUrl::of_url(target.url());
        timeout(limits.timeout, self.exchange(&target, request, limits.body_bytes))
            .await
            .unwrap_or(Err(Failure::TimedOut { url: shown, after: limits.timeout }))
    }

    async fn exchange(&self, target: &Target, request: Request<Full<Bytes>>, body_bytes: usize) -> Result<Fetched, Failure> {
        let url = SafeUrl::of_url(target.url());
        let broke_off = |source| Failure::Exchange { url: url.clone(), source };
        let stream = self.dialer.dial(target).await?;
        let (mut sender, connection) = http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(stream).await.map_err(broke_off)?;
        // Dropping the set at the end of this call, however it ends, closes the connection.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request).await.map_err(broke_off)?;
        if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
            return Err(Failure::Redirected { url: url.clone(), status: response.status() });
        }
        Fetched::read(url, response, body_bytes).await
    }
}

/// A client that is made when it is first asked for: until then the system's certificates are not read.
#[derive(Clone)]
pub struct LazyClient(Arc<Lazy>);

struct Lazy {
    guard: Guard,
    roots: Roots,
    client: OnceLock<Client>,
}

impl LazyClient {
    /// A client that will obey `guard` and trust the system's certificates and `roots`.
    pub fn new(guard: Guard, roots: Roots) -> Self {
        Self(Arc::new(Lazy { guard, roots, client: OnceLock::new() }))
    }

    /// The client. A failure is not kept: the certificates may be mended meanwhile.
    pub fn client(&self) -> Result<&Client, InvalidRoots> {
        if let Some(client) = self.0.client.get() {
            return Ok(client);
        }
        let client = Client::new(self.0.guard.clone(), &self.0.roots)?;
        Ok(self.0.client.get_or_init(|| client))
    }
}

/// One request.
pub struct Call<'c> {
    /// What to do.
    pub method: Method,
    /// Where; the guard reads it.
    pub url: &'c str,
    /// `Host` and `User-Agent` are set by the client. Mark what is secret as sensitive.
    pub headers: HeaderMap,
    /// The body; empty for none. Make one that holds a secret with [`Bytes::from_owner`] of a zeroizing buffer.
    pub body: Bytes,
}

/// How much and how long one fetch may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest body, in bytes.
    pub body_bytes: usize,
    /// From name lookup to last byte.
    pub timeout: Duration,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The URL, fit for a log line.
    pub url: SafeUrl,
    /// Any status but a redirect.
    pub status: StatusCode,
    /// `Content-Type`, `Cache-Control`, `Date`, `ETag`, `Retry-After`, `DPoP-Nonce`, `WWW-Authenticate` and what tells of an error or a token's life at AWS, as far as sent.
    pub headers: HeaderMap,
    /// The body, within the limit.
    pub body: Bytes,
}

impl Fetched {
    /// This answer if its status is 200, else [`Failure::Status`].
    pub fn success(self) -> Result<Self, Failure> {
        if self.status == StatusCode::OK { Ok(self) } else { Err(Failure::Status { url: self.url, status: self.status }) }
    }

    /// For how long the answer may be reused by its `Cache-Control`: zero for `no-store` and `no-cache`, `None` if nothing is said.
    pub fn max_age(&self) -> Option<Duration> {
        let directives =
            self.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(','));
        let mut found = None;
        for directive in directives.map(str::trim) {
            if directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache") {
                return Some(Duration::ZERO);
            }
            if let Some((name, seconds)) = directive.split_once('=')
                && name.eq_ignore_ascii_case("max-age")
            {
                found = found.or_else(|| seconds.trim_matches('"').parse().ok().map(Duration::from_secs));
            }
        }
        found
    }

    async fn read(url: SafeUrl, response: Response<Incoming>, body_bytes: usize) -> Result<Self, Failure> {
        let (head, body) = response.into_parts();
        let body = match read_capped(body, body_bytes).await {
            Ok(body) => body,
            Err(BodyFailure::TooLarge { limit }) => return Err(Failure::TooLarge { url, limit }),
            Err(BodyFailure::Broken(source)) => return Err(Failure::Exchange { url, source }),
        };
        let mut headers = HeaderMap::new();
        for name in KEPT_HEADERS {
            for value in head.headers.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        Ok(Self { url, status: head.status, headers, body })
    }
}

/// A request in origin form with nothing of ours in it but who we are.
fn request(target: &Target, method: Method, mut headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    headers.insert(HOST, target.authority().clone());
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("claviger/", env!("CARGO_PKG_VERSION"))));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.origin_form().clone();
    *request.headers_mut() = headers;
    request
}

const KEPT_HEADERS: [HeaderName; 9] =
    [CACHE_CONTROL, CONTENT_TYPE, DATE, DPOP_NONCE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE, AWS_ERROR_TYPE, AWS_METADATA_TOKEN_LIFE];
/// What the next proof has to hold (RFC 9449 §8).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const AWS_ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const AWS_METADATA_TOKEN_LIFE: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
/// Greatest head of an answer.
const HEAD_BYTES: usize = 64 * 1024;
