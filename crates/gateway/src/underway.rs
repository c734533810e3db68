//! Which legacy requests are under way, and which did their callers take back (`notifications/cancelled`)? For the record alone: a server may
//! answer what was cancelled, and then it does so with an error that is none of its own.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp::raw::RawJson;

use crate::principal::PrincipalKey;

/// The legacy requests that have a place in the door; never more of them than there are places.
#[derive(Default)]
pub(crate) struct Underway {
    /// By a keyed hash of whose they are and of their ids.
    requests: Mutex<HashMap<u64, Standing>>,
    hasher: RandomState,
}

/// Whose ids these are.
#[derive(Clone, Copy, Hash)]
pub(crate) struct Conversation<'a> {
    pub(crate) server: &'a str,
    pub(crate) caller: &'a PrincipalKey,
    /// The session as the upstream knows it; servers that keep no state have none.
    pub(crate) session: Option<&'a str>,
}

/// One request under way; forgotten when dropped.
pub(crate) struct Followed {
    among: Arc<Underway>,
    key: u64,
}

#[derive(Default)]
struct Standing {
    /// Clients that use one id for everything are known.
    of_this_id: usize,
    taken_back: bool,
}

impl Underway {
    /// Follows a request from here on.
    pub(crate) fn follow(self: &Arc<Self>, whose: Conversation<'_>, id: RawJson<'_>) -> Followed {
        let key = self.key(whose, id);
        let mut requests = self.requests();
        let standing = requests.entry(key).or_default();
        standing.of_this_id += 1;
        standing.taken_back = false;
        Followed { among: Arc::clone(self), key }
    }

    /// Notes that the caller wants no answer to this request. Of several with one id none is meant.
    pub(crate) fn take_back(&self, whose: Conversation<'_>, id: RawJson<'_>) {
        let key = self.key(whose, id);
        if let Some(standing) = self.requests().get_mut(&key) {
            standing.taken_back = standing.of_this_id == 1;
        }
    }

    fn key(&self, whose: Conversation<'_>, id: RawJson<'_>) -> u64 {
        self.hasher.hash_one((whose, id.canonical()))
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<u64, Standing>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Followed {
    /// Whether its caller took it back.
    pub(crate) fn was_taken_back(&self) -> bool {
        self.among.requests().get(&self.key).is_some_and(|standing| standing.taken_back)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let mut requests = self.among.requests();
        let Some(standing) = requests.get_mut(&self.key) else { return };
        standing.of_this_id -= 1;
        if standing.of_this_id == 0 {
            requests.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp::envelope::Message;

    use super::{Arc, Conversation, Followed, PrincipalKey, Underway};

    fn ping(id: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)
    }

    fn follow(underway: &Arc<Underway>, whose: Conversation<'_>, id: &str) -> Followed {
        underway.follow(whose, Message::parse(ping(id).as_bytes()).unwrap().id().unwrap())
    }

    fn take_back(underway: &Underway, whose: Conversation<'_>, id: &str) {
        underway.take_back(whose, Message::parse(ping(id).as_bytes()).unwrap().id().unwrap());
    }

    #[test]
    fn only_the_callers_own_request_in_the_same_session_is_taken_back() {
        let underway = Arc::new(Underway::default());
        let (alice, bob) = (PrincipalKey::new("issuer", "alice"), PrincipalKey::new("issuer", "bob"));
        let own = Conversation { server: "fixture", caller: &alice, session: Some("first") };
        let followed = follow(&underway, own, "1");
        for (other, id) in [
            (own, "2"),
            (own, "\"1\""),
            (Conversation { session: Some("second"), ..own }, "1"),
            (Conversation { session: None, ..own }, "1"),
            (Conversation { caller: &bob, ..own }, "1"),
            (Conversation { server: "another", ..own }, "1"),
        ] {
            take_back(&underway, other, id);
            assert!(!followed.was_taken_back(), "{id}");
        }
        take_back(&underway, own, "1");
        assert!(followed.was_taken_back());
    }

    #[test]
    fn of_two_requests_with_one_id_none_is_taken_back_and_nothing_is_kept() {
        let underway = Arc::new(Underway::default());
        let alice = PrincipalKey::new("issuer", "alice");
        let own = Conversation { server: "fixture", caller: &alice, session: None };
        let first = follow(&underway, own, r#""a""#);
        take_back(&underway, own, r#""\u0061""#);
        assert!(first.was_taken_back(), "one id in two spellings");
        let second = follow(&underway, own, r#""a""#);
        take_back(&underway, own, r#""a""#);
        assert!(!first.was_taken_back() && !second.was_taken_back());
        drop(first);
        take_back(&underway, own, r#""a""#);
        assert!(second.was_taken_back(), "it is the only one now");
        drop(second);
        assert!(underway.requests().is_empty());
    }
}
