//! What has a person granted to a client, and who may go on using it? Grants in the store, each with the one line of refresh tokens that descends from it. (RFC 6749 §6, OAuth 2.1 §4.3.1)
//!
//! A refresh token says of which grant and which generation it is, and is authenticated by a key of this instance: the store holds only the number of the
//! generation that may be used next. Using it counts one up. The one before it is still answered, with the very same successor, for as long as that was not used:
//! an answer that was lost on its way costs nobody their login, and a thousand requests at once have one descendant. Anything older was stolen, from the client or by
//! it, and ends the grant (RFC 9700 §4.14.2).

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::seal::InstanceKey;
use zeroize::Zeroizing;

use crate::refusal::Failure;
use crate::shelf::{Found, Shelf};

/// What a person has granted to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who granted it.
    pub person: Person,
    /// To whom.
    pub client_id: String,
    /// As people call it.
    pub client_name: String,
    /// What was granted.
    pub scopes: ScopeSet,
    /// For what.
    pub resource: Resource,
    /// Unix seconds.
    pub granted_at: u64,
    /// Unix seconds of the last use.
    pub used_at: u64,
    /// Unix seconds at which the person had signed in.
    pub signed_in_at: u64,
    /// The key that its tokens are bound to, by its thumbprint.
    pub dpop_key: Option<String>,
    /// Unix seconds at which the last of its access tokens ends: whatever lifetimes are by then, so long it has to be known that it was revoked.
    #[serde(default)]
    pub(crate) tokens_until: u64,
    /// The generation of refresh tokens that may be used next; `None`: the grant ends with its first access token.
    pub(crate) generation: Option<u32>,
}

/// A person, as far as grants are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The subject of their tokens.
    pub subject: String,
    /// Their name for themselves.
    pub name: String,
    /// Where they signed in: a provider's name, or nothing for a local account.
    pub provider: Option<String>,
    /// The groups that they were in.
    pub groups: Vec<String>,
}

/// All grants.
pub(crate) struct Grants {
    key: hmac::Key,
    idle: Duration,
    longest: Duration,
}

/// What a refresh token says, once it is known to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Presented {
    id: GrantId,
    generation: u32,
}

/// Which grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GrantId([u8; 16]);

/// What comes of a refresh token.
#[derive(Debug)]
pub(crate) enum Renewal {
    /// The grant as it is now, and the token to go on with.
    Goes(Box<Grant>, SecretString),
    /// It was used before: the grant has been ended.
    Stolen(Box<Grant>),
    /// There is no such grant any more, or this may not be used.
    Gone,
}

