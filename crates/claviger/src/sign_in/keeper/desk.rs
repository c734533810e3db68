//! What does the keeper do? It hears programs of its own person, does what they want with the code that they would use themselves, and ends when nobody has wanted
//! anything for a while.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::account::keeper::{Change, Changed};
use broker::account::visitor::Visitor;
use broker::account::wire::{ReadErrand, WrittenOutcome};
use broker::account::{Account, Around, NotSignedIn};
use ipnet::IpNet;
use outbound::client::LazyClient;
use outbound::guard::Guard;
use outbound::tls::Roots;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::sync::{OwnedMutexGuard, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::place::{Office, Place, admit};
use super::queue::Queue;
use super::visit::Caller;
use super::words::{Ask, Conversation, Hello, Reply, Say, Sent};
use crate::sign_in::{open, unix_milliseconds};

/// Keeps the accounts of this state folder until nobody has asked for `idle`; at once, where another keeper does. `ready` is called when it can be asked.
pub(crate) async fn serve(state: &Path, idle: Duration, ready: impl FnOnce()) -> io::Result<()> {
    let place = Place::of(state);
    place.make()?;
    let Some(office) = place.occupy()? else { return Ok(()) };
    ready();
    let (end, left) = (CancellationToken::new(), CancellationToken::new());
    let desk = Arc::new(Desk { state: state.to_owned(), queues: Mutex::default(), present: watch::Sender::new(0), end, left });
    desk.receive(&office, idle).await;
    // The next keeper may begin while this one finishes: the lock of each account keeps them apart.
    office.leave();
    desk.left.cancel();
    let mut present = desk.present.subscribe();
    drop(present.wait_for(|&count| count == 0).await);
    Ok(())
}

struct Desk {
    state: PathBuf,
    /// By server and profile.
    queues: Mutex<HashMap<(String, String), Arc<Queue>>>,
    /// How many programs are here, and how many things are being done.
    present: watch::Sender<usize>,
    /// A program of another version wants a keeper of its own.
    end: CancellationToken,
    /// Nobody can come any more.
    left: CancellationToken,
}

/// Somebody is here; over when dropped.
struct Presence(Arc<Desk>);

/// A program, and what it wants.
struct Client {
    program: Conversation,
    queue: Arc<Queue>,
    account: Account,
    change: Change,
    /// What the program is to be told.
    told: mpsc::Receiver<Say>,
    /// What it says on the way.
    replies: mpsc::Sender<Reply>,
}

impl Desk {
    async fn receive(self: &Arc<Self>, office: &Office, idle: Duration) {
        loop {
            let accepted = tokio::select! {
                accepted = office.listener.accept() => accepted,
                () = self.is_idle(office, idle) => return,
                () = self.end.cancelled() => return,
            };
            let Ok((stream, _)) = accepted else {
                // Out of files, as a rule.
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // Somebody else is told nothing.
            let Ok(stream) = admit(stream) else { continue };
            if *self.present.borrow() < MOST {
                let (desk, presence) = (Arc::clone(self), self.enter());
                tokio::spawn(async move {
                    // A program that goes away wants nothing any more.
                    let _gone = desk.attend(stream).await;
                    drop(presence);
                });
            }
        }
    }

    fn enter(self: &Arc<Self>) -> Presence {
        self.present.send_modify(|count| *count += 1);
        Presence(Arc::clone(self))
    }

    /// Nobody has been here for `limit`, or nobody can come any more.
    async fn is_idle(&self, office: &Office, limit: Duration) {
        let mut present = self.present.subscribe();
        loop {
            drop(present.wait_for(|&count| count == 0).await);
            let mut left = limit;
            while !left.is_zero() {
                let step = left.min(LOOK);
                tokio::select! {
                    () = tokio::time::sleep(step) => left -= step,
                    _ = present.changed() => break,
                }
                if !office.is_found() {
                    return;
                }
            }
            if left.is_zero() {
                return;
            }
        }
    }

    async fn attend(self: &Arc<Self>, stream: UnixStream) -> io::Result<()> {
        let mut program = Conversation::new(stream);
        let hello: Hello = heard(&mut program).await?;
        if !hello.is_ours() {
            // Out of the way first: once it knows, it starts a keeper of its own.
            self.end.cancel();
            self.left.cancelled().await;
            return program.say(&Hello::ours()).await;
        }
        program.say(&Hello::ours()).await?;
        let ask: Ask = heard(&mut program).await?;
        let (says, told) = mpsc::channel(FEW);
        let (replies, heard) = mpsc::channel(FEW);
        let Some((queue, account, change)) = self.read(ask, says, heard) else { return program.say(&Say::Cannot).await };
        Client { program, queue, account, change, told, replies }.serve(self).await
    }

    /// Whose account is to be changed, and how. `None`: the program may find out itself what is wrong.
    fn read(&self, ask: Ask, says: mpsc::Sender<Say>, replies: mpsc::Receiver<Reply>) -> Option<(Arc<Queue>, Account, Change)> {
        let ReadErrand { server, profile, wishes, change } = ask.errand.read()?;
        let networks: Option<Vec<IpNet>> = ask.networks.iter().map(|network| network.parse().ok()).collect();
        let roots = match &ask.ca {
            Some(pem) => Roots::default().with_pem(pem.as_bytes()).ok()?,
            None => Roots::default(),
        };
        let http = LazyClient::new(Guard::for_operator(server.as_str()).with_networks(networks?), roots);
        let wallet = Arc::new(open(&self.state).ok()?);
        let queue = self.queue(server.as_str(), &profile);
        let replies = Arc::new(tokio::sync::Mutex::new(replies));
        let caller = |way| Arc::new(Caller { way, port: ask.port, queue: Arc::clone(&queue), says, replies }) as Arc<dyn Visitor>;
        let visitor = ask.way.map(caller);
        let around = Around { http, wallet, visitor, keeper: None, clock: Arc::new(unix_milliseconds) };
        Some((queue, Account::new(server, &profile, wishes, around), change))
    }

    fn queue(&self, server: &str, profile: &str) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        Arc::clone(queues.entry((server.to_owned(), profile.to_owned())).or_insert_with(Queue::new))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.present.send_modify(|count| *count -= 1);
    }
}

impl Client {
    /// Does what it wants when its turn comes. What is begun goes on whatever becomes of the program; what has not begun is left.
    async fn serve(mut self, desk: &Arc<Desk>) -> io::Result<()> {
        let _waiting = self.queue.join();
        let Some(turn) = self.turn().await? else { return Ok(()) };
        let Self { mut program, account, change, mut told, replies, .. } = self;
        let presence = desk.enter();
        let mut work: JoinHandle<Result<Changed, NotSignedIn>> = tokio::spawn(async move {
            let _both = (turn, presence);
            account.carry_out(&change).await
        });
        loop {
            tokio::select! {
                done = &mut work => {
                    let done = done.map_err(io::Error::other)?;
                    return program.say(&Say::Done(WrittenOutcome::of(&done))).await;
                }
                Some(say) = told.recv() => program.say(&say).await?,
                reply = program.hear() => match reply? {
                    Some(reply) => replies.send(reply).await.map_err(io::Error::other)?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// `None`: the program has gone.
    async fn turn(&mut self) -> io::Result<Option<OwnedMutexGuard<()>>> {
        let queue = Arc::clone(&self.queue);
        let mut turn = std::pin::pin!(queue.turn());
        let mut visit = std::pin::pin!(queue.visit());
        let mut is_told = false;
        loop {
            tokio::select! {
                turn = &mut turn => return Ok(Some(turn)),
                to = &mut visit, if !is_told => {
                    is_told = true;
                    if let Some(to) = to {
                        self.program.say(&Say::UnderWay(Sent::to(&to))).await?;
                    }
                }
                // There is nothing to say before one's turn.
                _early = self.program.hear::<Reply>() => return Ok(None),
            }
        }
    }
}

/// What has to be said at once.
async fn heard<T: DeserializeOwned>(program: &mut Conversation) -> io::Result<T> {
    let heard = tokio::time::timeout(PATIENCE, program.hear()).await??;
    heard.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// How long a program may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
/// How often an idle keeper looks whether it can still be found.
const LOOK: Duration = Duration::from_secs(10);
/// How many programs are heard at once.
const MOST: usize = 1024;
/// How much is said ahead.
const FEW: usize = 4;
