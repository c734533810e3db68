//! How do callers share a modern server? One instance serves all; which eras it speaks is asked once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use mcp::envelope::Message;
use mcp::era::Era;
use mcp::method;
use policy::Permit;
use tokio::time::Instant;

use super::answer::answer;
use super::call::{Asking, Ending, Ticket};
use super::launch::Fresh;
use super::peer::{Owner, Peer};
use super::toolbox::Instance;
use super::{Answer, StdioBack, lock};
use crate::back::BackFailure;
use crate::back::parameters::Parameters;
use crate::back::probe::{Eras, PROBE};
use crate::config::Protocol;
use crate::principal::PrincipalKey;

/// The instance that all modern callers share.
pub(super) struct Shared {
    pub(super) peer: Arc<Peer>,
    pub(super) parameters: Parameters,
    used: Mutex<Instant>,
}

/// What is known of a server's eras.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Known {
    /// Nobody has asked.
    #[default]
    Nothing,
    /// It was silent for too long, which is how some legacy servers answer; asked again later.
    Presumed { until: Instant },
    /// It has said so.
    Found(Eras),
}

impl Known {
    fn eras(self) -> Option<Eras> {
        match self {
            Self::Found(eras) => Some(eras),
            Self::Presumed { until } if Instant::now() < until => Some(Eras::LEGACY),
            Self::Presumed { .. } | Self::Nothing => None,
        }
    }
}

impl StdioBack {
    /// Sends a modern message to the instance that all callers share. `headers` are the caller's, `requested` the version they speak.
    pub async fn send_modern(
        &self,
        permit: &Permit,
        who: &PrincipalKey,
        message: &Message<'_>,
        requested: &str,
        headers: &HeaderMap,
    ) -> Result<Answer, BackFailure> {
        self.recall_eras().await;
        if self.known_eras().is_some_and(|eras| !eras.modern) {
            return Err(impossible(requested));
        }
        if message.id().is_none() {
            self.notify_modern(who, message).await?;
            return Ok(Answer::Accepted);
        }
        let wants_logs = message.meta().is_some_and(|meta| meta.log_level().is_some());
        let asking = || Asking { caller: who, session: None, wants_logs, cancels_when_dropped: true };
        let shared = self.shared_or_closing(permit, who, requested).await?;
        let toolbox = Instance { peer: &shared.peer, who };
        if let Some(body) = shared.parameters.check(&toolbox, message, headers, self.limits.probe).await {
            return Ok(Answer::Json { status: StatusCode::BAD_REQUEST, body });
        }
        let ticket = match shared.peer.ask(message, asking()).await {
            // It ended before it got the request, so another may have it.
            Err(_) if !shared.peer.is_open() => self.shared_or_closing(permit, who, requested).await?.peer.ask(message, asking()).await?,
            asked => asked?,
        };
        answer(ticket, message, self.limits.call, Era::Modern).await
    }

    async fn shared_or_closing(&self, permit: &Permit, who: &PrincipalKey, requested: &str) -> Result<Arc<Shared>, BackFailure> {
        tokio::select! {
            shared = self.shared(permit, who, requested) => shared,
            () = self.closing.cancelled() => Err(BackFailure::Stopping),
        }
    }

    /// Notifications mean nothing to a server that is not running, and those of the legacy protocol mean nothing to a modern one.
    async fn notify_modern(&self, who: &PrincipalKey, message: &Message<'_>) -> Result<(), BackFailure> {
        let shared = self.modern.lock().await.as_ref().filter(|shared| shared.peer.is_open()).map(Arc::clone);
        let Some(shared) = shared else { return Ok(()) };
        match message.method() {
            // What is under way on an instance that another has taken over from ends when its caller hangs up, which is how modern callers cancel.
            Some(method::NOTIFICATIONS_CANCELLED) => shared.peer.cancel(Owner::Caller(who), message).await,
            Some(method::NOTIFICATIONS_INITIALIZED | method::NOTIFICATIONS_PROGRESS | method::NOTIFICATIONS_ROOTS_LIST_CHANGED) => Ok(()),
            _ => shared.peer.pass(message).await,
        }
    }

    /// The running instance, or a fresh one.
    async fn shared(&self, permit: &Permit, who: &PrincipalKey, requested: &str) -> Result<Arc<Shared>, BackFailure> {
        let mut modern = self.modern.lock().await;
        if let Some(shared) = modern.as_ref().filter(|shared| shared.peer.is_open()) {
            shared.touch();
            return Ok(Arc::clone(shared));
        }
        // Whoever was here before may have found out.
        if self.known_eras().is_some_and(|eras| !eras.modern) {
            return Err(impossible(requested));
        }
        let place = self.place(None).await?;
        let mut fresh = self.launch.start(permit, None, &self.crashes, Some(place)).await?;
        if self.known_eras().is_none() {
            fresh = self.probe(fresh, who).await?.ok_or_else(|| impossible(requested))?;
        }
        let shared = Arc::new(Shared::new(fresh.keep()));
        *modern = Some(Arc::clone(&shared));
        self.look_after();
        Ok(shared)
    }

