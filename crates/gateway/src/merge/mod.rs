//! How are several servers one? `/mcp` is a modern server and nothing else: legacy callers reach it, and it reaches legacy members, by the crossing of eras.
//!
//! What names one thing goes to the member whose it is, under the name that it has there (`name`), and the member's own rules decide (`route`). What asks for
//! everything goes to all of them at once, and whoever does not answer in time is named in the answer (`visit`).

pub(crate) mod cursor;
mod discovery;
mod forward;
mod list;
mod name;
mod news;
mod route;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mcp::envelope::Kind;
use mcp::error_code;
use mcp::list::ListKind;
use mcp::method;
use mcp::version::ProtocolVersion;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::cursor::Cursors;
use self::route::Route;
use self::visit::Visitor;
use crate::back::{BackFailure, Outgoing, Reply};
use crate::config;
use crate::era::outward::json;
use crate::principal::PrincipalKey;
use crate::refusal::Refusal;
use crate::table::Server;
use crate::tasks::TaskIds;
use crate::wire;

/// Several servers as one.
pub(crate) struct Merged {
    title: String,
    /// In the order of their names.
    members: Vec<Arc<Member>>,
    tasks: Arc<TaskIds>,
    cursors: Arc<Cursors>,
    message_bytes: usize,
    times: Times,
}

/// How long a member may take where all are asked.
#[derive(Clone, Copy)]
struct Times {
    /// Until the others go on without it.
    patience: Duration,
    /// Until the question is given up.
    longest: Duration,
}

/// One of them.
struct Member {
    server: Arc<Server>,
    /// Questions that are put to all, and have no answer yet.
    visits: Arc<Semaphore>,
    /// What it can do, as it has told each caller.
    abilities: Cache<PrincipalKey, (Instant, Arc<discovery::Abilities>)>,
}

impl Merged {
    pub(crate) fn new(
        title: &str,
        members: Vec<Arc<Server>>,
        tasks: &Arc<TaskIds>,
        cursors: &Arc<Cursors>,
        config: &config::Config,
    ) -> Self {
        let member = |server| Arc::new(Member { server, visits: Arc::new(Semaphore::new(VISITS)), abilities: Cache::new(CALLERS) });
        Self {
            title: title.to_owned(),
            members: members.into_iter().map(member).collect(),
            tasks: Arc::clone(tasks),
            cursors: Arc::clone(cursors),
            message_bytes: config.limits.message_bytes,
            times: Times { patience: config.timeouts.probe, longest: config.timeouts.call },
        }
    }

    /// Answers one message of a modern caller, or of the crossing in the name of a legacy one.
    pub(crate) fn pass<'a>(self: &'a Arc<Self>, outgoing: &'a Outgoing<'a>) -> BoxFuture<'a, Result<Reply, BackFailure>> {
        self.answer(outgoing).boxed()
    }

    async fn answer(self: &Arc<Self>, outgoing: &Outgoing<'_>) -> Result<Reply, BackFailure> {
        if !outgoing.version.is_modern() {
            return Err(BackFailure::ImpossiblePair {
                upstream: mcp::era::Era::Modern,
                caller: mcp::era::Era::Legacy,
                requested: outgoing.version.as_str().to_owned(),
            });
        }
        let message = outgoing.message;
        let (Kind::Request, Some(id), Some(name)) = (message.kind(), message.id(), message.method()) else {
            // Modern callers have no notification that is for a server (2026-07-28, Streamable HTTP).
            return Ok(Reply::Accepted { status: StatusCode::ACCEPTED, session: None });
        };
        let id = id.as_str();
        let visitor = Visitor::of(outgoing);
        match (name, ListKind::of_method(name)) {
            (_, Some(list)) => list::answer(self, &visitor, message, list, id).await,
            (method::SERVER_DISCOVER, _) => Ok(discovery::answer(self, &visitor, id).await),
            (method::SUBSCRIPTIONS_LISTEN, _) => news::listen(self, &visitor, message, id).await,
            _ => self.forward(&visitor, outgoing, id).await,
        }
    }

    async fn forward(self: &Arc<Self>, visitor: &Visitor, outgoing: &Outgoing<'_>, id: &str) -> Result<Reply, BackFailure> {
        match route::of(self, visitor.principal(), outgoing.message) {
            Ok(Route::Member { member, name, permit }) => forward::pass(self, &member, visitor, permit, &name, outgoing).await,
            Ok(Route::All(_)) => Ok(json(StatusCode::NOT_FOUND, wire::error(id, error_code::METHOD_NOT_FOUND, "there is no such method"))),
            // It was judged before it came here, so this is the door's own request, or rules that changed meanwhile.
            Err(_) => Ok(json(StatusCode::OK, wire::error(id, error_code::INVALID_PARAMS, &Refusal::UnknownTarget.to_string()))),
        }
    }

    fn member(&self, name: &str) -> Option<&Arc<Member>> {
        self.members.iter().find(|member| member.server.name.as_str() == name)
    }
}

impl Member {
    fn name(&self) -> &str {
        self.server.name.as_str()
    }
}

/// What is spoken here.
const MODERN: ProtocolVersion = ProtocolVersion::V2026_07_28;
/// To one member at once.
const VISITS: usize = 64;
/// Of whom it is remembered what a member can do for them.
const CALLERS: usize = 1024;
