//! What may this caller see? List results are cut down to what the rules allow (P2), by splicing bytes out.

use bytes::Bytes;
use mcp::envelope::Message;
use mcp::list::{self, ListError, ListKind};
use mcp::method;
use mcp::splice::{Edit, splice};
use mcp::version::ProtocolVersion;
use policy::Action;

use crate::back::Back;
use crate::principal::Principal;
use crate::table::Server;
use crate::tasks::{self, TaskIds, Tasks};

/// A change that an answer needs on its way to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// `server/discover`: only revisions that the door speaks too; private where lists are filtered.
    Discover,
    /// Whatever list it turns out to be.
    AnyList,
    /// A list: only the items that this caller may use.
    List(ListKind),
    /// What may name a task: its id becomes the caller's. `asked`: it was asked about.
    Tasks { asked: bool },
}

/// Which change the answer to this message needs, if any.
pub(crate) fn rewrite_for(server: &Server, message: &Message<'_>) -> Option<Rewrite> {
    match message.method()? {
        method::SERVER_DISCOVER => Some(Rewrite::Discover),
        // Several servers as one give their tasks their ids themselves.
        method if tasks::may_come_of(message) => {
            (!matches!(server.back, Back::Merged(_))).then_some(Rewrite::Tasks { asked: tasks::is_about_task(method) })
        }
        method => ListKind::of_method(method).filter(|_| !server.rules.hides_nothing()).map(Rewrite::List),
    }
}

/// Applies the change to one message; messages that it does not concern come back untouched.
///
/// `None`: the message claims to be a result of this list but cannot be read as one, so it cannot be shown.
pub(crate) fn apply(rewrite: Rewrite, body: Bytes, server: &Server, principal: &Principal, ids: &TaskIds) -> Option<Bytes> {
    let message = Message::parse(&body).ok()?;
    if let Rewrite::Tasks { asked } = rewrite {
        let tasks = Tasks { ids, server: server.name.as_str(), caller: &principal.key };
        let edits = tasks.outward(&message, asked)?;
        return Some(if edits.is_empty() { body } else { splice(message.raw().as_bytes(), &edits).into() });
    }
    let Some(result) = message.result() else { return Some(body) };
    let edits = match rewrite {
        Rewrite::AnyList => any_list(result.as_str(), server, principal),
        Rewrite::Discover => discovery(result.as_str(), server),
        Rewrite::Tasks { .. } => return None,
        Rewrite::List(kind) => {
            let caller = principal.as_caller();
            list::filter(result.as_str(), kind, |name| server.rules.decide(&caller, &action(kind, name)).is_ok())
        }
    }
    .ok()?;
    if edits.is_empty() {
        return Some(body);
    }
    let start = message.range_of(result)?.start;
    let edits: Vec<Edit> = edits.into_iter().map(|edit| edit.shifted(start)).collect();
    Some(splice(&body, &edits).into())
}

fn any_list(result: &str, server: &Server, principal: &Principal) -> Result<Vec<Edit>, ListError> {
    let caller = principal.as_caller();
    let mut edits: Vec<Edit> = Vec::new();
    for kind in [ListKind::Prompts, ListKind::ResourceTemplates, ListKind::Resources, ListKind::Tools] {
        for edit in list::filter(result, kind, |name| server.rules.decide(&caller, &action(kind, name)).is_ok())? {
            // The downgrade of `cacheScope` comes with each kind.
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// Where lists depend on the caller, so does what is said about them: the discovery must not be cached for others either.
fn discovery(result: &str, server: &Server) -> Result<Vec<Edit>, ListError> {
    let mut edits = mcp::discover::restrict_versions(result, &SERVED)?;
    if !server.rules.hides_nothing() {
        edits.extend(list::filter(result, ListKind::Tools, |_| true)?);
    }
    Ok(edits)
}

/// What the caller does who uses an item of a list.
pub(crate) fn action(kind: ListKind, name: &str) -> Action<'_> {
    match kind {
        ListKind::Prompts => Action::Prompt(name),
        ListKind::Resources | ListKind::ResourceTemplates => Action::Resource(name),
        ListKind::Tools => Action::Tool(name),
    }
}

/// The revisions that the door passes on.
const SERVED: [ProtocolVersion; 4] =
    [ProtocolVersion::V2025_03_26, ProtocolVersion::V2025_06_18, ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];
