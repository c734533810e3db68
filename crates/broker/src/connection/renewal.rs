//! How does a grant give a token now? The kept one while it is good, else a new one, got under the lock and kept before it is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oauth::grant::{Grant as Brought, Wanted};
use oauth::token_response::Expected;
use secrecy::ExposeSecret as _;

use super::book::Kept;
use super::{Book, BookFailure, Grant, Place};
use crate::missing::Cause;
use crate::slot::Clock;
use crate::source::{Fetched, Fetching, Source};
use crate::token_client::TokenClient;
use crate::value::Value;

/// The tokens of one person.
pub(super) struct Renewal {
    client: Arc<TokenClient>,
    wanted: Arc<Wanted>,
    book: Arc<Book>,
    place: Place,
    clock: Clock,
    early: Duration,
    /// The upstream has refused what is kept, whatever the clock says about it.
    is_refused: AtomicBool,
}

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
            is_refused: AtomicBool::new(false),
        }
    }

    async fn token(&self) -> Result<Fetched, Cause> {
        let kept = self.book.find(&self.place).await.map_err(|failure| unreadable(&failure))?.ok_or(Cause::NotConnected)?;
        let is_refused = self.is_refused.load(Ordering::Acquire);
        if !is_refused && !kept.grant.is_ripe(self.now(), self.early) {
            return self.fetched(&kept.grant);
        }
        let lock = self.book.lock(&self.place).await.map_err(|failure| unreadable(&failure))?;
        let outcome = self.renewed(&kept, is_refused).await;
        self.book.unlock(lock).await;
        if outcome.is_ok() {
            self.is_refused.store(false, Ordering::Release);
        }
        outcome
    }

    /// Under the lock. What another process has renewed while we waited is taken as it is.
    async fn renewed(&self, seen: &Kept, is_refused: bool) -> Result<Fetched, Cause> {
        let kept = self.book.find(&self.place).await.map_err(|failure| unreadable(&failure))?.ok_or(Cause::NotConnected)?;
        let is_another = kept.grant.access.expose_secret() != seen.grant.access.expose_secret();
        if is_another && !kept.grant.is_ripe(self.now(), self.early) {
            return self.fetched(&kept.grant);
        }
        let Some(refresh) = &kept.grant.refresh else {
            // Without a refresh token an access token is used to its very end.
            return if is_refused || self.is_over(&kept.grant) { self.gone(&kept).await } else { self.fetched(&kept.grant) };
        };
        let asked_at = self.now();
        let brought = Brought::RefreshToken { refresh_token: refresh.expose_secret() };
        match self.client.redeem(brought, &self.wanted, Expected::AccessToken).await {
            Ok(tokens) => {
                let renewed = kept.grant.renewed(&tokens, asked_at);
                self.keep(&kept, &renewed).await?;
                self.fetched(&renewed)
            }
            Err(no_token) if no_token.is_grant_over => self.gone(&kept).await,
            // A server that is away has taken nothing back: what is kept is used as long as it is good.
            Err(no_token) if no_token.cause.is_transient() && !is_refused && !self.is_over(&kept.grant) => self.fetched(&kept.grant),
            Err(no_token) => Err(no_token.cause),
        }
    }

    /// Before anything is done with it: the refresh token that it was got for may be good no more.
    async fn keep(&self, before: &Kept, renewed: &Grant) -> Result<(), Cause> {
        let mut tries = 0;
        loop {
            match self.book.renew(&self.place, before, renewed).await {
                Ok(true) => return Ok(()),
                // The person has disconnected meanwhile; what they took back is not brought to life again.
                Ok(false) => return Err(Cause::NotConnected),
                Err(failure) if tries == TRIES => return Err(unreadable(&failure)),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(PAUSE * tries).await;
        }
    }

    /// The grant has ended there, so it ends here, and the person is asked once more.
    async fn gone(&self, kept: &Kept) -> Result<Fetched, Cause> {
        self.book.strike(&self.place, kept).await.map_err(|failure| unreadable(&failure))?;
        self.is_refused.store(false, Ordering::Release);
        tracing::info!(target: "connections", server = &*self.place.server, "a person's grant has ended; they are asked to connect again");
        Err(Cause::NotConnected)
    }

    fn is_over(&self, grant: &Grant) -> bool {
        grant.time_left(self.now()).is_some_and(|left| left.is_zero())
    }

    fn fetched(&self, grant: &Grant) -> Result<Fetched, Cause> {
        let lifetime = grant.time_left(self.now()).unwrap_or(UNSAID);
        let value = Value::new(grant.access.expose_secret()).map_err(|_| Cause::NoMemory)?;
        Ok(Fetched { value, version: None, lifetime: Some(lifetime) })
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
        self.is_refused.store(true, Ordering::Release);
    }
}

fn unreadable(failure: &BookFailure) -> Cause {
    let causes = std::iter::successors(Some(failure as &dyn std::error::Error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    Cause::Unavailable { detail: texts.join(": ").into() }
}

/// How often keeping a new token is tried again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// For how long a token without an end is taken from memory before the book is read again.
const UNSAID: Duration = Duration::from_secs(300);
