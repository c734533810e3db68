//! May they? Names the action once, from the body, and asks the server's rules.

use std::sync::Arc;

use mcp::envelope::{Message, Target};
use policy::{Action, Permit};

use crate::back::Back;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::table::Server;

/// Where several servers are one: the one that a message is about, and the name that this has there.
pub(crate) fn subject(server: &Server, principal: &Principal, message: &Message<'_>) -> Result<Option<(Arc<Server>, String)>, Refusal> {
    match &server.back {
        Back::Merged(merged) => merged.subject(principal, message),
        Back::Http(_) | Back::Stdio(_) => Ok(None),
    }
}

/// The permit for one message, or why not. A message that names several targets needs all of them allowed.
pub(crate) fn authorize(server: &Server, principal: &Principal, message: &Message<'_>) -> Result<Permit, Refusal> {
    // The rules are those of the server whose business it is.
    if let Back::Merged(merged) = &server.back {
        return merged.authorize(principal, message);
    }
    let caller = principal.as_caller();
    let decide = |action: Action<'_>| server.rules.decide(&caller, &action).map_err(refusal);
    // A response to the server's own request carries no method; its session is what ties it to one.
    let permit = decide(Action::Method(message.method().unwrap_or("response")))?;
    match message.action_target().map_err(Refusal::Wire)? {
        Target::None | Target::Task(_) => {}
        Target::Prompt(name) => return decide(Action::Prompt(name)),
        Target::Resource(uri) => return decide(Action::Resource(uri)),
        Target::Tool(name) => return decide(Action::Tool(name)),
    }
    if let Some(params) = message.params() {
        for uri in params.resource_subscriptions() {
            decide(Action::Resource(uri))?;
        }
    }
    Ok(permit)
}

/// The permit for something that has no message: opening or ending a legacy stream.
pub(crate) fn authorize_method(server: &Server, principal: &Principal, method: &str) -> Result<Permit, Refusal> {
    if let Back::Merged(merged) = &server.back {
        return merged.authorize_method(principal, method);
    }
    server.rules.decide(&principal.as_caller(), &Action::Method(method)).map_err(refusal)
}

/// The refusal of the rules as one of the door's.
pub(crate) fn refusal(refusal: policy::Refusal) -> Refusal {
    match refusal {
        policy::Refusal::Nobody { rule } => Refusal::NotPermitted { rule },
        policy::Refusal::Scopes { needed, rule } => Refusal::InsufficientScope { needed, rule },
    }
}
