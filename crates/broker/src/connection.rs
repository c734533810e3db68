//! What has each person let the door have? A grant of an authorization server for each person and server, given once in the browser, kept sealed, and renewed
//! until it is taken back.
//!
//! [`Book`] is where grants are kept; [`PerPerson`] makes a credential of one, and gets and ends grants. One renewal at a time, over all processes that share the
//! store: a refresh token that is used twice may end the whole grant (RFC 9700 §4.14).

mod book;
mod grant;
mod renewal;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oauth::grant::Wanted;
use oauth::token_response::TokenResponse;
use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use url::Url;

pub use self::book::{Book, BookFailure, Connection};
pub(crate) use self::grant::Grant;
use self::renewal::Renewal;
use crate::authorization_server::PersonalGrant;
use crate::code_flow::CodeFlow;
use crate::credential::Credential;
use crate::missing::Cause;
use crate::slot::{Slot, Surroundings};
use crate::token_client::TokenClient;

/// Somebody whom an issuer vouches for: whatever program they use, and whatever its token allows, the grant is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Person {
    /// Who vouches.
    pub issuer: Box<str>,
    /// Whom for.
    pub subject: Box<str>,
}

/// Where a grant is kept: it is of one server behind the door, of one client at one authorization server, and of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    server: Arc<str>,
    /// The client, its authorization server, and where the server behind the door is: what was granted for one is never shown to another.
    authority: Arc<str>,
    person: Person,
}

/// A credential for each person of one server.
pub struct PerPerson {
    client: Arc<TokenClient>,
    flow: CodeFlow,
    wanted: Arc<Wanted>,
    early: Duration,
    revocation_url: Option<Url>,
    server: Arc<str>,
    authority: Arc<str>,
    book: Arc<Book>,
    around: Surroundings,
    known: Mutex<HashMap<Person, Known>>,
    /// Rings when somebody has connected here.
    arrivals: Notify,
}

struct Known {
    slot: Arc<Slot>,
    credential: Arc<Credential>,
    /// Unix milliseconds.
    used_at: u64,
}

/// What came of ending a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There was none.
    WasNotConnected,
    /// It is forgotten here, and taken back there.
    TakenBack,
    /// It is forgotten here. There it was not taken back, for this reason; `None`: the server has no way to do so.
    Forgotten(Option<Cause>),
}

impl PerPerson {
    pub(crate) fn new(
        client: Arc<TokenClient>,
        grant: &PersonalGrant,
        (server, place): (&str, &str),
        book: &Arc<Book>,
        around: Surroundings,
    ) -> Self {
        Self {
            flow: CodeFlow::new(Arc::clone(&client), grant.issuer.clone(), grant.authorize_url.clone(), grant.wanted.clone()),
            // What was agreed on is not asked for again: a refresh keeps its scopes (RFC 6749 §6).
            wanted: Arc::new(Wanted { resource: grant.wanted.resource.clone(), ..Wanted::default() }),
            early: grant.early,
            revocation_url: grant.revocation_url.clone(),
            server: server.into(),
            authority: format!("{client}, for {place}").into(),
            client,
            book: Arc::clone(book),
            around,
            known: Mutex::default(),
            arrivals: Notify::new(),
        }
    }

    /// The credential of this person: its release fails with [`Cause::NotConnected`] until they have connected.
    pub fn credential(&self, person: &Person) -> Arc<Credential> {
        let now = (self.around.clock)();
        let mut known = self.known();
        if let Some(found) = known.get_mut(person) {
            found.used_at = now;
            if found.slot.missing().is_some_and(|missing| missing.cause == Cause::NotConnected) {
                // Another replica may have connected them since.
                found.slot.hurry();
            }
            return Arc::clone(&found.credential);
        }
        while known.len() >= MAX_PEOPLE {
            let Some(first) = known.iter().min_by_key(|(_, known)| known.used_at).map(|(person, _)| person.clone()) else { break };
            known.remove(&first);
        }
        let renewal = Renewal::new(&self.client, &self.wanted, &self.book, self.place(person), Arc::clone(&self.around.clock), self.early);
        let name: Arc<str> = format!("{}, for a person", self.authority).into();
        let slot = Arc::new(Slot::new(Arc::clone(&name), Box::new(renewal), self.around.clone()));
        let credential = Arc::new(Credential::bearer(name, Arc::clone(&slot)));
        known.insert(person.clone(), Known { slot, credential: Arc::clone(&credential), used_at: now });
        credential
    }

