//! Whose business is a message, and may its caller have it done? The rules are the member's, and so are the names that they see.

use std::sync::Arc;

use mcp::envelope::{Message, Params, Target};
use policy::{Action, Permit};

use super::{Member, Merged, name};
use crate::layers::authorize::refusal;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::table::Server;

/// Where a message goes.
pub(super) enum Route {
    /// To whoever may be asked; the permit is that of one of them.
    All(Permit),
    /// To one member, about what has this name there.
    Member { member: Arc<Member>, name: String, permit: Permit },
}

impl Merged {
    /// The one server that a message is about, and the name there; `None`: it is about all of them.
    pub(crate) fn subject(&self, principal: &Principal, message: &Message<'_>) -> Result<Option<(Arc<Server>, String)>, Refusal> {
        Ok(subject(self, principal, message)?.map(|(member, name)| (Arc::clone(&member.server), name)))
    }

    /// The permit for one message, or why not.
    pub(crate) fn authorize(&self, principal: &Principal, message: &Message<'_>) -> Result<Permit, Refusal> {
        Ok(match of(self, principal, message)? {
            Route::All(permit) | Route::Member { permit, .. } => permit,
        })
    }

    /// The permit for something that has no message.
    pub(crate) fn authorize_method(&self, principal: &Principal, method: &str) -> Result<Permit, Refusal> {
        any(self, principal, method)
    }
}

pub(super) fn of(merged: &Merged, principal: &Principal, message: &Message<'_>) -> Result<Route, Refusal> {
    let method = message.method().unwrap_or("response");
    let Some((member, name)) = subject(merged, principal, message)? else {
        let permit = any(merged, principal, method)?;
        watched(merged, principal, message)?;
        return Ok(Route::All(permit));
    };
    let permit = decide(&member, principal, &Action::Method(method))?;
    let permit = match message.action_target().map_err(Refusal::Wire)? {
        Target::None | Target::Task(_) => permit,
        Target::Prompt(_) => decide(&member, principal, &Action::Prompt(&name))?,
        Target::Resource(_) => decide(&member, principal, &Action::Resource(&name))?,
        Target::Tool(_) => decide(&member, principal, &Action::Tool(&name))?,
    };
    Ok(Route::Member { member, name, permit })
}

fn subject(merged: &Merged, principal: &Principal, message: &Message<'_>) -> Result<Option<(Arc<Member>, String)>, Refusal> {
    let owned = |(server, name): (&str, &str)| (server.to_owned(), name.to_owned());
    let parts = match message.action_target().map_err(Refusal::Wire)? {
        Target::None => return Ok(None),
        Target::Prompt(text) | Target::Tool(text) => name::split(text).map(owned),
        Target::Resource(uri) => name::split_uri(uri).map(owned),
        Target::Task(id) => merged.tasks.open(id, &principal.key).map(|task| (task.server, task.id)),
    };
    let (server, name) = parts.ok_or(Refusal::UnknownTarget)?;
    let member = merged.member(&server).ok_or(Refusal::UnknownTarget)?;
    Ok(Some((Arc::clone(member), name)))
}

/// Every resource that is to be watched has to be one that this caller may read.
fn watched(merged: &Merged, principal: &Principal, message: &Message<'_>) -> Result<(), Refusal> {
    for uri in message.params().into_iter().flat_map(Params::resource_subscriptions) {
        let (server, bare) = name::split_uri(uri).ok_or(Refusal::UnknownTarget)?;
        let member = merged.member(server).ok_or(Refusal::UnknownTarget)?;
        decide(member, principal, &Action::Resource(bare))?;
    }
    Ok(())
}

/// What is open at one member is open. What is open at none is refused with what the first of them asks for.
fn any(merged: &Merged, principal: &Principal, method: &str) -> Result<Permit, Refusal> {
    let mut refused: Option<Refusal> = None;
    for member in &merged.members {
        match decide(member, principal, &Action::Method(method)) {
            Ok(permit) => return Ok(permit),
            Err(refusal @ Refusal::InsufficientScope { .. }) if !matches!(refused, Some(Refusal::InsufficientScope { .. })) => {
                refused = Some(refusal);
            }
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    Err(refused.unwrap_or(Refusal::UnknownTarget))
}

pub(super) fn decide(member: &Member, principal: &Principal, action: &Action<'_>) -> Result<Permit, Refusal> {
    member.server.rules.decide(&principal.as_caller(), action).map_err(refusal)
}
