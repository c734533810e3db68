//! One caller's instance of a legacy server, the sessions that share it, and what it takes to open it again.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::hub::Hub;
use super::launch::Failures;
use super::lock;
use super::peer::Peer;
use crate::principal::PrincipalKey;

/// A caller, and a hash of the words in which the session was opened.
pub(super) type GroupKey = (PrincipalKey, [u8; 32]);

/// Sessions of one caller that were opened in the same words.
pub(super) struct Group {
    pub(super) key: GroupKey,
    pub(super) hub: Arc<Hub>,
    /// The `initialize` of the first session.
    pub(super) opening: Bytes,
    /// The server's answer to it, for the sessions that follow.
    pub(super) opened: Mutex<Option<Bytes>>,
    /// The level of the last `logging/setLevel`, for the instance that comes after this one.
    pub(super) log_level: Mutex<Option<String>>,
    /// Held while an instance is started, so that there is one at a time.
    pub(super) live: tokio::sync::Mutex<Live>,
    /// The instance, for those who must not wait.
    seen: Mutex<Option<Arc<Peer>>>,
    /// Instances that another has taken over from, and that finish what is under way.
    left_behind: Mutex<Vec<Weak<Peer>>>,
    used: Mutex<Instant>,
    pub(super) crashes: Failures,
}

/// The instance of a group.
#[derive(Default)]
pub(super) struct Live {
    pub(super) peer: Option<Arc<Peer>>,
    /// The group is no longer in the table: whoever waited for it looks there again.
    pub(super) retired: bool,
}

impl Group {
    pub(super) fn new(key: GroupKey, opening: Bytes) -> Self {
        Self {
            key,
            hub: Arc::default(),
            opening,
            opened: Mutex::default(),
            log_level: Mutex::default(),
            live: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
            left_behind: Mutex::default(),
            used: Mutex::new(Instant::now()),
            crashes: Failures::default(),
        }
    }

    pub(super) fn owner(&self) -> &PrincipalKey {
        &self.key.0
    }

    /// The instance, if it is running.
    pub(super) fn running(&self) -> Option<Arc<Peer>> {
        lock(&self.seen).clone().filter(|peer| peer.is_open())
    }

    /// The running instance, and those before it that are not done yet.
    pub(super) fn instances(&self) -> impl Iterator<Item = Arc<Peer>> + use<> {
        let left_behind: Vec<Arc<Peer>> = lock(&self.left_behind).iter().filter_map(Weak::upgrade).collect();
        self.running().into_iter().chain(left_behind).filter(|peer| peer.is_open())
    }

    /// Notes an instance that another takes over from.
    pub(super) fn leave_behind(&self, peer: &Arc<Peer>) {
        let mut left_behind = lock(&self.left_behind);
        left_behind.retain(|peer| peer.upgrade().is_some_and(|peer| peer.is_open()));
        left_behind.push(Arc::downgrade(peer));
    }

    /// Takes the instance out of use without ending it.
    pub(super) fn release(&self, live: &mut Live) -> Option<Arc<Peer>> {
        *lock(&self.seen) = None;
        let peer = live.peer.take()?;
        self.leave_behind(&peer);
        Some(peer)
    }

    /// Puts an instance to use.
    pub(super) fn install(&self, live: &mut Live, peer: &Arc<Peer>) {
        *lock(&self.seen) = Some(Arc::clone(peer));
        live.peer = Some(Arc::clone(peer));
    }

    pub(super) fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    pub(super) fn last_used(&self) -> Instant {
        *lock(&self.used)
    }

    /// Whether nobody has called for `limit`, nobody waits, and nobody listens.
    pub(super) fn is_idle(&self, limit: Duration, call: Duration) -> bool {
        self.last_used().elapsed() >= limit && !self.hub.is_heard() && self.running().is_none_or(|peer| peer.is_idle(call))
    }

    /// Takes an instance that is idle out of use and asks it to end; sessions stay, and the next call starts another. Nothing happens while
    /// one is being started.
    pub(super) fn rest(&self, call: Duration) -> bool {
        let Ok(mut live) = self.live.try_lock() else { return false };
        if live.peer.as_ref().is_some_and(|peer| !peer.stop_if_idle(call)) {
            return false;
        }
        self.stop(&mut live);
        true
    }

    /// Takes the whole group out of use.
    pub(super) fn retire(&self, live: &mut Live) {
        live.retired = true;
        self.stop(live);
        for peer in self.instances() {
            peer.stop();
        }
        self.hub.clear();
    }

    fn stop(&self, live: &mut Live) {
        *lock(&self.seen) = None;
        if let Some(peer) = live.peer.take() {
            peer.stop();
        }
    }
}
