//! What went wrong with a call to someone else's server? For our log, never for the caller.
//!
//! URLs are shown without user name, password, query and fragment, where secrets hide.

use std::fmt;
use std::io;
use std::time::Duration;

use http::StatusCode;
use oauth::server_metadata::IssuerMismatch;
use thiserror::Error;
use url::Url;

use crate::guard::Blocked;

/// Why a fetch gave nothing usable.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The guard refused the URL, or an address that its host resolved to.
    #[error("`{url}` may not be called: {reason}")]
    Blocked {
        /// The URL that was not called.
        url: SafeUrl,
        /// Why.
        reason: Blocked,
    },
    /// No connection to any of the host's addresses.
    #[error("cannot connect to `{url}`")]
    Connect {
        /// The URL that was called.
        url: SafeUrl,
        /// What the system said about the last address.
        source: io::Error,
    },
    /// The connection was made, but the answer is not HTTP or broke off.
    #[error("the exchange with `{url}` broke off")]
    Exchange {
        /// The URL that was called.
        url: SafeUrl,
        /// What hyper said.
        source: hyper::Error,
    },
    /// A 200 answer that is not the JSON document that was asked for.
    #[error("`{url}` did not answer with the expected JSON document")]
    NotJson {
        /// The URL that was called.
        url: SafeUrl,
        /// Where and how it differs.
        source: serde_json::Error,
    },
    /// A redirect. It is not followed: ask for the final URL.
    #[error("`{url}` answered with the redirect {status}, which is not followed")]
    Redirected {
        /// The URL that was called.
        url: SafeUrl,
        /// The 3xx status.
        status: StatusCode,
    },
    /// The host has no address.
    #[error("cannot resolve the host of `{url}`")]
    Resolve {
        /// The URL that was called.
        url: SafeUrl,
        /// What the resolver said.
        source: io::Error,
    },
    /// Neither a success nor a redirect.
    #[error("`{url}` answered {status}")]
    Status {
        /// The URL that was called.
        url: SafeUrl,
        /// The status.
        status: StatusCode,
    },
    /// Not done within the limit.
    #[error("`{url}` took longer than {} ms", after.as_millis())]
    TimedOut {
        /// The URL that was called.
        url: SafeUrl,
        /// The limit.
        after: Duration,
    },
    /// No TLS session, as a rule because the certificate is not trusted.
    #[error("no TLS session with `{url}`")]
    Tls {
        /// The URL that was called.
        url: SafeUrl,
        /// What rustls said.
        source: io::Error,
    },
    /// The body is over the limit.
    #[error("the answer of `{url}` is over {limit} bytes")]
    TooLarge {
        /// The URL that was called.
        url: SafeUrl,
        /// The limit, in bytes.
        limit: usize,
    },
    /// None of the well-known places of an issuer gave usable metadata.
    #[error("no usable metadata for issuer `{issuer}`:{}", Listed(attempts))]
    Undiscovered {
        /// The issuer, exactly as configured.
        issuer: String,
        /// What each place answered, in the order asked.
        attempts: Vec<Failure>,
    },
    /// The metadata names another issuer (RFC 8414 §3.3).
    #[error("`{url}` cannot be used")]
    WrongIssuer {
        /// Where the metadata was.
        url: SafeUrl,
        /// Which issuer it names.
        source: IssuerMismatch,
    },
}

impl Failure {
    /// Whether the same call may succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Exchange { .. } | Self::Resolve { .. } | Self::TimedOut { .. } => true,
            Self::Status { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Undiscovered { attempts, .. } => attempts.iter().any(Self::is_transient),
            _ => false,
        }
    }

    /// Whether asking another path of the same server is pointless.
    pub(crate) fn concerns_whole_server(&self) -> bool {
        match self {
            Self::Blocked { .. } | Self::Connect { .. } | Self::Resolve { .. } | Self::TimedOut { .. } | Self::Tls { .. } => true,
            Self::Exchange { .. }
            | Self::NotJson { .. }
            | Self::Redirected { .. }
            | Self::Status { .. }
            | Self::TooLarge { .. }
            | Self::Undiscovered { .. }
            | Self::WrongIssuer { .. } => false,
        }
    }
}

/// A URL fit for a log line: scheme, host, port and path, at most 256 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeUrl(String);

impl SafeUrl {
    /// Keeps what may be shown of `url`. A text that is no URL is not shown at all, since anything may be in it.
    pub fn of(url: &str) -> Self {
        Url::parse(url).map_or_else(|_| Self("(not a URL)".to_owned()), |url| Self::of_url(&url))
    }

    /// Keeps what may be shown of a parsed URL.
    pub fn of_url(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        // Without a host the rest is opaque (`data:`, `javascript:`).
        let path = if host.is_empty() { "" } else { url.path() };
        let shown = format!("{}://{host}{port}{path}", url.scheme());
        Self(shown.chars().take(MAX_SHOWN_CHARACTERS).collect())
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Several failures with their causes, one a line.
pub(crate) struct Listed<'a>(pub(crate) &'a [Failure]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in self.0 {
            write!(formatter, "\n  {failure}")?;
            let mut cause = std::error::Error::source(failure);
            while let Some(error) = cause {
                write!(formatter, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

const MAX_SHOWN_CHARACTERS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_url_has_no_userinfo_query_or_fragment() {
        let shown = SafeUrl::of("https://user:hunter2@idp.example:8443/keys?token=abc#frag");
        assert_eq!(shown.to_string(), "https://idp.example:8443/keys");
    }

    #[test]
    fn text_that_is_no_url_is_not_shown() {
        assert_eq!(SafeUrl::of("sk-live-secret").to_string(), "(not a URL)");
        assert_eq!(SafeUrl::of("data:text/plain,secret").to_string(), "data://");
    }

    #[test]
    fn failures_of_discovery_are_listed_with_their_causes() {
        let url = SafeUrl::of("https://idp.example/");
        let failure = Failure::Undiscovered {
            issuer: "https://idp.example".to_owned(),
            attempts: vec![
                Failure::Status { url: url.clone(), status: StatusCode::NOT_FOUND },
                Failure::Connect { url, source: io::Error::other("refused by peer") },
            ],
        };
        assert_eq!(
            failure.to_string(),
            "no usable metadata for issuer `https://idp.example`:\n  `https://idp.example/` answered 404 Not Found\n  \
             cannot connect to `https://idp.example/`: refused by peer"
        );
        assert!(failure.is_transient());
    }
}
