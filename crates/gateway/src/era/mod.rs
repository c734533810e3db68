//! What if caller and server speak different eras of MCP? Then the door speaks both: what a message becomes is `mcp::era`'s business, and who keeps what
//! between messages is settled here (protocol.md §1.6).
//!
//! Whichever era the server is of, it is reached through the same backs as ever, so credentials, pipes and pools know nothing of this. `legacy_caller` is
//! for clients older than their server, `modern_caller` for those that are newer.

pub(crate) mod agent;
pub(crate) mod incoming;
pub(crate) mod legacy_caller;
pub(crate) mod modern_caller;
pub(crate) mod outward;

pub(crate) use self::legacy_caller::Client as DeclaredClient;
pub(crate) use self::modern_caller::state::States;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::agent::Agent;
use self::legacy_caller::Tools;
use self::legacy_caller::caller::{Caller, Callers};
use self::modern_caller::parked::Parked;
use self::modern_caller::pool::{self, Pool};
use self::modern_caller::state::Owner;
use crate::clock::Clock;
use crate::config;
use crate::layers::session::Session;
use crate::metrics::Metrics;

/// Everything that the door keeps for one server between the messages of callers of the other era.
pub(crate) struct Crossing {
    me: Weak<Self>,
    server: Box<str>,
    limits: CrossingLimits,
    clock: Clock,
    metrics: Arc<Metrics>,
    states: Arc<States>,
    parked: Parked,
    pool: Pool,
    callers: Callers,
    tools: Tools,
    reaper: OnceLock<()>,
    closing: CancellationToken,
}

/// How much and how long.
#[derive(Clone, Copy, Debug)]
struct CrossingLimits {
    message_bytes: usize,
    sessions_per_caller: usize,
    call: Duration,
    idle: Duration,
    /// For the answer to a question.
    question: Duration,
}

impl Crossing {
    pub(crate) fn new(server: &str, states: &Arc<States>, clock: Clock, metrics: &Arc<Metrics>, config: &config::Config) -> Arc<Self> {
        let limits = CrossingLimits {
            message_bytes: config.limits.message_bytes,
            sessions_per_caller: config.limits.sessions_per_caller.get() as usize,
            call: config.timeouts.call,
            idle: config.timeouts.idle,
            question: config.timeouts.question,
        };
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            server: server.into(),
            clock,
            metrics: Arc::clone(metrics),
            states: Arc::clone(states),
            parked: Parked::new(limits.sessions_per_caller, Arc::clone(metrics)),
            pool: Pool::default(),
            callers: Callers::default(),
            tools: Tools::default(),
            reaper: OnceLock::new(),
            closing: CancellationToken::new(),
            limits,
        })
    }

    /// The caller with this session, or one without.
    pub(crate) fn caller(&self, session: Option<&Session>) -> Arc<Caller> {
        match session.and_then(|session| Some((session, session.client.as_ref()?))) {
            Some((session, client)) => {
                self.reap();
                self.callers.of(&session.upstream, client)
            }
            None => Arc::default(),
        }
    }

    /// A legacy caller ends their session.
    pub(crate) fn end(&self, session: &Session) {
        self.callers.end(&session.upstream);
    }

    /// Everything ends.
    pub(crate) fn close(&self) {
        self.closing.cancel();
        self.pool.clear();
    }

    /// Sees to it that what nobody uses is let go; from the first use on.
    fn reap(&self) {
        self.reaper.get_or_init(|| {
            tokio::spawn(pool::reap(Weak::clone(&self.me)));
        });
    }

    fn owner<'a>(&'a self, agent: &'a Agent) -> Owner<'a> {
        Owner { server: &self.server, caller: &agent.principal.key }
    }

    fn now(&self) -> u64 {
        self.clock.unix_seconds()
    }
}

/// So often a server may ask before it answers one request.
const ROUNDS: u32 = 10;
