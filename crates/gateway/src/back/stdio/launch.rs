//! How is an instance made, how many may there be, and what happens after failures?

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::Missing;
use broker::credential::Stamp;
use policy::Permit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use super::backoff::Backoff;
use super::hub::Hub;
use super::lock;
use super::peer::{Origin, Peer};
use super::process::{self, Life, Program, Started};
use super::sse::Way;
use super::stderr::Masker;
use crate::back::BackFailure;
use crate::back::failure::Scarce;
use crate::config::Builtin;

/// Starts the instances of one server.
pub(super) struct Launch {
    pub(super) server: Arc<str>,
    kind: Kind,
    message_bytes: usize,
    /// Instances that never answered anything. They count for all callers: the next start would end no better.
    starts: Failures,
    places: Arc<Semaphore>,
    lives: Mutex<Vec<Life>>,
}

pub(super) enum Kind {
    Builtin(Builtin),
    Process(Program),
    Sse(Arc<Way>),
}

/// Failures in a row, shared by those who count them and those who ask.
pub(super) type Failures = Arc<Mutex<Backoff>>;

/// Where the successes and failures of one instance are counted.
pub(super) struct Ledger {
    starts: Failures,
    /// Instances that had worked and then ended: those of one caller, or of the shared server.
    crashes: Failures,
    answers: AtomicU64,
}

/// An instance that nobody keeps yet. It ends with this value.
pub(super) struct Fresh {
    peer: Arc<Peer>,
    guard: DropGuard,
}

impl Ledger {
    /// Notes an answer: the first shows that the server starts, the next that it works.
    pub(super) fn answered(&self) {
        match self.answers.fetch_add(1, Ordering::Relaxed) {
            0 => lock(&self.starts).succeeded(),
            1 => lock(&self.crashes).succeeded(),
            _ => {}
        }
    }

    /// Notes that the server ended without having been told to.
    pub(super) fn ended_unasked(&self) {
        let failures = if self.answers.load(Ordering::Relaxed) == 0 { &self.starts } else { &self.crashes };
        fail(failures);
    }
}

impl Fresh {
    pub(super) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    pub(super) fn keep(self) -> Arc<Peer> {
        let _stays = self.guard.disarm();
        self.peer
    }
}

impl Launch {
    pub(super) fn new(server: Arc<str>, kind: Kind, message_bytes: usize, children: usize) -> Self {
        Self {
            server,
            kind,
            message_bytes,
            starts: Failures::default(),
            places: Arc::new(Semaphore::new(children)),
            lives: Mutex::default(),
        }
    }

