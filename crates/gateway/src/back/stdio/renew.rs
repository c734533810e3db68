//! How does an instance give way to one with newer secrets? The new one is opened before anybody is sent to it; what is under way is finished on the old
//! one; sessions and subscriptions move along. No call is lost, and none waits for it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use broker::credential::Stamp;
use futures_util::future::join_all;
use mcp::envelope::Message;
use mcp::method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::call::Asking;
use super::group::Group;
use super::legacy::{is_result, resume};
use super::modern::Shared;
use super::peer::Peer;
use super::process::Program;
use super::toolbox;
use super::{StdioBack, lock};
use crate::back::BackFailure;
use crate::principal::PrincipalKey;

impl StdioBack {
    /// Has the secrets of the instances looked after, while there are any instances that were given some.
    pub(super) fn look_after(&self) {
        if self.launch.program().is_none() {
            return;
        }
        let mut is_looked_after = lock(&self.is_looked_after);
        if !*is_looked_after {
            *is_looked_after = true;
            tokio::spawn(follow(Weak::clone(&self.me), self.closing.clone()));
        }
    }

    /// Whether no instance is left; then nobody has to look after them.
    fn is_deserted(&self) -> bool {
        let mut is_looked_after = lock(&self.is_looked_after);
        // Whoever holds the lock is about to start one.
        let no_shared = self.modern.try_lock().is_ok_and(|modern| modern.as_ref().is_none_or(|shared| !shared.peer.is_open()));
        if !no_shared || !self.running_groups(|_| true).is_empty() {
            return false;
        }
        *is_looked_after = false;
        true
    }

    /// Replaces every instance whose secrets are not the newest, and takes those out of use whose secrets may not be used any more.
    async fn renew(&self, program: &Program) {
        let newest = program.stamp();
        let is_over = program.good_for().is_zero();
        let is_old = |peer: &Peer| is_over || peer.origin.stamp != newest;
        let groups = self.running_groups(|group| group.running().is_some_and(|peer| is_old(&peer)));
        let shared = self.modern.lock().await.clone().filter(|shared| shared.peer.is_open() && is_old(&shared.peer));
        if is_over {
            for group in &groups {
                self.dismiss(group).await;
            }
            if let Some(shared) = shared {
                *self.modern.lock().await = None;
                self.supersede(&shared.peer);
            }
            return;
        }
        let renewals = join_all(groups.iter().map(|group| self.renew_group(group, newest)));
        let (outcomes, outcome) = tokio::join!(renewals, async {
            match &shared {
                Some(shared) => self.renew_shared(shared).await,
                None => Ok(()),
            }
        });
        for failure in outcomes.into_iter().chain([outcome]).filter_map(Result::err) {
            let server = &*self.launch.server;
            let cause = std::error::Error::source(&failure).map(ToString::to_string);
            tracing::warn!(target: "door", server, %failure, cause, "no instance with the newer secrets can be had yet; the old one goes on");
        }
    }

    /// Takes a group's instance out of use; the next call starts another, if its secrets can be had.
    async fn dismiss(&self, group: &Arc<Group>) {
        let mut live = group.live.lock().await;
        if let Some(old) = group.release(&mut live) {
            self.supersede(&old);
        }
    }

    async fn renew_group(&self, group: &Arc<Group>, newest: Stamp) -> Result<(), BackFailure> {
        let Some(old) = group.running() else { return Ok(()) };
        let opening = timeout(OPENED_WITHIN, self.start(&old.origin.permit, group, self.launch.place()));
        let (fresh, answer) = opening.await.map_err(|_| BackFailure::TimedOut { after: OPENED_WITHIN })??;
        if !is_result(&answer) {
            return Err(BackFailure::BadAnswer);
        }
        resume(fresh.peer(), group).await?;
        let has_other_tools = self.tools_differ([&old, fresh.peer()], group.owner(), LEGACY_TOOLS_LIST).await;
        {
            let mut live = group.live.lock().await;
            if live.retired || !live.peer.as_ref().is_some_and(|peer| Arc::ptr_eq(peer, &old)) {
                // Ended meanwhile, or another has taken over.
                return Ok(());
            }
            let peer = fresh.keep();
            *lock(&group.opened) = Some(answer);
            group.leave_behind(&old);
            group.install(&mut live, &peer);
            if has_other_tools && let Ok(news) = Message::parse(TOOLS_CHANGED) {
                peer.told(&news);
            }
            self.renewed(&peer, newest);
        }
        self.supersede(&old);
        Ok(())
    }

    async fn renew_shared(&self, old: &Arc<Shared>) -> Result<(), BackFailure> {
        let door = PrincipalKey::new(OURSELVES, "");
        let fresh = self.launch.start(&old.peer.origin.permit, None, &self.crashes, self.launch.place()).await?;
        // A modern server needs no opening; but that it answers is known only when it has.
        let mut ticket = self.ask_eras(fresh.peer(), &door).await?;
        timeout(OPENED_WITHIN, ticket.response()).await.map_err(|_| BackFailure::TimedOut { after: OPENED_WITHIN })??;
        let request = toolbox::request(None).unwrap_or_default();
        let has_other_tools = self.tools_differ([&old.peer, fresh.peer()], &door, &request).await;
        let peer = {
            let mut modern = self.modern.lock().await;
            if !modern.as_ref().is_some_and(|shared| Arc::ptr_eq(shared, old)) {
                return Ok(());
            }
            let shared = Arc::new(Shared::new(fresh.keep()));
            *modern = Some(Arc::clone(&shared));
            Arc::clone(&shared.peer)
        };
        peer.adopt_subscriptions(&old.peer).await;
        if has_other_tools {
            peer.announce_tools();
        }
        self.renewed(&peer, peer.origin.stamp);
        self.supersede(&old.peer);
        Ok(())
    }

