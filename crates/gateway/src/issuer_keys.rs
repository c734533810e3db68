//! Which keys does an issuer sign with just now? Discovered at first use, kept fresh, fetched once for many waiting calls.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use oauth::issuer::Issuer;
use token::{KeySet, Unverified};
use tokio::sync::Mutex;
use url::Url;

use crate::annex::{KeysAtHand, KeysAway};
use crate::clock::Clock;

/// The keys of one issuer.
pub(crate) struct IssuerKeys {
    name: Issuer,
    source: Source,
    clock: Clock,
    current: ArcSwapOption<Kept>,
    /// Held while fetching: whoever waits finds the result when it is free. Dropping the holder frees it, so nobody hangs.
    fetching: Mutex<Attempts>,
}

/// Where the keys come from.
enum Source {
    /// They are published.
    Published(outbound::client::Client),
    /// The issuer is here.
    AtHand(Arc<dyn KeysAtHand>),
}

struct Kept {
    keys: Arc<KeySet>,
    etag: Option<String>,
    /// Where they were fetched; `None`: they are at hand.
    jwks_uri: Option<Url>,
    fetched_at: Duration,
    fresh_until: Duration,
}

#[derive(Default)]
struct Attempts {
    last_failed: Option<Duration>,
    last_unknown: Option<Duration>,
}

/// Why keys are fetched; each has its own pause, so that an issuer that is away is asked again soon while invented key ids cost it nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    NoKeys,
    Stale,
    UnknownKey,
}

/// The keys cannot be had; the reason has been logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unavailable;

impl IssuerKeys {
    pub(crate) fn new(issuer: Issuer, client: outbound::client::Client, clock: Clock) -> Self {
        Self::from(issuer, Source::Published(client), clock)
    }

    /// The keys of an issuer that is at hand.
    pub(crate) fn at_hand(issuer: Issuer, keys: Arc<dyn KeysAtHand>, clock: Clock) -> Self {
        Self::from(issuer, Source::AtHand(keys), clock)
    }

    fn from(name: Issuer, source: Source, clock: Clock) -> Self {
        Self { name, source, clock, current: ArcSwapOption::empty(), fetching: Mutex::default() }
    }

    /// A key set that is worth asking about this token: the kept one, or a fetched one where the kept one is stale or lacks the key.
    ///
    /// An unknown key id makes at most one fetch per [`COOL_DOWN`], so that a flood of invented ids costs the issuer nothing.
    pub(crate) async fn for_token(self: &Arc<Self>, unverified: &Unverified<'_>) -> Result<Arc<KeySet>, Unavailable> {
        let now = self.clock.monotonic();
        let believable = |kept: &Arc<Kept>| now < kept.fetched_at + USABLE_FOR;
        match self.current.load_full().filter(believable) {
            None => self.refresh(now, Why::NoKeys).await,
            Some(kept) if kept.keys.find(unverified).is_err_and(token::Refusal::may_need_newer_keys) => {
                self.refresh(now, Why::UnknownKey).await;
            }
            Some(kept) if now >= kept.fresh_until => {
                let keys = Arc::clone(self);
                tokio::spawn(async move { keys.refresh(now, Why::Stale).await });
            }
            Some(_) => {}
        }
        self.current.load_full().filter(believable).map(|kept| Arc::clone(&kept.keys)).ok_or(Unavailable)
    }

    /// Fetches, unless somebody has since `asked_at` or it was tried too short a time ago.
    async fn refresh(&self, asked_at: Duration, why: Why) {
        let mut attempts = self.fetching.lock().await;
        let fetched_meanwhile = self.current.load().as_ref().is_some_and(|kept| kept.fetched_at > asked_at);
        let now = self.clock.monotonic();
        let too_soon = match why {
            Why::NoKeys | Why::Stale => attempts.last_failed.is_some_and(|last| now < last + AFTER_A_FAILURE),
            Why::UnknownKey => attempts.last_unknown.is_some_and(|last| now < last + self.cool_down()),
        };
        if fetched_meanwhile || too_soon {
            return;
        }
        if why == Why::UnknownKey {
            attempts.last_unknown = Some(now);
        }
        match Box::pin(self.fetch()).await {
            Ok(kept) => self.current.store(Some(Arc::new(kept))),
            Err(error) => {
                attempts.last_failed = Some(self.clock.monotonic());
                let error = &error as &dyn std::error::Error;
                tracing::warn!(target: "door", issuer = self.name.as_str(), error, "the issuer's keys could not be fetched");
            }
        }
    }