    /// Asks a fresh instance for its eras; `None` when it is not modern, and then it ends.
    async fn probe(&self, fresh: Fresh, who: &PrincipalKey) -> Result<Option<Fresh>, BackFailure> {
        let mut ticket = self.ask_eras(fresh.peer(), who).await?;
        let eras = match tokio::time::timeout(self.limits.probe, ticket.next()).await {
            Ok(Ok(delivery)) => Eras::of_answer(&delivery.message),
            Ok(Err(Ending::Crashed)) if !*lock(&self.legacy_works) => return Err(BackFailure::Crashed),
            // A server that serves legacy callers and ends over the question is a legacy server.
            Ok(Err(Ending::Crashed)) => Eras::LEGACY,
            Ok(Err(ending)) => return Err(ending.into()),
            Err(_) => {
                *lock(&self.eras) = Known::Presumed { until: Instant::now() + PRESUMED };
                tokio::spawn(learn_late(Arc::clone(&self.eras), fresh, ticket, self.limits.call));
                return Ok(None);
            }
        };
        *lock(&self.eras) = Known::Found(eras);
        self.era_book.note(eras);
        Ok(eras.modern.then_some(fresh))
    }

    /// What a server that refuses `initialize` speaks instead.
    pub(super) async fn eras_of_refuser(&self, peer: &Arc<Peer>, who: &PrincipalKey) -> Option<Eras> {
        if let Some(eras) = self.known_eras() {
            return Some(eras);
        }
        let mut ticket = self.ask_eras(peer, who).await.ok()?;
        let delivery = tokio::time::timeout(self.limits.probe, ticket.next()).await.ok()?.ok()?;
        Some(Eras::of_answer(&delivery.message))
    }

    /// What an earlier process found out counts as found out.
    async fn recall_eras(&self) {
        if self.known_eras().is_none()
            && let Some(eras) = self.era_book.recall().await
        {
            *lock(&self.eras) = Known::Found(eras);
        }
    }

    /// Has it asked anew.
    pub(crate) fn forget_eras(&self) {
        *lock(&self.eras) = Known::Nothing;
        self.era_book.forget();
    }

    fn known_eras(&self) -> Option<Eras> {
        match self.protocol {
            Protocol::Legacy => Some(Eras::LEGACY),
            Protocol::Modern => Some(Eras::MODERN),
            Protocol::Auto => lock(&self.eras).eras(),
        }
    }

    pub(super) async fn ask_eras(&self, peer: &Arc<Peer>, who: &PrincipalKey) -> Result<Ticket, BackFailure> {
        let question = Message::parse(PROBE).map_err(|_| BackFailure::BadAnswer)?;
        peer.ask(&question, Asking { caller: who, session: None, wants_logs: false, cancels_when_dropped: false }).await
    }

    /// Ends the shared instance when nobody uses it.
    pub(super) fn reap_modern(&self) {
        let Ok(mut modern) = self.modern.try_lock() else { return };
        let is_over = modern.as_ref().is_some_and(|shared| {
            let is_unused = lock(&shared.used).elapsed() >= self.limits.idle;
            is_unused && shared.peer.stop_if_idle(self.limits.call)
        });
        if is_over {
            *modern = None;
        }
    }
}

fn impossible(requested: &str) -> BackFailure {
    BackFailure::ImpossiblePair { upstream: Era::Legacy, caller: Era::Modern, requested: requested.chars().take(32).collect() }
}

impl Shared {
    pub(super) fn new(peer: Arc<Peer>) -> Self {
        Self { peer, parameters: Parameters::default(), used: Mutex::new(Instant::now()) }
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }
}

/// A slow start is no proof: programs that are fetched first take longer than the question may. The answer still counts when it comes.
async fn learn_late(eras: Arc<Mutex<Known>>, fresh: Fresh, mut ticket: Ticket, patience: Duration) {
    if let Ok(Ok(delivery)) = tokio::time::timeout(patience, ticket.next()).await {
        *lock(&eras) = Known::Found(Eras::of_answer(&delivery.message));
    }
    drop(fresh);
}

/// How long a silent server counts as a legacy one.
const PRESUMED: Duration = Duration::from_secs(60);
