//! Which keys does an issuer sign with just now? Discovered at first use, kept fresh, fetched once for many waiting calls.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use oauth::issuer::Issuer;
use token::{KeySet, Unverified};
use tokio::sync::Mutex;
use url::Url;

use crate::clock::Clock;

/// The keys of one issuer.
pub(crate) struct IssuerKeys {
    issuer: Issuer,
    client: outbound::client::Client,
    clock: Clock,
    current: ArcSwapOption<Fetched>,
    /// Held while fetching: whoever waits finds the result when it is free. Dropping the holder frees it, so nobody hangs.
    fetching: Mutex<Attempts>,
}

struct Fetched {
    keys: Arc<KeySet>,
    etag: Option<String>,
    jwks_uri: Url,
    fetched_at: Duration,
    fresh_until: Duration,
}

#[derive(Default)]
struct Attempts {
    last: Option<Duration>,
}

/// The keys cannot be had; the reason has been logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unavailable;

impl IssuerKeys {
    pub(crate) fn new(issuer: Issuer, client: outbound::client::Client, clock: Clock) -> Self {
        Self { issuer, client, clock, current: ArcSwapOption::empty(), fetching: Mutex::default() }
    }

    /// A key set that is worth asking about this token: the kept one, or a fetched one where the kept one is stale or lacks the key.
    ///
    /// An unknown key id makes at most one fetch per [`COOL_DOWN`], so that a flood of invented ids costs the issuer nothing.
    pub(crate) async fn for_token(self: &Arc<Self>, unverified: &Unverified<'_>) -> Result<Arc<KeySet>, Unavailable> {
        let now = self.clock.monotonic();
        match self.current.load_full() {
            Some(kept) if kept.keys.find(unverified).is_ok() && now < kept.fetched_at + USABLE_FOR => {
                if now >= kept.fresh_until {
                    let keys = Arc::clone(self);
                    tokio::spawn(async move { keys.refresh(now).await });
                }
                Ok(Arc::clone(&kept.keys))
            }
            kept => {
                self.refresh(now).await;
                let usable = |fetched: &Arc<Fetched>| now < fetched.fetched_at + USABLE_FOR;
                self.current.load_full().or(kept).filter(usable).map(|fetched| Arc::clone(&fetched.keys)).ok_or(Unavailable)
            }
        }
    }

    /// Fetches unless somebody did since `asked_at`, or tried within the cool-down.
    async fn refresh(&self, asked_at: Duration) {
        let mut attempts = self.fetching.lock().await;
        let fetched_meanwhile = self.current.load().as_ref().is_some_and(|kept| kept.fetched_at >= asked_at && kept.fetched_at > Duration::ZERO);
        let cooling = attempts.last.is_some_and(|last| self.clock.monotonic() < last + COOL_DOWN);
        if fetched_meanwhile || cooling {
            return;
        }
        attempts.last = Some(self.clock.monotonic());
        match self.fetch().await {
            Ok(fetched) => self.current.store(Some(Arc::new(fetched))),
            Err(error) => tracing::warn!(target: "door", issuer = self.issuer.as_str(), error = &error as &dyn std::error::Error, "the issuer's keys could not be fetched"),
        }
    }

    async fn fetch(&self) -> Result<Fetched, FetchError> {
        let kept = self.current.load_full();
        let jwks_uri = match &kept {
            Some(kept) => kept.jwks_uri.clone(),
            None => self.discover().await?,
        };
        let etag = kept.as_ref().and_then(|kept| kept.etag.as_deref());
        let document = outbound::jwks::fetch(&self.client, &jwks_uri, etag).await?;
        let now = self.clock.monotonic();
        let fresh_until = now + document.max_age.unwrap_or(FRESH_AT_LEAST).clamp(FRESH_AT_LEAST, FRESH_AT_MOST);
        let keys = match (document.body, kept) {
            (Some(body), _) => {
                let (keys, skipped) = KeySet::from_jwks(&body)?;
                for key in skipped {
                    tracing::warn!(target: "door", issuer = self.issuer.as_str(), %key, "a key of the issuer is not usable");
                }
                Arc::new(keys)
            }
            (None, Some(kept)) => Arc::clone(&kept.keys),
            (None, None) => return Err(FetchError::NotModifiedAtFirst),
        };
        Ok(Fetched { keys, etag: document.etag, jwks_uri, fetched_at: now, fresh_until })
    }

    async fn discover(&self) -> Result<Url, FetchError> {
        let metadata = outbound::discovery::discover(&self.client, &self.issuer).await?;
        let uri = metadata.jwks_uri.ok_or(FetchError::NoKeys)?;
        Url::parse(&uri).map_err(FetchError::KeyUrl)
    }
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Outbound(#[from] outbound::failure::Failure),
    #[error("the key set cannot be read")]
    KeySet(#[from] token::JwksError),
    #[error("the issuer's metadata names no `jwks_uri`")]
    NoKeys,
    #[error("the issuer's `jwks_uri` is no URL")]
    KeyUrl(#[source] url::ParseError),
    #[error("the issuer answered 304 to the first request for its keys")]
    NotModifiedAtFirst,
}

const COOL_DOWN: Duration = Duration::from_secs(30);
const FRESH_AT_LEAST: Duration = Duration::from_secs(300);
const FRESH_AT_MOST: Duration = Duration::from_secs(24 * 3600);
/// Beyond this a kept set is no longer believed, however long the issuer is away.
const USABLE_FOR: Duration = Duration::from_secs(48 * 3600);
