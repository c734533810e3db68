//! How does a template become a credential? By a slot for each place that it names, shared by all who name the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::join_all;
use oauth::grant::Wanted;
use oauth::scope::ScopeSet;
use outbound::client::Client;
use outbound::tls::InvalidRoots;
use secrecy::SecretString;

use crate::allowance::Allowance;
use crate::authorization_server::{AuthorizationServer, Delegation, PersonalGrant, Road, TokenGrant};
use crate::callers::{PerCaller, RoadTaken};
use crate::code_flow::CodeFlow;
use crate::connection::{Book, PerPerson};
use crate::credential::{Credential, Part, Secret};
use crate::history::{History, LastSeen};
use crate::introspector::Introspector;
use crate::login::Login;
use crate::missing::Missing;
use crate::observer::{Observer, Unobserved};
use crate::patient::Patient;
use crate::reference::{Place, Reference, Template};
use crate::slot::{Clock, Habits, Slot, Surroundings};
use crate::source::{AtPlace, ClientCredentials, Sources};
use crate::template::Piece;
use crate::token_client::TokenClient;

/// Turns templates into credentials.
pub struct Resolver {
    sources: Arc<Sources>,
    around: Surroundings,
    history: Option<Arc<History>>,
    /// Each with the reference that named it first.
    slots: Mutex<Slots>,
    allowances: Mutex<HashMap<String, Weak<Allowance>>>,
}

type Slots = HashMap<Place, (Reference, Weak<Slot>)>;

/// A credential in use.
#[derive(Clone, Debug)]
pub struct Held {
    /// What names it.
    pub reference: Reference,
    /// What its place calls the value.
    pub version: Option<Arc<str>>,
    /// Unix milliseconds of the last fetch that gave a value; `None` while nobody has used it.
    pub fetched_at: Option<u64>,
    /// Unix milliseconds of the last fetch that found another value than before, in an earlier process too if the resolver remembers.
    pub changed_at: Option<u64>,
    /// Why the last fetch gave none, if so.
    pub missing: Option<Missing>,
}

impl Held {
    fn of(reference: Reference, slot: &Slot) -> Self {
        let kept = slot.kept();
        Self {
            reference,
            version: kept.as_ref().and_then(|kept| kept.version.clone()),
            changed_at: kept.as_ref().and_then(|kept| kept.changed_at),
            fetched_at: kept.map(|kept| kept.since),
            missing: slot.missing(),
        }
    }
}

impl Resolver {
    /// A resolver of these sources. `clock` tells the Unix time in milliseconds.
    pub fn new(sources: Sources, clock: Clock) -> Self {
        let around = Surroundings { clock, observer: Arc::new(Unobserved), habits: Habits::default() };
        Self { sources: Arc::new(sources), around, history: None, slots: Mutex::default(), allowances: Mutex::default() }
    }

