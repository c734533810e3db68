//! What is kept of one grant? Its tokens and their times, as the bytes that are sealed.

use std::borrow::Cow;
use std::time::Duration;

use oauth::token_response::TokenResponse;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The tokens of one person.
pub(crate) struct Grant {
    pub(crate) access: SecretString,
    /// Unix milliseconds at which it was given, and at which it ends; `None`: it is good until it is refused.
    pub(crate) given_at: u64,
    pub(crate) ends_at: Option<u64>,
    /// What gets the next one; `None`: the person has to be asked again.
    pub(crate) refresh: Option<SecretString>,
    pub(crate) scopes: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire<'g> {
    #[serde(borrow)]
    access: Cow<'g, str>,
    given_at: u64,
    ends_at: Option<u64>,
    #[serde(borrow)]
    refresh: Option<Cow<'g, str>>,
    scopes: Option<Cow<'g, str>>,
}

impl Grant {
    /// What an authorization server gave, asked at `now` (Unix milliseconds).
    pub(crate) fn of(tokens: &TokenResponse, now: u64) -> Self {
        let milliseconds = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self {
            access: tokens.token.clone(),
            given_at: now,
            ends_at: tokens.expires_in.map(|left| now.saturating_add(milliseconds(left))),
            refresh: tokens.refresh_token.clone(),
            scopes: tokens.scopes.as_ref().map(ToString::to_string),
        }
    }

    /// The same, where the server leaves out what has not changed (RFC 6749 §6).
    pub(crate) fn renewed(&self, tokens: &TokenResponse, now: u64) -> Self {
        let renewed = Self::of(tokens, now);
        Self {
            refresh: renewed.refresh.or_else(|| self.refresh.clone()),
            scopes: renewed.scopes.or_else(|| self.scopes.clone()),
            ..renewed
        }
    }

    /// For how long the access token is still good; `None`: until it is refused.
    pub(crate) fn time_left(&self, now: u64) -> Option<Duration> {
        self.ends_at.map(|end| Duration::from_millis(end.saturating_sub(now)))
    }

    /// Whether the next access token should be got: the last tenth of its life has begun, or the last `early` of it.
    pub(crate) fn is_ripe(&self, now: u64, early: Duration) -> bool {
        let Some((left, end)) = self.time_left(now).zip(self.ends_at) else { return false };
        let life = Duration::from_millis(end.saturating_sub(self.given_at));
        left <= early.min(life / 10)
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let wire = Wire {
            access: self.access.expose_secret().into(),
            given_at: self.given_at,
            ends_at: self.ends_at,
            refresh: self.refresh.as_ref().map(|refresh| refresh.expose_secret().into()),
            scopes: self.scopes.as_deref().map(Into::into),
        };
        let refresh = self.refresh.as_ref().map_or(0, |refresh| refresh.expose_secret().len());
        let texts = self.access.expose_secret().len() + refresh + self.scopes.as_ref().map_or(0, String::len);
        // Room for all of it from the start, escapes included: growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(6 * texts + 256));
        // Texts and numbers into memory: there is nothing that could fail.
        let _written = serde_json::to_writer(&mut *bytes, &wire);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let wire: Wire<'_> = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            access: secret(wire.access),
            given_at: wire.given_at,
            ends_at: wire.ends_at,
            refresh: wire.refresh.map(secret),
            scopes: wire.scopes.map(Cow::into_owned),
        })
    }
}

fn secret(text: Cow<'_, str>) -> SecretString {
    match text {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(access: &str, refresh: Option<&str>) -> Grant {
        Grant {
            access: access.into(),
            given_at: 1_000,
            ends_at: Some(3_601_000),
            refresh: refresh.map(Into::into),
            scopes: Some("a b".to_owned()),
        }
    }

    #[test]
    fn a_grant_comes_back_as_it_was() {
        for (access, refresh) in [("abc", Some("def")), ("a\"b\\c", None), ("x", Some("\\\"\\"))] {
            let bytes = grant(access, refresh).to_bytes();
            let read = Grant::from_bytes(&bytes).unwrap();
            assert_eq!(read.access.expose_secret(), access);
            assert_eq!(read.refresh.as_ref().map(SecretString::expose_secret), refresh);
            assert_eq!((read.given_at, read.ends_at, read.scopes.as_deref()), (1_000, Some(3_601_000), Some("a b")));
            assert!(bytes.capacity() >= bytes.len());
        }
        assert!(Grant::from_bytes(b"{}").is_none());
        assert!(Grant::from_bytes(b"not json").is_none());
    }

    #[test]
    fn it_is_ripe_in_the_last_tenth_of_its_life_or_earlier_than_that_never() {
        let (grant, early) = (grant("a", None), Duration::from_secs(300));
        assert!(!grant.is_ripe(1_000, early));
        assert!(!grant.is_ripe(3_300_999, early));
        assert!(grant.is_ripe(3_301_000, early));
        assert!(grant.is_ripe(9_999_000, early));
        assert!(!grant.is_ripe(3_240_000, Duration::from_secs(7200)));
        assert!(grant.is_ripe(3_241_000, Duration::from_secs(7200)));
        assert!(!Grant { ends_at: None, ..grant }.is_ripe(u64::MAX, early));
    }
}
