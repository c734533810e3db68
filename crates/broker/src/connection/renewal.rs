//! How does a grant give a token now? The kept one while it is good, else a new one, got under the lock and kept before it is used.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use oauth::grant::{Grant as Brought, Wanted};
use oauth::token_response::Expected;
use secrecy::ExposeSecret as _;

use super::book::Kept;
use super::{Book, BookFailure, Grant, Place};
use crate::missing::Cause;
use crate::slot::Clock;
use crate::source::{Fetched, Fetching, Source};
use crate::token_client::{Standing, TokenClient};
use crate::value::Value;

/// The tokens of one person.
pub(super) struct Renewal {
    client: Arc<TokenClient>,
    wanted: Arc<Wanted>,
    book: Arc<Book>,
    place: Place,
    clock: Clock,
    early: Duration,
    tried: Mutex<Tried>,
}

/// Which token was given last, and which one the upstream has refused, whatever the clock says about it: their hashes, for none of them may be taken for another.
#[derive(Default)]
struct Tried {
    given: Option<Digest>,
    refused: Option<Digest>,
}

type Digest = [u8; 32];

impl Renewal {
    pub(super) fn new(
        client: &Arc<TokenClient>,
        wanted: &Arc<Wanted>,
        book: &Arc<Book>,
        place: Place,
        clock: Clock,
        early: Duration,
    ) -> Self {
        Self {
            client: Arc::clone(client),
            wanted: Arc::clone(wanted),
            book: Arc::clone(book),
            place,
            clock,
            early,
            tried: Mutex::default(),
        }
    }

    async fn token(&self) -> Result<Fetched, Cause> {
        let kept = self.book.find(&self.place).await.map_err(|failure| unreadable(&failure))?.ok_or(Cause::NotConnected)?;
        if !self.must_renew(&kept.grant) {
            return self.fetched(&kept.grant);
        }
        // What may take its time is done before the lock is taken; if it fails here, it fails again below, and is told there.
        let _endpoints = self.client.endpoints().await;
        let lock = self.book.lock(&self.place).await.map_err(|failure| unreadable(&failure))?;
        let outcome = self.renewed().await;
        self.book.unlock(lock).await;
        outcome
    }

    fn must_renew(&self, grant: &Grant) -> bool {
        self.is_refused(grant) || grant.is_ripe(self.now(), self.early)
    }

    fn is_refused(&self, grant: &Grant) -> bool {
        self.tried().refused == Some(digest_of(grant))
    }

    /// Under the lock. What another process has renewed while we waited is taken as it is.
    async fn renewed(&self) -> Result<Fetched, Cause> {
        let kept = self.book.find(&self.place).await.map_err(|failure| unreadable(&failure))?.ok_or(Cause::NotConnected)?;
        if !self.must_renew(&kept.grant) {
            return self.fetched(&kept.grant);
        }
        let is_refused = self.is_refused(&kept.grant);
        let Some(refresh) = &kept.grant.refresh else {
            // Without a refresh token an access token is used to its very end.
            return if is_refused || self.is_over(&kept.grant) { self.gone(&kept).await } else { self.fetched(&kept.grant) };
        };
        let asked_at = self.now();
        let brought = Brought::RefreshToken { refresh_token: refresh.expose_secret() };
        match self.client.redeem(brought, &self.wanted, Expected::AccessToken).await {
            Ok(tokens) => {
                let renewed = kept.grant.renewed(&tokens, asked_at);
                if self.keep(&kept, &renewed).await? { self.fetched(&renewed) } else { self.overtaken(&renewed).await }
            }
            Err(no_token) if no_token.standing == Standing::Over => self.gone(&kept).await,
            // A server that is away has taken nothing back: what is kept is used as long as it is good.
            Err(no_token) if no_token.cause.is_transient() && !is_refused && !self.is_over(&kept.grant) => self.fetched(&kept.grant),
            Err(no_token) => Err(no_token.cause),
        }
    }

    /// Before anything is done with it: the refresh token that it was got for may be good no more.
    /// `false`: what it was renewed from is no longer there.
    async fn keep(&self, before: &Kept, renewed: &Grant) -> Result<bool, Cause> {
        let mut tries = 0;
        loop {
            match self.book.renew(&self.place, before, renewed).await {
                Ok(is_kept) => return Ok(is_kept),
                Err(failure) if tries == TRIES => return Err(unreadable(&failure)),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(PAUSE * tries).await;
        }
    }

    /// The person has disconnected, or connected anew, while we asked. What they took back is not brought to life again, and what we got for it is taken back too.
    async fn overtaken(&self, got: &Grant) -> Result<Fetched, Cause> {
        if let Ok(Some(url)) = self.client.endpoints().await.map(|endpoints| endpoints.revoke)
            && let Some(refresh) = &got.refresh
            && let Err(cause) = self.client.revoke(&url, refresh.expose_secret(), "refresh_token").await
        {
            tracing::warn!(target: "connections", server = &*self.place.server, %cause, "a grant that came too late could not be taken back");
        }
        let there = self.book.find(&self.place).await.map_err(|failure| unreadable(&failure))?.ok_or(Cause::NotConnected)?;
        self.fetched(&there.grant)
    }

    /// The grant has ended there, so it ends here, and the person is asked once more.
    async fn gone(&self, kept: &Kept) -> Result<Fetched, Cause> {
        self.book.strike(&self.place, kept).await.map_err(|failure| unreadable(&failure))?;
        tracing::info!(target: "connections", server = &*self.place.server, "a person's grant has ended; they are asked to connect again");
        Err(Cause::NotConnected)
    }

    fn is_over(&self, grant: &Grant) -> bool {
        grant.time_left(self.now()).is_some_and(|left| left.is_zero())
    }

    fn fetched(&self, grant: &Grant) -> Result<Fetched, Cause> {
        self.tried().given = Some(digest_of(grant));
        let lifetime = grant.time_left(self.now()).unwrap_or(UNSAID);
        let value = Value::new(grant.access.expose_secret()).map_err(|_| Cause::NoMemory)?;
        Ok(Fetched { value, version: None, lifetime: Some(lifetime) })
    }

    fn tried(&self) -> MutexGuard<'_, Tried> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }
}

impl Source for Renewal {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.token())
    }

    fn refuse(&self) {
        let mut tried = self.tried();
        tried.refused = tried.given;
    }
}

fn unreadable(failure: &BookFailure) -> Cause {
    let causes = std::iter::successors(Some(failure as &dyn std::error::Error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    Cause::Unavailable { detail: texts.join(": ").into() }
}

fn digest_of(grant: &Grant) -> Digest {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, grant.access.expose_secret().as_bytes()).as_ref());
    hash
}

/// How often keeping a new token is tried again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// For how long a token without an end is taken from memory before the book is read again.
const UNSAID: Duration = Duration::from_secs(300);