impl Grants {
    pub(crate) fn new(instance: &InstanceKey, idle: Duration, longest: Duration) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, instance.derive("refresh token", "").as_slice()), idle, longest }
    }

    /// Keeps a new grant; one without refresh tokens for as long as its first access token may be used.
    pub(crate) async fn begin(&self, shelf: &Shelf, id: GrantId, grant: &Grant, now: u64, access_token: Duration) -> Result<(), Failure> {
        let lives = grant.generation.map_or(access_token, |_| self.lives(grant, now));
        shelf.put(&id.place(), grant, Some(lives)).await
    }

    /// The refresh token of a grant as it is now.
    pub(crate) fn token_of(&self, id: GrantId, generation: u32) -> SecretString {
        let mut bytes = Zeroizing::new([0_u8; TOKEN_BYTES]);
        let (said, proof) = bytes.split_at_mut(SAID_BYTES);
        said.iter_mut().zip(id.0.into_iter().chain(generation.to_be_bytes())).for_each(|(place, byte)| *place = byte);
        let tag = hmac::sign(&self.key, said);
        proof.iter_mut().zip(tag.as_ref()).for_each(|(place, byte)| *place = *byte);
        let mut text = String::with_capacity(PREFIX.len() + TOKEN_BYTES * 4 / 3 + 4);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        text.into()
    }

    /// What a text says that may be a refresh token of ours. Costs no question to the store.
    pub(crate) fn read(&self, text: &str) -> Option<Presented> {
        let encoded = text.strip_prefix(PREFIX)?;
        let mut bytes = Zeroizing::new([0_u8; TOKEN_BYTES]);
        // Exactly as long as ours are, or it is none.
        if URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()).ok()? != TOKEN_BYTES {
            return None;
        }
        let (said, proof) = bytes.split_at(SAID_BYTES);
        verify_slices_are_equal(hmac::sign(&self.key, said).as_ref(), proof).ok()?;
        let (id, generation) = said.split_first_chunk::<16>()?;
        Some(Presented { id: GrantId(*id), generation: u32::from_be_bytes(generation.try_into().ok()?) })
    }

    /// Uses a refresh token. `may` says whether this client, with this key, may use the grant, and what the grant shall be from now on.
    pub(crate) async fn renew<E>(
        &self,
        shelf: &Shelf,
        presented: Presented,
        now: u64,
        may: impl Fn(&mut Grant) -> Result<(), E>,
    ) -> Result<Result<Renewal, E>, Failure> {
        let Presented { id, generation } = presented;
        for _ in 0..ATTEMPTS {
            let found: Option<Found<Grant>> = shelf.find(&id.place()).await?;
            let Some(found) = found.filter(|found| self.is_alive(&found.value, now)) else { return Ok(Ok(Renewal::Gone)) };
            let mut grant = found.value.clone();
            if let Err(refused) = may(&mut grant) {
                return Ok(Err(refused));
            }
            let Some(current) = grant.generation else { return Ok(Ok(Renewal::Gone)) };
            if generation.checked_add(1) == Some(current) {
                // What is given now may live longer than what was lost.
                let is_kept = grant.tokens_until == found.value.tokens_until
                    || shelf.replace(&id.place(), &found, &grant, Some(self.lives(&grant, now))).await?;
                if is_kept {
                    return Ok(Ok(Renewal::Goes(Box::new(grant), self.token_of(id, current))));
                }
                continue;
            }
            if generation > current {
                return Ok(Ok(Renewal::Gone));
            }
            if generation < current {
                self.end(shelf, id).await?;
                return Ok(Ok(Renewal::Stolen(Box::new(grant))));
            }
            let Some(next) = current.checked_add(1) else { return Ok(Ok(Renewal::Gone)) };
            (grant.generation, grant.used_at) = (Some(next), now);
            if shelf.replace(&id.place(), &found, &grant, Some(self.lives(&grant, now))).await? {
                return Ok(Ok(Renewal::Goes(Box::new(grant), self.token_of(id, next))));
            }
        }
        Err(Failure::Contended)
    }

    /// The grant that a refresh token is of, if the token may still be used or its successor may.
    pub(crate) async fn peek(&self, shelf: &Shelf, presented: Presented, now: u64) -> Result<Option<Grant>, Failure> {
        let grant = self.find(shelf, presented.id, now).await?;
        let may_be_used = |grant: &Grant| {
            grant.generation.is_some_and(|current| current.saturating_sub(presented.generation) <= 1 && presented.generation <= current)
        };
        Ok(grant.filter(may_be_used))
    }

    pub(crate) async fn find(&self, shelf: &Shelf, id: GrantId, now: u64) -> Result<Option<Grant>, Failure> {
        Ok(shelf.find(&id.place()).await?.map(|found| found.value).filter(|grant| self.is_alive(grant, now)))
    }

    /// Ends a grant; what it was, if it was there.
    pub(crate) async fn end(&self, shelf: &Shelf, id: GrantId) -> Result<Option<Grant>, Failure> {
        shelf.take(&id.place()).await
    }

    /// Every grant that lives.
    pub(crate) async fn all(&self, shelf: &Shelf, now: u64) -> Result<Vec<(GrantId, Grant)>, Failure> {
        let all = shelf.all::<Grant>(PLACE, MOST).await?;
        let named = all.into_iter().filter_map(|(key, grant)| Some((GrantId::parse(key.strip_prefix(PLACE)?)?, grant)));
        Ok(named.filter(|(_, grant)| self.is_alive(grant, now)).collect())
    }

    /// Seconds until a grant ends, if it is not used again. Nothing that comes of it lives longer.
    pub(crate) fn left(&self, grant: &Grant, now: u64) -> u64 {
        let ends = grant.granted_at.saturating_add(self.longest.as_secs()).min(grant.used_at.saturating_add(self.idle.as_secs()));
        ends.saturating_sub(now)
    }

    fn is_alive(&self, grant: &Grant, now: u64) -> bool {
        self.left(grant, now) > 0
    }

    fn lives(&self, grant: &Grant, now: u64) -> Duration {
        let end = grant.granted_at.saturating_add(self.longest.as_secs());
        self.idle.min(Duration::from_secs(end.saturating_sub(now)))
    }
}

impl GrantId {
    pub(crate) fn new() -> Result<Self, Failure> {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Failure::Random)?;
        Ok(Self(bytes))
    }

    /// As operators and tokens write it.
    pub(crate) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        (URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()? == bytes.len()).then_some(Self(bytes))
    }

    fn place(self) -> String {
        format!("{PLACE}{}", self.text())
    }
}

impl Presented {
    /// The grant that it is of.
    pub(crate) fn grant(self) -> GrantId {
        self.id
    }
}

/// A prefix that scanners for secrets can know it by.
const PREFIX: &str = "clvr_";
const SAID_BYTES: usize = 20;
const TOKEN_BYTES: usize = SAID_BYTES + 32;
const PLACE: &str = "issuer/grant/";
/// As many as are looked through at once.
const MOST: usize = 1_000_000;
const ATTEMPTS: usize = 64;

#[cfg(test)]
mod tests;
