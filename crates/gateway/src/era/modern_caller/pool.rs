//! Which conversation is whose? One for each caller and set of declared capabilities, opened when first needed, closed when idle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use aws_lc_rs::digest;
use mcp::envelope::{Message, Meta};

use super::conversation::Conversation;
use crate::back::BackFailure;
use crate::back::failure::Scarce;
use crate::era::Crossing;
use crate::era::agent::Agent;
use crate::principal::PrincipalKey;

/// The conversations of one server.
#[derive(Default)]
pub(crate) struct Pool {
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
}

/// What a client can do decides what a server asks it, so it is part of the conversation.
type Key = (PrincipalKey, [u8; 32]);

#[derive(Default)]
struct Slot {
    open: tokio::sync::Mutex<Option<Open>>,
}

#[derive(Clone)]
struct Open {
    conversation: Arc<Conversation>,
    /// Who opened it, to close it again.
    agent: Agent,
}

impl Pool {
    /// The conversation for this request.
    pub(super) async fn conversation(
        &self,
        crossing: &Arc<Crossing>,
        agent: &Agent,
        message: &Message<'_>,
    ) -> Result<Arc<Conversation>, BackFailure> {
        let slot = self.slot((agent.principal.key.clone(), digest_of(message)), crossing.limits.sessions_per_caller)?;
        let mut open = slot.open.lock().await;
        if let Some(open) = open.as_ref().filter(|open| !open.conversation.is_lost()) {
            open.conversation.touch();
            return Ok(Arc::clone(&open.conversation));
        }
        let opening = tokio::time::timeout(crossing.limits.call, Conversation::open(agent, message, crossing.limits.message_bytes));
        let conversation = match opening.await {
            Ok(Ok(conversation)) => Arc::new(conversation),
            Ok(Err(failure)) => {
                // Perhaps it is no legacy server any more.
                agent.back.forget_eras();
                return Err(failure);
            }
            Err(_) => return Err(BackFailure::TimedOut { after: crossing.limits.call }),
        };
        crossing.reap();
        *open = Some(Open { conversation: Arc::clone(&conversation), agent: agent.without_token() });
        Ok(conversation)
    }

    /// A caller who has too many loses the one that was idle for longest.
    fn slot(&self, key: Key, per_caller: usize) -> Result<Arc<Slot>, BackFailure> {
        let mut slots = self.slots();
        if let Some(slot) = slots.get(&key) {
            return Ok(Arc::clone(slot));
        }
        let own = || slots.iter().filter(|((owner, _), _)| *owner == key.0);
        if own().count() >= per_caller {
            let idle = own().filter_map(|(key, slot)| Some((key.clone(), slot.idle()?)));
            let oldest = idle.max_by_key(|(_, idle)| *idle).map(|(key, _)| key);
            slots.remove(&oldest.ok_or(BackFailure::Busy(Scarce::Sessions))?);
        }
        let slot = Arc::<Slot>::default();
        slots.insert(key, Arc::clone(&slot));
        Ok(slot)
    }

    /// Takes out what nobody has used for so long.
    fn idle_for(&self, limit: Duration) -> Vec<Open> {
        let mut closed = Vec::new();
        self.slots().retain(|_, slot| {
            // A slot in use is not idle.
            if Arc::strong_count(slot) > 1 {
                return true;
            }
            let Ok(mut open) = slot.open.try_lock() else { return true };
            let is_idle = open.as_ref().is_none_or(|open| !open.conversation.is_busy() && open.conversation.idle() >= limit);
            if is_idle {
                closed.extend(open.take());
            }
            !is_idle
        });
        closed
    }

    /// Ends every stream, and forgets everything.
    pub(crate) fn clear(&self) {
        for (_, slot) in self.slots().drain() {
            if let Ok(open) = slot.open.try_lock()
                && let Some(open) = open.as_ref()
            {
                open.conversation.lose();
                open.conversation.end_streams();
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// For how long nobody has used it; `None` while somebody does.
    fn idle(&self) -> Option<Duration> {
        let open = self.open.try_lock().ok()?;
        let Some(open) = open.as_ref() else { return Some(Duration::MAX) };
        (!open.conversation.is_busy()).then(|| open.conversation.idle())
    }
}

/// Closes conversations that nobody has used for a while; ends itself with the server.
pub(crate) async fn reap(crossing: Weak<Crossing>) {
    loop {
        let Some((pause, closing)) = crossing.upgrade().map(|it| ((it.limits.idle / 4).max(SHORTEST_ROUND), it.closing.clone())) else {
            return;
        };
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let Some(crossing) = crossing.upgrade() else { return };
        crossing.callers.reap(SESSION_IDLE);
        for Open { conversation, agent } in crossing.pool.idle_for(crossing.limits.idle) {
            conversation.lose();
            if let Some(session) = &conversation.session
                && let Err(error) = agent.end(session).await
            {
                tracing::debug!(target: "door", error = &error as &dyn std::error::Error, "a legacy server did not hear that a session has ended");
            }
        }
    }
}

fn digest_of(message: &Message<'_>) -> [u8; 32] {
    let capabilities = message.meta().and_then(Meta::client_capabilities).map_or("{}", |raw| raw.as_str());
    let mut output = [0; 32];
    output.copy_from_slice(digest::digest(&digest::SHA256, capabilities.as_bytes()).as_ref());
    output
}

/// What a legacy caller has changed since they opened their session is kept for so long after the last that was heard of them.
const SESSION_IDLE: Duration = Duration::from_secs(24 * 3600);
const SHORTEST_ROUND: Duration = Duration::from_millis(100);
