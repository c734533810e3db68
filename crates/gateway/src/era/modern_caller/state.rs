//! What stands in the `requestState` that a caller carries from a question to its answer? Sealed for that caller, for that request, and for a while (SEP-2322).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp::envelope::{Message, Params};
use serde::{Deserialize, Serialize};
use store::seal::{CannotSeal, InstanceKey, Sealer};

use crate::principal::PrincipalKey;

/// Makes and opens request states.
pub(crate) struct States {
    sealer: Sealer,
}

/// Whose a state is: it is nothing at another server, nor for another caller.
#[derive(Clone, Copy)]
pub(in crate::era) struct Owner<'a> {
    pub(in crate::era) server: &'a str,
    pub(in crate::era) caller: &'a PrincipalKey,
}

/// What happens when the answers come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A call waits under this key.
    Parked { key: String },
    /// The call is made again from its start, for so many times by now.
    Again { rounds: u32 },
}

/// Key, rounds, Unix seconds of the end, digest of what was asked.
#[derive(Serialize, Deserialize)]
struct Sealed(Option<String>, u32, u64, String);

impl States {
    pub(crate) fn new(key: &InstanceKey) -> Result<Self, CannotSeal> {
        Ok(Self { sealer: Sealer::new(key, "request-state")? })
    }

    /// The text for the caller; good until this Unix second.
    pub(super) fn seal(&self, state: &State, owner: Owner<'_>, until: u64, request: &str) -> Option<String> {
        let (key, rounds) = match state {
            State::Parked { key } => (Some(key.clone()), 0),
            State::Again { rounds } => (None, *rounds),
        };
        let plain = serde_json::to_vec(&Sealed(key, rounds, until, request.to_owned())).ok()?;
        self.sealer.seal(&plain, &owner.context()).ok()
    }

    /// What the caller was given, if it is theirs, not too old, and comes with the request that it was given for.
    pub(super) fn open(&self, text: &str, owner: Owner<'_>, now: u64, message: &Message<'_>) -> Option<State> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let plain = self.sealer.open(text, &owner.context()).ok()?;
        let Sealed(key, rounds, until, request) = serde_json::from_slice(&plain).ok()?;
        if now >= until || request != digest_of(message) {
            return None;
        }
        Some(key.map_or(State::Again { rounds }, |key| State::Parked { key }))
    }
}

impl Owner<'_> {
    fn context(self) -> Vec<u8> {
        format!("{}\u{1f}{}", self.server, self.caller.as_str()).into_bytes()
    }
}

/// Method, target and arguments: all that must be the same when a request is asked again.
pub(super) fn digest_of(message: &Message<'_>) -> String {
    let params = message.params();
    let mut context = digest::Context::new(&digest::SHA256);
    let target = params.and_then(|params| params.name().or_else(|| params.uri()));
    let arguments = params.and_then(Params::arguments).map(mcp::raw::RawJson::as_str);
    for part in [message.method(), target, arguments].map(Option::unwrap_or_default) {
        context.update(part.len().to_be_bytes().as_slice());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

const MAX_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_good_for_its_owner_its_request_and_its_time_alone() {
        let states = States::new(&InstanceKey::from_bytes(&[1; 32])).unwrap();
        let other = States::new(&InstanceKey::from_bytes(&[2; 32])).unwrap();
        let (alice, bob) = (PrincipalKey::new("issuer", "alice"), PrincipalKey::new("issuer", "bob"));
        let owner = |server, caller| Owner { server, caller };
        let call = |arguments: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"pay","arguments":{arguments}}}}}"#)
        };
        let (asked, changed) = (call(r#"{"amount":1}"#), call(r#"{"amount":1000}"#));
        let parse = |text: &'static str| Message::parse(text.as_bytes()).unwrap();
        let (asked, changed) = (parse(asked.leak()), parse(changed.leak()));
        let state = State::Parked { key: "k".to_owned() };
        let text = states.seal(&state, owner("docs", &alice), 100, &digest_of(&asked)).unwrap();
        assert_eq!(states.open(&text, owner("docs", &alice), 99, &asked), Some(state));
        assert_eq!(states.open(&text, owner("docs", &alice), 100, &asked), None, "it is too late");
        assert_eq!(states.open(&text, owner("docs", &bob), 99, &asked), None, "it is another's");
        assert_eq!(states.open(&text, owner("docs", &alice), 99, &changed), None, "it was for other arguments");
        assert_eq!(states.open(&text, owner("other", &alice), 99, &asked), None, "it is another server's");
        assert_eq!(other.open(&text, owner("docs", &alice), 99, &asked), None);
        assert_eq!(states.open(&"x".repeat(MAX_BYTES + 1), owner("docs", &alice), 99, &asked), None);
    }
}