    /// Asking what is at hand costs little, so a key that was made just now is known at once.
    fn cool_down(&self) -> Duration {
        match self.source {
            Source::Published(_) => COOL_DOWN,
            Source::AtHand(_) => COOL_DOWN_AT_HAND,
        }
    }

    async fn fetch(&self) -> Result<Kept, FetchError> {
        match &self.source {
            Source::Published(client) => self.fetch_published(client).await,
            Source::AtHand(keys) => {
                let keys = Arc::new(self.read(keys.document().await?.as_bytes())?);
                let now = self.clock.monotonic();
                Ok(Kept { keys, etag: None, jwks_uri: None, fetched_at: now, fresh_until: now + FRESH_AT_HAND })
            }
        }
    }

    async fn fetch_published(&self, client: &outbound::client::Client) -> Result<Kept, FetchError> {
        let kept = self.current.load_full();
        let jwks_uri = match kept.as_ref().and_then(|kept| kept.jwks_uri.clone()) {
            Some(jwks_uri) => jwks_uri,
            None => self.discover(client).await?,
        };
        let etag = kept.as_ref().and_then(|kept| kept.etag.as_deref());
        let document = outbound::jwks::fetch(client, &jwks_uri, etag).await?;
        let now = self.clock.monotonic();
        let fresh_until = now + document.max_age.unwrap_or(FRESH_AT_LEAST).clamp(FRESH_AT_LEAST, FRESH_AT_MOST);
        let keys = match (document.body, kept) {
            (Some(body), _) => Arc::new(self.read(&body)?),
            (None, Some(kept)) => Arc::clone(&kept.keys),
            (None, None) => return Err(FetchError::NotModifiedAtFirst),
        };
        Ok(Kept { keys, etag: document.etag, jwks_uri: Some(jwks_uri), fetched_at: now, fresh_until })
    }

    fn read(&self, document: &[u8]) -> Result<KeySet, FetchError> {
        let (keys, skipped) = KeySet::from_jwks(document)?;
        for key in skipped {
            tracing::warn!(target: "door", issuer = self.name.as_str(), %key, "a key of the issuer is not usable");
        }
        Ok(keys)
    }

    async fn discover(&self, client: &outbound::client::Client) -> Result<Url, FetchError> {
        let metadata = outbound::discovery::discover(client, &self.name).await?;
        let uri = metadata.jwks_uri.ok_or(FetchError::NoKeys)?;
        Url::parse(&uri).map_err(FetchError::KeyUrl)
    }
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Outbound(#[from] outbound::failure::Failure),
    #[error(transparent)]
    AtHand(#[from] KeysAway),
    #[error("the key set cannot be read")]
    KeySet(#[from] token::JwksError),
    #[error("the issuer's metadata names no `jwks_uri`")]
    NoKeys,
    #[error("the issuer's `jwks_uri` is no URL")]
    KeyUrl(#[source] url::ParseError),
    #[error("the issuer answered 304 to the first request for its keys")]
    NotModifiedAtFirst,
}

const AFTER_A_FAILURE: Duration = Duration::from_secs(2);
const COOL_DOWN: Duration = Duration::from_secs(30);
const COOL_DOWN_AT_HAND: Duration = Duration::from_secs(1);
const FRESH_AT_HAND: Duration = Duration::from_secs(60);
const FRESH_AT_LEAST: Duration = Duration::from_secs(300);
const FRESH_AT_MOST: Duration = Duration::from_secs(24 * 3600);
/// Beyond this a kept set is no longer believed, however long the issuer is away.
const USABLE_FOR: Duration = Duration::from_secs(48 * 3600);
