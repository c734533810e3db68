//! Which token stands for a client that shows its id and secret (A5)? Asked for once for however many wait, kept while it is good, under a keyed hash of both.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use broker::login::{Login, NotLoggedIn};
use oauth::grant::Wanted;
use quick_cache::sync::Cache;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::layers::shown::ClientHeaders;
use crate::refusal::Refusal;

/// The clients of one issuer at one server.
pub(crate) struct Logins {
    login: Login,
    wanted: Wanted,
    key: hmac::Key,
    clock: Clock,
    kept: Cache<Tag, Kept>,
    /// How many may be asked about at once: whoever guesses waits for the outcome of their last guesses.
    asking: Semaphore,
}

/// A keyed hash of id and secret: without the key nobody can try secrets against it.
type Tag = [u8; 32];

#[derive(Clone)]
struct Kept {
    /// `None`: the issuer gives this pair no token.
    token: Option<Arc<SecretString>>,
    /// Unix seconds; asked again beyond.
    until: u64,
}

impl Logins {
    pub(crate) fn new(login: Login, wanted: Wanted, key: hmac::Key, clock: Clock) -> Self {
        Self { login, wanted, key, clock, kept: Cache::new(CLIENTS_REMEMBERED), asking: Semaphore::new(ASKED_AT_ONCE) }
    }

    /// The token of this client. `may_try` says whether its address has failed too often; it is asked before anybody else is.
    pub(crate) async fn token(
        &self,
        client: ClientHeaders<'_>,
        may_try: impl Fn() -> Result<(), Refusal>,
    ) -> Result<Arc<SecretString>, Refusal> {
        let tag = self.tag(client);
        let now = self.clock.unix_seconds();
        self.kept.remove_if(&tag, |kept| now >= kept.until);
        if let Some(token) = self.kept.get(&tag).and_then(|kept| kept.token) {
            return Ok(token);
        }
        may_try()?;
        let asked = async {
            let kept = match self.kept.get_value_or_guard_async(&tag).await {
                Ok(kept) => kept,
                Err(free) => {
                    let kept = self.ask(client, may_try).await?;
                    // That somebody has pushed it out already does not make it less true.
                    let _ = free.insert(kept.clone());
                    kept
                }
            };
            kept.token.ok_or(Refusal::ClientRefused)
        };
        timeout(PATIENCE, asked).await.unwrap_or(Err(Refusal::IssuerUnavailable))
    }

    /// The token of this client was no good: the next call gets another one.
    pub(crate) fn forget(&self, client: ClientHeaders<'_>) {
        self.kept.remove(&self.tag(client));
    }

    async fn ask(&self, client: ClientHeaders<'_>, may_try: impl Fn() -> Result<(), Refusal>) -> Result<Kept, Refusal> {
        let _place = self.asking.acquire().await.map_err(|_| Refusal::IssuerUnavailable)?;
        may_try()?;
        let now = self.clock.unix_seconds();
        match self.login.token(client.id, client.secret, &self.wanted).await {
            Ok(response) => {
                let lifetime = response.expires_in.unwrap_or(UNSAID).as_secs();
                let until = now + lifetime - (lifetime / 10).min(EARLY);
                Ok(Kept { token: Some(Arc::new(response.token)), until })
            }
            Err(NotLoggedIn::Refused(cause)) => {
                tracing::info!(target: "door", error = &cause as &dyn std::error::Error, "a client's id and secret are not taken");
                Ok(Kept { token: None, until: now + REFUSED_FOR })
            }
            Err(NotLoggedIn::Unavailable(cause)) => {
                let error = &cause as &dyn std::error::Error;
                tracing::warn!(target: "door", error, "the issuer cannot be asked about a client's id and secret");
                Err(Refusal::IssuerUnavailable)
            }
        }
    }

    fn tag(&self, client: ClientHeaders<'_>) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        // The length keeps the two apart.
        context.update(&(client.id.len() as u64).to_be_bytes());
        context.update(client.id.as_bytes());
        context.update(client.secret.as_bytes());
        let mut tag = [0; 32];
        tag.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        tag
    }
}

const CLIENTS_REMEMBERED: usize = 1024;
const ASKED_AT_ONCE: usize = 8;
/// For the issuer's answer, and for a turn to ask.
const PATIENCE: Duration = Duration::from_secs(10);
/// For a token whose lifetime is not said.
const UNSAID: Duration = Duration::from_secs(300);
/// A kept token is used up to a tenth of its life before its end, at most so many seconds.
const EARLY: u64 = 60;
/// How long a wrong pair is remembered, in seconds: a secret that was just registered works soon.
const REFUSED_FOR: u64 = 10;