    /// A place for one more instance, if one is free.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// A place that is about to become free.
    pub(super) async fn next_place(&self) -> Result<OwnedSemaphorePermit, BackFailure> {
        let place = tokio::time::timeout(FREE_WITHIN, Arc::clone(&self.places).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(BackFailure::Busy(Scarce::Children))
    }

    /// Starts an instance in `place`, unless the last ones failed too short a time ago. A short wait is waited for, a long one is refused. Without a place
    /// only for an instance that takes over from another, whose place it will have.
    pub(super) async fn start(
        &self,
        permit: &Permit,
        hub: Option<Arc<Hub>>,
        crashes: &Failures,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Fresh, BackFailure> {
        let retry_after = self.wait().max(lock(crashes).wait(Instant::now()));
        if retry_after > WORTH_WAITING {
            return Err(BackFailure::Unavailable { retry_after });
        }
        tokio::time::sleep(retry_after).await;
        let life = Life::default();
        let peer = match &self.kind {
            Kind::Builtin(start) => {
                let pipe = tokio::io::split(start());
                let origin = self.origin(crashes, permit, Arc::default(), Stamp::default());
                let peer = Peer::start(pipe, life.clone(), hub, origin);
                // There is no process to wait for.
                tokio::spawn(process::end_when_stopped(life.clone()));
                peer
            }
            Kind::Process(program) => {
                let started = process::start(&self.server, program, permit, &life).await;
                let Started { stdin, stdout, masker, stamp } = started.inspect_err(|failure| {
                    // A credential that is missing says nothing about the program.
                    if matches!(failure, BackFailure::Start(_)) {
                        fail(&self.starts);
                    }
                })?;
                Peer::start((stdout, stdin), life.clone(), hub, self.origin(crashes, permit, masker, stamp))
            }
            Kind::Sse(way) => {
                let opened = way.open(permit).await.inspect_err(|failure| {
                    if !failure.is_about_credentials() {
                        fail(&self.starts);
                    }
                })?;
                // Each `POST` is given its credentials anew; so what the server says may hold some that nobody knows yet.
                opened.start(&life, hub, self.origin(crashes, permit, Arc::new(Masker::of_everything()), Stamp::default()))
            }
        };
        self.track(&life, place);
        let guard = life.stop.drop_guard();
        Ok(Fresh { peer, guard })
    }

    /// Counts an instance that was given up before it answered anything.
    pub(super) fn failed(&self) {
        fail(&self.starts);
    }

    /// How long until a start may be tried.
    pub(super) fn wait(&self) -> Duration {
        lock(&self.starts).wait(Instant::now())
    }

    /// Ends everything that was ever started: politely, then not. Returns when all of it is gone.
    pub(super) async fn shutdown(&self, patience: Duration) {
        self.stop();
        let lives = lock(&self.lives).clone();
        let all = async {
            for life in &lives {
                life.ended.cancelled().await;
            }
        };
        tokio::pin!(all);
        if tokio::time::timeout(patience, &mut all).await.is_err() {
            for life in &lives {
                life.kill.cancel();
            }
            let _ = tokio::time::timeout(process::KILLED_WITHIN, all).await;
        }
    }

    /// Asks everything that was ever started to end.
    pub(super) fn stop(&self) {
        for life in lock(&self.lives).iter() {
            life.stop.cancel();
        }
    }

    /// The program and its credentials, where they can change while it runs.
    pub(super) fn program(&self) -> Option<&Program> {
        match &self.kind {
            Kind::Process(program) if program.has_references() => Some(program),
            Kind::Builtin(_) | Kind::Process(_) | Kind::Sse(_) => None,
        }
    }

    /// What cannot be had of what an instance needs, as the last try has shown.
    pub(super) fn missing(&self) -> Option<Missing> {
        match &self.kind {
            Kind::Builtin(_) => None,
            Kind::Process(program) => program.missing(),
            Kind::Sse(way) => way.missing(),
        }
    }

    fn origin(&self, crashes: &Failures, permit: &Permit, masker: Arc<Masker>, stamp: Stamp) -> Origin {
        let ledger = Ledger { starts: Arc::clone(&self.starts), crashes: Arc::clone(crashes), answers: AtomicU64::new(0) };
        Origin { server: Arc::clone(&self.server), permit: permit.clone(), masker, ledger, stamp, cap: self.message_bytes }
    }

    /// Remembers an instance until it is gone, and then frees its place.
    fn track(&self, life: &Life, place: Option<OwnedSemaphorePermit>) {
        let mut lives = lock(&self.lives);
        lives.retain(|life| !life.ended.is_cancelled());
        lives.push(life.clone());
        let (ended, places) = (life.ended.clone(), Arc::clone(&self.places));
        tokio::spawn(async move {
            let _place = if let Some(place) = place {
                Ok(place)
            } else {
                // That of the instance that it takes over from.
                tokio::select! {
                    place = places.acquire_owned() => place,
                    () = ended.cancelled() => return,
                }
            };
            ended.cancelled().await;
        });
    }
}

fn fail(failures: &Failures) {
    let mut jitter = [0];
    // Without randomness all wait alike, which is no harm.
    let _ = aws_lc_rs::rand::fill(&mut jitter);
    let [jitter] = jitter;
    lock(failures).failed(Instant::now(), jitter);
}

/// A caller rather waits this long than be turned away.
const WORTH_WAITING: Duration = Duration::from_secs(1);

/// How long an instance that was told to end may take to make room: each step of its end, and a little.
const FREE_WITHIN: Duration = Duration::from_secs(7);
