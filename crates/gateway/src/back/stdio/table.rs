//! Which sessions and instances are there, who owns them, and which give way when there are too many?

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::group::{Group, Live};
use super::{StdioBack, lock};
use crate::back::BackFailure;
use crate::back::failure::Scarce;
use crate::principal::PrincipalKey;

/// A session, and when it was last used.
pub(super) struct Held {
    group: Arc<Group>,
    used: Instant,
}

impl StdioBack {
    /// The group of a session, which is thereby in use; only for its owner.
    pub(super) fn group_of(&self, who: &PrincipalKey, session: &str) -> Result<Arc<Group>, BackFailure> {
        let mut sessions = lock(&self.sessions);
        let held = sessions.get_mut(session).ok_or(BackFailure::SessionGone)?;
        if held.group.owner() != who {
            return Err(BackFailure::ForeignSession);
        }
        held.used = Instant::now();
        held.group.touch();
        Ok(Arc::clone(&held.group))
    }

    /// Enters a new session. If its owner has too many now, the one that was used the longest ago ends.
    pub(super) fn hold(&self, session: &str, group: &Arc<Group>) {
        let oldest = {
            let mut sessions = lock(&self.sessions);
            sessions.insert(session.to_owned(), Held { group: Arc::clone(group), used: Instant::now() });
            let mine = || sessions.iter().filter(|(_, held)| held.group.owner() == group.owner());
            if mine().count() <= self.limits.sessions_per_caller {
                return;
            }
            let others = mine().filter(|(id, _)| *id != session);
            others.min_by_key(|(id, held)| (held.group.hub.hears(id), held.used)).map(|(id, held)| (id.clone(), Arc::clone(&held.group)))
        };
        if let Some((session, group)) = oldest {
            tracing::info!(target: "door", server = &*self.launch.server, limit = %Scarce::Sessions, "the oldest session ends for a new one");
            self.end(&group, &session);
        }
    }

    pub(super) fn end(&self, group: &Arc<Group>, session: &str) {
        lock(&self.sessions).remove(session);
        group.hub.remove(session);
        for peer in group.instances() {
            peer.forget(session);
        }
    }

    /// Takes a group out of the table. `live` is its own, locked.
    pub(super) fn remove(&self, group: &Arc<Group>, live: &mut Live) {
        let mut groups = lock(&self.groups);
        if groups.get(&group.key).is_some_and(|kept| Arc::ptr_eq(kept, group)) {
            groups.remove(&group.key);
        }
        drop(groups);
        group.retire(live);
    }

    /// A place for one more instance: a free one, or that of an instance that nobody misses. One caller alone cannot have them all.
    pub(super) async fn place(&self, who: Option<&PrincipalKey>) -> Result<OwnedSemaphorePermit, BackFailure> {
        if self.closing.is_cancelled() {
            return Err(BackFailure::Stopping);
        }
        if let Some(who) = who {
            let is_mine = |group: &Group| group.owner() == who;
            let share = self.limits.children - self.limits.children / 4;
            if self.running_groups(is_mine).len() >= share && !self.make_room(is_mine) {
                return Err(BackFailure::Busy(Scarce::ChildrenOfPrincipal));
            }
        }
        if let Some(place) = self.launch.place() {
            return Ok(place);
        }
        let is_spare = |group: &Group| group.hub.is_empty() || group.last_used().elapsed() >= self.limits.idle / 4;
        if !self.make_room(is_spare) && !self.make_room(|group| who.is_some_and(|who| group.owner() == who)) {
            return Err(BackFailure::Busy(Scarce::Children));
        }
        self.launch.next_place().await
    }

    /// Ends the instance, among those of such groups, that was used the longest ago and that nobody waits for or listens to.
    fn make_room(&self, may_go: impl Fn(&Group) -> bool) -> bool {
        let mut groups = self.running_groups(|group| may_go(group) && group.is_idle(Duration::ZERO, self.limits.call));
        groups.sort_by_key(|group| group.last_used());
        groups.iter().any(|group| group.rest(self.limits.call))
    }

    pub(super) fn running_groups(&self, wanted: impl Fn(&Group) -> bool) -> Vec<Arc<Group>> {
        lock(&self.groups).values().filter(|group| group.running().is_some() && wanted(group)).cloned().collect()
    }

    /// Ends instances that nobody uses, sessions that nobody has used for a day, and groups without a session.
    pub(super) fn reap_legacy(&self) {
        let forgotten: Vec<(String, Arc<Group>)> = lock(&self.sessions)
            .iter()
            .filter(|(id, held)| held.used.elapsed() >= FORGOTTEN && !held.group.hub.hears(id))
            .map(|(id, held)| (id.clone(), Arc::clone(&held.group)))
            .collect();
        for (session, group) in forgotten {
            self.end(&group, &session);
        }
        let groups: Vec<Arc<Group>> = lock(&self.groups).values().cloned().collect();
        for group in groups.iter().filter(|group| group.is_idle(self.limits.idle, self.limits.call)) {
            let Ok(mut live) = group.live.try_lock() else { continue };
            if group.hub.is_empty() {
                self.remove(group, &mut live);
            } else {
                drop(live);
                group.rest(self.limits.call);
            }
        }
    }

    /// Forgets all sessions; their streams end.
    pub(super) fn clear(&self) {
        lock(&self.sessions).clear();
        for (_, group) in lock(&self.groups).drain() {
            group.hub.clear();
        }
    }
}

/// A client that comes back later opens a new session.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);
