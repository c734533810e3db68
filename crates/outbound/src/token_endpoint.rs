//! How is a token endpoint asked? One POST of a form; https but for this machine, 30 seconds, no redirects, a capped answer (RFC 6749 §3.2).

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use oauth::device_authorization::NoCodes;
use oauth::introspection::InvalidIntrospection;
use oauth::token_response::{self, ErrorCode, Expected, InvalidTokenResponse, MAX_BYTES, TokenError, TokenResponse};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::client::{Call, Client, DPOP_NONCE, Fetched, Limits};
use crate::failure::{Failure, SafeUrl};

/// Asks the token endpoint at `url`. `body` is a form; `authorization` the value of that header, where the client proves itself there.
pub async fn ask(
    client: &Client,
    url: &str,
    body: Zeroizing<String>,
    authorization: Option<HeaderValue>,
    expected: Expected,
) -> Result<TokenResponse, TokenFailure> {
    ask_with_proof(client, url, body, Proofs { authorization, dpop: None }, expected).await
}

/// What a client shows besides the form.
pub struct Proofs {
    /// The value of `Authorization`, where it proves itself there.
    pub authorization: Option<HeaderValue>,
    /// That it has the key which the token shall be bound to (RFC 9449 §5).
    pub dpop: Option<HeaderValue>,
}

/// Asks for a token that is bound to a key. A server that wants a nonce in the proof says so: [`TokenFailure::NonceWanted`].
pub async fn ask_with_proof(
    client: &Client,
    url: &str,
    body: Zeroizing<String>,
    proofs: Proofs,
    expected: Expected,
) -> Result<TokenResponse, TokenFailure> {
    let is_bound = proofs.dpop.is_some();
    let fetched = post_with(client, url, body, proofs, LIMITS).await?;
    if is_bound
        && let Some(nonce) = fetched.headers.get(DPOP_NONCE).and_then(|nonce| nonce.to_str().ok())
        && TokenError::read(&fetched.body).is_some_and(|error| error.code == ErrorCode::Other(NONCE_WANTED.into()))
    {
        return Err(TokenFailure::NonceWanted { url: fetched.url.clone(), nonce: nonce.to_owned() });
    }
    read_or_refuse(&fetched, |body| {
        token_response::read(body, expected).map_err(|reason| {
            // Some servers answer 200 and mean no.
            let url = || fetched.url.clone();
            TokenError::read(body)
                .map_or(TokenFailure::BadAnswer { url: url(), reason }, |error| TokenFailure::Refused { url: url(), error })
        })
    })
}

/// Posts a form that holds secrets, and gives whatever is answered.
pub(crate) async fn post(
    client: &Client,
    url: &str,
    body: Zeroizing<String>,
    authorization: Option<HeaderValue>,
    limits: Limits,
) -> Result<Fetched, Failure> {
    post_with(client, url, body, Proofs { authorization, dpop: None }, limits).await
}

async fn post_with(client: &Client, url: &str, body: Zeroizing<String>, proofs: Proofs, limits: Limits) -> Result<Fetched, Failure> {
    let Proofs { authorization, dpop } = proofs;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    if let Some(mut authorization) = authorization {
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
    }
    if let Some(dpop) = dpop {
        headers.insert(DPOP, dpop);
    }
    let body = Bytes::from_owner(Wiped(body));
    client.call(Call { method: Method::POST, url, headers, body }, limits).await
}

/// Why there is no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenFailure {
    /// A 200 that holds no token that we could use.
    #[error("the answer of `{url}` cannot be used: {reason}")]
    BadAnswer {
        /// Who answered.
        url: SafeUrl,
        /// Why.
        reason: InvalidTokenResponse,
    },
    /// A 200 that holds no codes for a device.
    #[error("the answer of `{url}` cannot be used: {reason}")]
    BadCodes {
        /// Who answered.
        url: SafeUrl,
        /// Why.
        reason: NoCodes,
    },
    /// A 200 that does not say whether a token is good.
    #[error("the answer of `{url}` cannot be used: {reason}")]
    BadIntrospection {
        /// Who answered.
        url: SafeUrl,
        /// Why.
        reason: InvalidIntrospection,
    },
    /// The proof has to hold this nonce (RFC 9449 §8).
    #[error("`{url}` wants a nonce in the proof of the key")]
    NonceWanted {
        /// Who answered.
        url: SafeUrl,
        /// Which.
        nonce: String,
    },
    /// A 400 that holds nothing. RFC 6749 §5.2 wants to know why; some servers just say no to what was brought.
    #[error("`{url}` answered 400, and nothing else")]
    Mute {
        /// Who answered.
        url: SafeUrl,
    },
    /// No answer at all.
    #[error(transparent)]
    NoAnswer(#[from] Failure),
    /// OAuth's own no, or not now.
    #[error("`{url}` gives no token: {error}")]
    Refused {
        /// Who answered.
        url: SafeUrl,
        /// What it says.
        error: TokenError,
    },
    /// Something that no token endpoint says, such as the error page of a proxy.
    #[error("`{url}` answered {status} and not as a token endpoint does")]
    Stray {
        /// Who answered.
        url: SafeUrl,
        /// The status.
        status: StatusCode,
    },
}

impl TokenFailure {
    /// Whether the same request may succeed a little later without anybody changing anything. What is wrong with a proxy in between, or with a server that is being
    /// restarted, never means that a client or a grant is no longer good.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::BadAnswer { .. }
            | Self::BadCodes { .. }
            | Self::BadIntrospection { .. }
            | Self::Mute { .. }
            | Self::NonceWanted { .. } => false,
            Self::NoAnswer(failure) => failure.is_transient(),
            Self::Refused { error, .. } => error.code.is_transient(),
            Self::Stray { .. } => true,
        }
    }
}

/// What `read` makes of a 200; of every other answer, why it is none.
pub(crate) fn read_or_refuse<T>(fetched: &Fetched, read: impl FnOnce(&[u8]) -> Result<T, TokenFailure>) -> Result<T, TokenFailure> {
    let url = || fetched.url.clone();
    let is_page = fetched.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(is_html);
    let status = fetched.status;
    if is_page || status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return match TokenError::read(&fetched.body) {
            Some(error) if error.code.is_transient() => Err(TokenFailure::Refused { url: url(), error }),
            _ => Err(TokenFailure::Stray { url: url(), status }),
        };
    }
    if status == StatusCode::OK {
        return read(&fetched.body);
    }
    match TokenError::read(&fetched.body) {
        Some(error) => Err(TokenFailure::Refused { url: url(), error }),
        None if status == StatusCode::BAD_REQUEST && fetched.body.is_empty() => Err(TokenFailure::Mute { url: url() }),
        None if status.is_client_error() => Err(TokenFailure::NoAnswer(Failure::Status { url: url(), status })),
        None => Err(TokenFailure::Stray { url: url(), status }),
    }
}

const DPOP: HeaderName = HeaderName::from_static("dpop");
const NONCE_WANTED: &str = "use_dpop_nonce";

fn is_html(kind: &str) -> bool {
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

/// A body that is wiped when the connection has let go of it.
struct Wiped(Zeroizing<String>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

pub(crate) const LIMITS: Limits = Limits { body_bytes: MAX_BYTES, timeout: Duration::from_secs(30) };