    async fn tools_differ(&self, instances: [&Arc<Peer>; 2], who: &PrincipalKey, request: &str) -> bool {
        let [before, after] = instances.map(|peer| tools_of(peer, who, request, self.limits.probe));
        let (before, after) = tokio::join!(before, after);
        before != after
    }

    fn renewed(&self, peer: &Peer, newest: Stamp) {
        let is_newest = peer.origin.stamp == newest;
        tracing::info!(target: "door", server = &*self.launch.server, is_newest, "an instance with newer secrets has taken over");
    }

    /// Lets an instance finish what is under way, and ends it.
    fn supersede(&self, old: &Arc<Peer>) {
        old.is_superseded.store(true, Ordering::Relaxed);
        tokio::spawn(finish(Arc::clone(old), self.limits.call));
    }
}

impl Peer {
    /// Takes over the subscriptions of the instance before: their callers notice nothing.
    async fn adopt_subscriptions(self: &Arc<Self>, old: &Self) {
        let moving: Vec<_> = old.waiting().calls.extract_if(|_, call| call.listens.is_some() && !call.is_abandoned()).collect();
        for (number_before, call) in moving {
            let cancelled = format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{number_before}}}}}"#);
            old.mention(cancelled.into());
            let Some(original) = call.listens.clone() else { continue };
            let Ok(message) = Message::parse(&original) else { continue };
            let number = self.next_number();
            if let Err(failure) = self.put_in(number, call.moved_to(self, number), &message).await {
                tracing::warn!(target: "door", server = &*self.origin.server, %failure, "a subscription could not move to the new instance");
            }
        }
    }

    /// Tells those who asked for it that the tools have changed: the instance itself does not know the ones before.
    fn announce_tools(&self) {
        #[derive(Deserialize)]
        struct Listen {
            notifications: Wanted,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wanted {
            #[serde(default)]
            tools_list_changed: bool,
        }
        let wants = |original: &[u8]| {
            let message = Message::parse(original).ok()?;
            serde_json::from_str::<Listen>(message.params()?.raw().as_str()).ok()
        };
        self.tool_changes.fetch_add(1, Ordering::Relaxed);
        for call in self.waiting().calls.values() {
            let is_wanted =
                call.listens.as_ref().and_then(|original| wants(original)).is_some_and(|listen| listen.notifications.tools_list_changed);
            if is_wanted {
                let id = &call.id;
                let news = format!(
                    r#"{{"jsonrpc":"2.0","method":"{}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#,
                    method::NOTIFICATIONS_TOOLS_LIST_CHANGED
                );
                // A caller who does not read what comes learns of it from the next list.
                let _not_taken = call.give(news.into(), false);
            }
        }
    }
}

/// Looks after the secrets of a server's instances until there are none.
async fn follow(back: Weak<StdioBack>, closing: CancellationToken) {
    let changes = back.upgrade().and_then(|back| back.launch.program().map(Program::changes));
    let Some(mut changes) = changes else { return };
    loop {
        let pause = {
            let Some(back) = back.upgrade().filter(|back| !back.is_deserted()) else { return };
            let Some(program) = back.launch.program() else { return };
            tokio::select! {
                () = back.renew(program) => {}
                () = closing.cancelled() => return,
            }
            program.good_for().clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
        };
        tokio::select! {
            () = changes.next() => {}
            () = sleep(pause) => {}
            () = closing.cancelled() => return,
        }
    }
}

async fn finish(old: Arc<Peer>, patience: Duration) {
    let deadline = Instant::now() + patience;
    while old.is_open() && Instant::now() < deadline {
        if old.has_nothing_to_do() && old.stop_if_idle(patience) {
            return;
        }
        sleep(SHORTEST_PAUSE).await;
    }
    old.stop();
}

/// The first page of a server's tools, as it says it; `None` if it has none to list.
async fn tools_of(peer: &Arc<Peer>, who: &PrincipalKey, request: &str, patience: Duration) -> Option<(String, Option<String>)> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        tools: &'a RawValue,
        #[serde(rename = "nextCursor")]
        next: Option<String>,
    }
    let message = Message::parse(request.as_bytes()).ok()?;
    let asking = Asking { caller: who, session: None, wants_logs: false, cancels_when_dropped: true };
    let mut ticket = peer.ask(&message, asking).await.ok()?;
    let answer = timeout(patience, ticket.response()).await.ok()?.ok()?;
    let answer = Message::parse(&answer).ok()?;
    let page: Page<'_> = serde_json::from_str(answer.result()?.as_str()).ok()?;
    Some((page.tools.get().to_owned(), page.next))
}

const LEGACY_TOOLS_LIST: &str = r#"{"jsonrpc":"2.0","id":"claviger-tools","method":"tools/list"}"#;
const TOOLS_CHANGED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
/// Who asks when the door itself does.
const OURSELVES: &str = "claviger:door";
/// How long a new instance may take to open. The old one serves meanwhile.
const OPENED_WITHIN: Duration = Duration::from_secs(60);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// After a renewal that failed it is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
