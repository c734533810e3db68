//! Which token stands for this caller at the server behind the door? One for each, got by showing the caller's own, and never anybody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use oauth::grant::{Grant, TokenType, Wanted};
use oauth::issuer::Issuer;
use oauth::scope::ScopeSet;
use secrecy::{ExposeSecret as _, SecretString};

use crate::credential::Credential;
use crate::slot::{Slot, Surroundings};
use crate::source::{IdJag, Source, TokenExchange};
use crate::token_client::TokenClient;

/// A credential for each caller of one server. Bounded: those whose own tokens have ended go first, then those whose end is next.
pub struct PerCaller {
    road: RoadTaken,
    wanted: Arc<Wanted>,
    name: Arc<str>,
    around: Surroundings,
    known: Mutex<HashMap<Key, Known>>,
}

/// A caller whose token was verified, and the token.
#[derive(Clone, Copy)]
pub struct CallerToken<'c> {
    /// Who vouches for them.
    pub issuer: &'c str,
    /// Who they are.
    pub subject: &'c str,
    /// The program that they use.
    pub client: Option<&'c str>,
    /// What their token grants.
    pub scopes: &'c ScopeSet,
    /// For whom it is.
    pub audiences: &'c [String],
    /// The token itself.
    pub token: &'c SecretString,
    /// Its end, in Unix seconds.
    pub expires_at: u64,
}

/// How a caller's token becomes one for the server.
pub(crate) enum RoadTaken {
    Exchange(Arc<TokenClient>),
    IdJag { provider: Arc<TokenClient>, server: Arc<TokenClient>, issuer: Issuer },
}

/// The newest token that a caller showed.
pub(crate) struct Subject {
    shown: Mutex<Shown>,
}

/// A token that a caller showed.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) token: SecretString,
    /// Unix seconds.
    pub(crate) expires_at: u64,
}

/// SHA-256 of everything about a caller on which the token may depend.
type Key = [u8; 32];

struct Known {
    subject: Arc<Subject>,
    slot: Arc<Slot>,
    credential: Arc<Credential>,
}

impl PerCaller {
    pub(crate) fn new(road: RoadTaken, wanted: Wanted, around: Surroundings) -> Self {
        let name = match &road {
            RoadTaken::Exchange(client) => format!("{client}, for a caller"),
            RoadTaken::IdJag { server, .. } => format!("{server}, for a caller"),
        };
        Self { road, wanted: Arc::new(wanted), name: name.into(), around, known: Mutex::default() }
    }

    /// The credential of this caller. A new token of theirs is shown from now on; what was got for the one before lives on, to that one's end at most.
    pub fn credential(&self, caller: &CallerToken<'_>) -> Arc<Credential> {
        let key = key_of(caller);
        let mut known = self.known();
        if let Some(found) = known.get(&key) {
            let is_refused = found.slot.missing().is_some_and(|missing| !missing.cause.is_transient());
            if found.subject.show(caller, is_refused) {
                // What failed with the old token may go well with the new one.
                found.slot.hurry();
            }
            return Arc::clone(&found.credential);
        }
        self.make_room(&mut known);
        let fresh = self.fresh(caller);
        let credential = Arc::clone(&fresh.credential);
        known.insert(key, fresh);
        credential
    }

    fn fresh(&self, caller: &CallerToken<'_>) -> Known {
        let shown = Shown { token: caller.token.clone(), expires_at: caller.expires_at };
        let subject = Arc::new(Subject { shown: Mutex::new(shown) });
        let source: Box<dyn Source> = match &self.road {
            RoadTaken::Exchange(client) => {
                Box::new(TokenExchange { client: Arc::clone(client), wanted: Arc::clone(&self.wanted), subject: Arc::clone(&subject) })
            }
            RoadTaken::IdJag { provider, server, issuer } => {
                Box::new(IdJag::new(provider, server, issuer, &self.wanted, Arc::clone(&subject)))
            }
        };
        let slot = Arc::new(Slot::new(Arc::clone(&self.name), source, self.around.clone()));
        let credential = Arc::new(Credential::bearer(Arc::clone(&self.name), Arc::clone(&slot)));
        Known { subject, slot, credential }
    }

    fn make_room(&self, known: &mut HashMap<Key, Known>) {
        let now = (self.around.clock)() / 1000;
        known.retain(|_, known| known.subject.expires_at() > now);
        while known.len() >= MAX_CALLERS {
            let Some(first) = known.iter().min_by_key(|(_, known)| known.subject.expires_at()).map(|(key, _)| *key) else { return };
            known.remove(&first);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject {
    /// What to show to the authorization server.
    pub(crate) fn shown(&self) -> Shown {
        self.lock().clone()
    }

    /// Takes the caller's token if it lives longer than the one that is kept, or if that one was refused and this is another; `true` if it was taken.
    fn show(&self, caller: &CallerToken<'_>, is_refused: bool) -> bool {
        let mut shown = self.lock();
        let is_other = || caller.token.expose_secret() != shown.token.expose_secret();
        let is_better = caller.expires_at > shown.expires_at || (is_refused && is_other());
        if is_better {
            *shown = Shown { token: caller.token.clone(), expires_at: caller.expires_at };
        }
        is_better
    }

    fn expires_at(&self) -> u64 {
        self.lock().expires_at
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    /// What asks for another token by showing this one; without a type, for an access token as the server has it (RFC 8693 §2.1).
    pub(crate) fn exchange(&self, requested_token_type: Option<TokenType>) -> Grant<'_> {
        Grant::TokenExchange { subject_token: self.token.expose_secret(), subject_token_type: TokenType::AccessToken, requested_token_type }
    }
}

/// A token with fewer scopes, or for another program, must not profit from what a greater one of the same person was given.
fn key_of(caller: &CallerToken<'_>) -> Key {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |text: &str| {
        // The length first, so that no two callers write the same.
        context.update(&text.len().to_be_bytes());
        context.update(text.as_bytes());
    };
    add(caller.issuer);
    add(caller.subject);
    add(if caller.client.is_some() { "client" } else { "" });
    add(caller.client.unwrap_or_default());
    add(&caller.scopes.to_string());
    caller.audiences.iter().for_each(|audience| add(audience));
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

/// Each has a page of locked memory.
const MAX_CALLERS: usize = 1024;

#[cfg(test)]
mod tests;
