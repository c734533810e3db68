//! Is somebody still there? What a provider has said about each of its people, sealed, and the refresh token by which it is asked again.
//!
//! One entry for each person, however often and wherever they have signed in. A provider that gives refresh tokens is asked at our own refreshes, when the last word is older than
//! [`Provider::look_every`](super::Provider::look_every); while it does not answer, its last word counts for a day. Of a provider that gives none nothing more is heard, so its last word counts for as long as
//! somebody is known to their browser.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Identity, NotRenewed, OpenIdProvider, Provider, Renewed, SignedIn};
use crate::config::Allowance;
use crate::grant::Person;
use crate::refusal::Failure;
use crate::shelf::{Found, Shelf, hashed};

/// Everybody who has come from a provider.
pub(crate) struct People {
    shelf: Shelf,
    /// How long an entry lives that a provider vouches for.
    vouched_for: Duration,
    /// How long one lives that nobody vouches for.
    unvouched: Duration,
}

/// What is known of somebody.
#[derive(Debug)]
pub(crate) enum Look {
    /// The provider has not answered for too long.
    Away,
    /// They are there no more.
    Gone,
    /// Whoever runs this server does not let them in any more.
    NotAdmitted,
    /// As they are now.
    There(Box<Person>),
}

/// What a provider has said about somebody.
#[derive(Clone, Serialize, Deserialize)]
struct Known {
    identity: Identity,
    vouching: Option<Vouching>,
    /// Unix seconds of the provider's last word.
    heard_at: u64,
    /// Unix seconds at which it was last asked, whether it answered or not.
    asked_at: u64,
}

/// What gets word of somebody.
#[derive(Clone, Serialize, Deserialize)]
struct Vouching {
    refresh_token: Zeroizing<String>,
    /// Of the sign-in that it is from.
    nonce: String,
}

impl People {
    pub(crate) fn new(shelf: Shelf, vouched_for: Duration, unvouched: Duration) -> Arc<Self> {
        Arc::new(Self { shelf, vouched_for, unvouched })
    }

    /// Remembers somebody who has just signed in.
    pub(crate) async fn came(&self, provider: &Provider, signed_in: SignedIn, nonce: &str, now: u64) -> Result<(), Failure> {
        let SignedIn { identity, refresh_token } = signed_in;
        let place = place(&provider.subject(&identity));
        let vouching = match refresh_token {
            Some(token) => Some(Vouching { refresh_token: Zeroizing::new(token.expose_secret().to_owned()), nonce: nonce.to_owned() }),
            // Some give one at the first time only, and it stays good.
            None => self.shelf.find::<Known>(&place).await?.and_then(|found| found.value.vouching),
        };
        let known = Known { identity, vouching, heard_at: now, asked_at: now };
        self.shelf.put(&place, &known, Some(self.lives(&known))).await
    }

    /// How somebody is now, who was from this provider.
    pub(crate) async fn look(
        self: &Arc<Self>,
        provider: &Provider,
        subject: &str,
        allowance: &Allowance,
        now: u64,
    ) -> Result<Look, Failure> {
        let place = place(subject);
        let Some(mut found) = self.shelf.find::<Known>(&place).await? else { return Ok(Look::Gone) };
        if found.value.is_due(provider, now) {
            match self.ask(provider, &place, &found, now).await? {
                Some(heard) => found = heard,
                None => return Ok(Look::Gone),
            }
        }
        let known = found.value;
        Ok(if known.is_out_of_date(now) {
            Look::Away
        } else if provider.admits(&known.identity) {
            Look::There(Box::new(provider.person(&known.identity, allowance)))
        } else {
            Look::NotAdmitted
        })
    }

    /// Asks the provider, and remembers what it says. `None`: the person has gone.
    ///
    /// One of all who are at it asks: a refresh token that is good once must not be shown twice. The others go on with what is known.
    async fn ask(
        self: &Arc<Self>,
        provider: &Provider,
        place: &str,
        found: &Found<Known>,
        now: u64,
    ) -> Result<Option<Found<Known>>, Failure> {
        let asking = Known { asked_at: now, ..found.value.clone() };
        let is_ours = self.shelf.replace(place, found, &asking, Some(self.lives(&asking))).await?;
        let Some(found) = self.shelf.find::<Known>(place).await? else { return Ok(None) };
        if !is_ours {
            return Ok(Some(found));
        }
        // In a task of its own: a client that hangs up must not lose us the next refresh token.
        let (people, way, name, place) = (Arc::clone(self), Arc::clone(&provider.way), provider.name.clone(), place.to_owned());
        let asked = tokio::spawn(async move { people.hear(&*way, &name, &place, found, now).await });
        asked.await.map_err(|_| Failure::Contended)?
    }

    async fn hear(
        &self,
        way: &dyn OpenIdProvider,
        name: &str,
        place: &str,
        found: Found<Known>,
        now: u64,
    ) -> Result<Option<Found<Known>>, Failure> {
        let Some(vouching) = found.value.vouching.clone() else { return Ok(Some(found)) };
        let token = SecretString::from(vouching.refresh_token.as_str());
        let known = match way.renew(&token, &vouching.nonce).await {
            Ok(renewed) => found.value.clone().after(renewed, vouching, now),
            Err(NotRenewed::Over) => None,
            Err(NotRenewed::Away(away)) => {
                let error = &away as &dyn std::error::Error;
                tracing::warn!(target: "issuer", provider = name, error, "a provider does not say whether somebody is still there");
                return Ok(Some(found));
            }
        };
        let Some(known) = known else {
            // Unless they have signed in anew meanwhile.
            let is_over = self.shelf.remove(place, &found).await?;
            return if is_over { Ok(None) } else { self.shelf.find(place).await };
        };
        self.shelf.replace(place, &found, &known, Some(self.lives(&known))).await?;
        self.shelf.find(place).await
    }

    fn lives(&self, known: &Known) -> Duration {
        if known.vouching.is_some() { self.vouched_for } else { self.unvouched }
    }
}

impl Known {
    fn is_due(&self, provider: &Provider, now: u64) -> bool {
        let is_old = now >= self.heard_at.saturating_add(provider.look_every.as_secs());
        // Or was, and did not answer.
        let is_being_asked = self.asked_at != self.heard_at && now < self.asked_at.saturating_add(AGAIN_AFTER);
        self.vouching.is_some() && is_old && !is_being_asked
    }

    fn is_out_of_date(&self, now: u64) -> bool {
        self.vouching.is_some() && now >= self.heard_at.saturating_add(COUNTS_FOR)
    }

    /// As it is now that there is word. `None`: the word is about somebody else, so there is none of this person.
    fn after(self, renewed: Renewed, before: Vouching, now: u64) -> Option<Self> {
        let Renewed { identity, refresh_token } = renewed;
        if identity.as_ref().is_some_and(|identity| identity.subject != self.identity.subject) {
            return None;
        }
        let refresh_token = refresh_token.map_or(before.refresh_token, |token| Zeroizing::new(token.expose_secret().to_owned()));
        Some(Self {
            identity: identity.unwrap_or(self.identity),
            vouching: Some(Vouching { refresh_token, nonce: before.nonce }),
            heard_at: now,
            asked_at: now,
        })
    }
}

fn place(subject: &str) -> String {
    hashed(PLACE, subject)
}

const PLACE: &str = "issuer/person/";
/// Seconds for which a provider's last word counts while it does not answer.
const COUNTS_FOR: u64 = 24 * 3600;
/// Seconds after which a provider that did not answer is asked again about the same person: longer than asking can take.
const AGAIN_AFTER: u64 = 120;