    /// The client, its authorization server and the place that its tokens are for, in words.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// How people are sent to the authorization server.
    pub fn flow(&self) -> &CodeFlow {
        &self.flow
    }

    /// Keeps what a person has granted, in place of what they had granted before.
    pub async fn connect(&self, person: &Person, tokens: &TokenResponse) -> Result<(), BookFailure> {
        let place = self.place(person);
        let lock = self.book.lock(&place).await?;
        let kept = self.book.put(&place, &Grant::of(tokens, (self.around.clock)())).await;
        self.book.unlock(lock).await;
        kept?;
        self.forget(person);
        self.arrivals.notify_waiters();
        Ok(())
    }

    /// Whether this person has connected.
    pub async fn is_connected(&self, person: &Person) -> Result<bool, BookFailure> {
        Ok(self.book.find(&self.place(person)).await?.is_some())
    }

    /// Waits until this person has connected since a moment (Unix milliseconds), here or at a replica, and not longer than `patience`; whether they have.
    pub async fn arrival(&self, person: &Person, since: u64, patience: Duration) -> bool {
        let place = self.place(person);
        let arrived = async {
            loop {
                let rings = self.arrivals.notified();
                if let Ok(Some(kept)) = self.book.find(&place).await
                    && kept.connected_at >= since
                {
                    return;
                }
                // A replica rings its own bell only.
                let _rung = tokio::time::timeout(GLANCE, rings).await;
            }
        };
        tokio::time::timeout(patience, arrived).await.is_ok()
    }

    /// Whether a connection is one of those that are kept here.
    pub fn keeps(&self, connection: &Connection) -> bool {
        *self.server == *connection.server && *self.authority == *connection.authority
    }

    /// Forgets what this person has granted, and has the authorization server take it back: the refresh token if there is one, for with it goes everything that was
    /// given for it (RFC 7009 §2.1). That the server cannot be reached keeps nothing here.
    pub async fn disconnect(&self, person: &Person) -> Result<Ended, BookFailure> {
        let place = self.place(person);
        let lock = self.book.lock(&place).await?;
        let found = self.book.find(&place).await;
        let removed = self.book.remove(&place).await;
        self.book.unlock(lock).await;
        removed?;
        self.forget(person);
        let Some(kept) = found? else { return Ok(Ended::WasNotConnected) };
        Ok(match self.take_back(&kept.grant).await {
            Ok(true) => Ended::TakenBack,
            Ok(false) => Ended::Forgotten(None),
            Err(cause) => Ended::Forgotten(Some(cause)),
        })
    }

    async fn take_back(&self, grant: &Grant) -> Result<bool, Cause> {
        let url = match &self.revocation_url {
            Some(url) => Some(url.as_str().to_owned()),
            None => self.client.endpoints().await?.revoke,
        };
        let Some(url) = url else { return Ok(false) };
        let (token, kind) = match &grant.refresh {
            Some(refresh) => (refresh, "refresh_token"),
            None => (&grant.access, "access_token"),
        };
        self.client.revoke(&url, token.expose_secret(), kind).await.map(|()| true)
    }

    /// The next use reads the book again.
    fn forget(&self, person: &Person) {
        self.known().remove(person);
    }

    fn place(&self, person: &Person) -> Place {
        Place { server: Arc::clone(&self.server), authority: Arc::clone(&self.authority), person: person.clone() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Person, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each has a page of locked memory.
const MAX_PEOPLE: usize = 1024;
/// How long a replica's news may take.
const GLANCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