    /// The same with somebody who is told what happens.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.around.observer = observer;
        self
    }

    /// The same with a memory that outlives it: of when secrets have changed. Tokens change by themselves and are not in it.
    #[must_use]
    pub fn remembering(mut self, history: History) -> Self {
        self.history = Some(Arc::new(history));
        self
    }

    /// The same with other habits.
    #[must_use]
    pub fn with_habits(mut self, habits: Habits) -> Self {
        self.around.habits = habits;
        self
    }

    /// What a template comes to. Nothing is fetched before it is released. Credentials that name one place share what is fetched there.
    pub fn credential(&self, template: &Template) -> Credential {
        Credential::new(template.pieces().iter().map(|piece| self.part(piece)).collect())
    }

    /// The `Authorization` header with a token that the door gets in its own name (RFC 6749 §4.4). `client` calls out for those who name no certificates of their
    /// own.
    pub fn client_credentials(&self, grant: &TokenGrant, client: &Client) -> Result<Credential, InvalidRoots> {
        let name: Arc<str> = grant.server.to_string().into();
        let source = ClientCredentials { client: self.token_client(&grant.server, client)?, wanted: grant.wanted.clone() };
        let slot = Slot::new(Arc::clone(&name), Box::new(source), self.around_early(grant.early));
        Ok(Credential::bearer(name, Arc::new(slot)))
    }

    /// The same with a token for each caller, which the door gets by showing theirs.
    pub fn on_behalf(&self, delegation: &Delegation, client: &Client) -> Result<PerCaller, InvalidRoots> {
        let road = match &delegation.road {
            Road::Exchange(server) => RoadTaken::Exchange(Arc::new(self.token_client(server, client)?)),
            Road::IdJag { provider, server } => RoadTaken::IdJag {
                provider: Arc::new(self.token_client(provider, client)?),
                server: Arc::new(self.token_client(&server.server, client)?),
                issuer: server.issuer.clone(),
            },
        };
        Ok(PerCaller::new(road, delegation.wanted.clone(), self.around_early(delegation.early)))
    }

    /// The same with a token for each person who has given the door leave, kept in `book` under the name of the `server` that it is for, and of where that is: what
    /// somebody granted for one place is never shown to another.
    pub fn personal(
        &self,
        grant: &PersonalGrant,
        server: (&str, &str),
        book: &Arc<Book>,
        client: &Client,
    ) -> Result<PerPerson, InvalidRoots> {
        let token_client = Arc::new(self.token_client(&grant.server, client)?);
        // Whose token was renewed or is missing is that person's business, and no event of the door's.
        let around = Surroundings { observer: Arc::new(Unobserved), ..self.around_early(grant.early) };
        Ok(PerPerson::new(token_client, grant, server, book, around))
    }

    /// A way to learn from an OpenID provider who sits at a browser.
    pub fn sign_in(&self, server: &AuthorizationServer, scopes: ScopeSet, client: &Client) -> Result<CodeFlow, InvalidRoots> {
        let wanted = Wanted { scopes, ..Wanted::default() };
        // With an allowance of its own: whoever comes along may begin to sign in, and must not use up what renewals need.
        let clock = Arc::clone(&self.around.clock);
        let token_client = TokenClient::new(server, client, Arc::default(), clock, |template| self.credential(template))?;
        Ok(CodeFlow::new(Arc::new(token_client), None, None, wanted))
    }

    /// A way to get tokens for clients that show the door their id and secret.
    pub fn login(&self, server: &AuthorizationServer, client: &Client) -> Result<Login, InvalidRoots> {
        // With an allowance of its own, as for signing in.
        let clock = Arc::clone(&self.around.clock);
        Ok(Login::new(TokenClient::new(server, client, Arc::default(), clock, |template| self.credential(template))?))
    }

    /// A way to ask an authorization server about tokens that it has issued.
    pub fn introspector(&self, server: &AuthorizationServer, client: &Client) -> Result<Introspector, InvalidRoots> {
        // With an allowance of its own, as for signing in.
        let clock = Arc::clone(&self.around.clock);
        Ok(Introspector::new(TokenClient::new(server, client, Arc::default(), clock, |template| self.credential(template))?))
    }

    /// The text filled in before there is any call to permit: for what the door itself needs to start, such as its TLS key and its shared secrets. Nothing that
    /// goes upstream is resolved this way.
    pub async fn resolve_for_start(&self, template: &Template) -> Result<SecretString, Missing> {
        self.credential(template).fill().await.map(|released| released.text)
    }

    /// What is in use, and what is known of it.
    pub async fn inventory(&self) -> Vec<Held> {
        let mut held: Vec<Held> = self.in_use(None).into_iter().map(|(reference, slot)| Held::of(reference, &slot)).collect();
        held.sort_by_cached_key(|held| held.reference.to_string());
        for held in held.iter_mut().filter(|held| held.fetched_at.is_none()) {
            // Nobody has used it yet; somebody before us may have.
            if let Some(LastSeen { changed_at, version }) = self.last_seen(&held.reference).await {
                (held.changed_at, held.version) = (changed_at, version);
            }
        }
        held
    }

    async fn last_seen(&self, reference: &Reference) -> Option<LastSeen> {
        let seen = self.history.as_ref()?.last_seen(reference).await;
        seen.inspect_err(|error| tracing::warn!(%error, "the store does not tell when a secret has changed")).ok()?
    }

    /// Fetches anew what is in use: everything, or the places of these references. For each: whether its value is another now. What nobody has used
    /// yet is not fetched.
    pub async fn refresh(&self, wanted: Option<&[Reference]>) -> Vec<(Reference, Result<bool, Missing>)> {
        let refreshing = self.in_use(wanted).into_iter().filter_map(|(reference, slot)| {
            let before = slot.kept().map(|kept| kept.generation);
            (before.is_some() || slot.missing().is_some()).then_some(async move {
                let outcome = slot.refresh().await.map(|now| Some(now.generation) != before);
                (reference, outcome)
            })
        });
        join_all(refreshing).await
    }

    fn in_use(&self, wanted: Option<&[Reference]>) -> Vec<(Reference, Arc<Slot>)> {
        let is_wanted = |place: &Place| wanted.is_none_or(|wanted| wanted.iter().any(|reference| reference.place() == place));
        let slots = self.slots();
        let in_use = slots.iter().filter(|(place, _)| is_wanted(place));
        in_use.filter_map(|(_, (reference, slot))| Some((reference.clone(), slot.upgrade()?))).collect()
    }

    /// Where values lie, to be asked without keeping any, and to be closed at the end.
    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    fn token_client(&self, server: &AuthorizationServer, client: &Client) -> Result<TokenClient, InvalidRoots> {
        TokenClient::new(server, client, self.allowance(server), Arc::clone(&self.around.clock), |template| self.credential(template))
    }

    /// All who ask as one client at one place share what it allows them, whichever server they ask for.
    fn allowance(&self, server: &AuthorizationServer) -> Arc<Allowance> {
        let mut allowances = self.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        allowances.retain(|_, allowance| allowance.strong_count() > 0);
        let name = server.to_string();
        if let Some(allowance) = allowances.get(&name).and_then(Weak::upgrade) {
            return allowance;
        }
        let allowance = Arc::<Allowance>::default();
        allowances.insert(name, Arc::downgrade(&allowance));
        allowance
    }

    fn around_early(&self, early: Duration) -> Surroundings {
        Surroundings { habits: Habits { early, ..self.around.habits }, ..self.around.clone() }
    }

    fn part(&self, piece: &Piece) -> Part {
        let (reference, default) = match piece {
            Piece::Literal(text) => return Part::Literal(text.as_str().into()),
            Piece::Inside(reference) | Piece::Whole(reference) => (reference.clone(), None),
            Piece::Variable { name, default } => (Reference::of_variable(name), default.as_deref().map(Into::into)),
        };
        Part::Secret(Secret {
            slot: self.slot(&reference),
            name: reference.to_string().into(),
            max_age: reference.ttl().unwrap_or_else(|| usual_age(reference.place())),
            field: reference.field().map(Into::into),
            default,
            view: ArcSwapOption::empty(),
        })
    }

    fn slot(&self, reference: &Reference) -> Arc<Slot> {
        let mut slots = self.slots();
        if let Some(slot) = slots.get(reference.place()).and_then(|(_, slot)| slot.upgrade()) {
            return slot;
        }
        slots.retain(|_, (_, slot)| slot.strong_count() > 0);
        let place = reference.place().clone();
        let source = AtPlace { sources: Arc::clone(&self.sources), place: place.clone() };
        let source = Box::new(Patient { source, timeout: PATIENCE });
        let history = self.history.as_ref().map(|history| history.of(reference));
        let slot = Arc::new(Slot::new(reference.to_string().into(), source, self.around.clone()).remembering(history));
        slots.insert(place, (reference.clone(), Arc::downgrade(&slot)));
        slot
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For how long a value is kept where the reference does not say: an hour (K2), and a minute for files, which cost nothing to read and change unannounced.
fn usual_age(place: &Place) -> Duration {
    match place {
        Place::File(_) => Duration::from_secs(60),
        _ => Duration::from_secs(3600),
    }
}

/// For one try to fetch a value.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
