//! Whose business is a message, and may its caller have it done? The rules are the member's, and so are the names that they see.

use std::sync::Arc;

use mcp::envelope::{Message, Target};
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

/// What a message was judged to be about.
pub(crate) struct Judged {
    pub(crate) permit: Permit,
    /// The one member that it goes to, and the name there.
    pub(crate) subject: Option<(Arc<Server>, String)>,
}

impl Merged {
    /// The permit for one message, or why not.
    pub(crate) fn authorize(&self, principal: &Principal, message: &Message<'_>) -> Result<Judged, Refusal> {
        Ok(match of(self, principal, message)? {
            Route::All(permit) => Judged { permit, subject: None },
            Route::Member { member, name, permit } => Judged { permit, subject: Some((Arc::clone(&member.server), name)) },
        })
    }

    /// The permit for something that has no message.
    pub(crate) fn authorize_method(&self, principal: &Principal, method: &str) -> Result<Permit, Refusal> {
        any(self, principal, method)
    }
}

pub(super) fn of(merged: &Merged, principal: &Principal, message: &Message<'_>) -> Result<Route, Refusal> {
    let method = message.method().unwrap_or("response");
    let target = message.action_target().map_err(Refusal::Wire)?;
    let parts = match target {
        Target::None => None,
        Target::Prompt(text) | Target::Tool(text) => Some(name::split(text).map(|(server, bare)| (server.to_owned(), bare.to_owned()))),
        Target::Resource(uri) => Some(name::split_uri(uri).map(|(server, bare)| (server.to_owned(), bare.to_owned()))),
        Target::Task(id) => Some(merged.tasks.open(id, &principal.key).map(|task| (task.server, task.id))),
    };
    let Some(parts) = parts else {
        let permit = any(merged, principal, method)?;
        watched(merged, principal, message)?;
        return Ok(Route::All(permit));
    };
    let (server, bare) = parts.ok_or(Refusal::UnknownTarget)?;
    let member = merged.member(&server).ok_or(Refusal::UnknownTarget)?;
    let permit = decide(member, principal, &Action::Method(method))?;
    let permit = match target {
        Target::None | Target::Task(_) => permit,
        Target::Prompt(_) => decide(member, principal, &Action::Prompt(&bare))?,
        Target::Resource(_) => decide(member, principal, &Action::Resource(&bare))?,
        Target::Tool(_) => decide(member, principal, &Action::Tool(&bare))?,
    };
    Ok(Route::Member { member: Arc::clone(member), name: bare, permit })
}

/// Every resource that is to be watched has to be one that this caller may read.
fn watched(merged: &Merged, principal: &Principal, message: &Message<'_>) -> Result<(), Refusal> {
    for uri in message.params().into_iter().flat_map(|params| params.resource_subscriptions()) {
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
