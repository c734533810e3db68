//! How does a program have something done by the keeper? It asks it, starts it where there is none, and asks the next one where one dies.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use broker::account::keeper::{Changed, Errand, Keeper, Keeping};
use broker::account::{NotSignedIn, Sort};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::Command;

use super::place::Place;
use super::words::{Ask, Conversation, Hello, Reply, Say, Sent, Way};
use crate::sign_in::visitor::{Manner, Waiting, open, pasted, say_code, say_where};
use crate::voice::{self, plain};

/// The way to the keeper of one state folder.
pub(crate) struct Asking {
    pub(crate) start: Start,
    /// How the person is asked, if at all.
    pub(crate) manner: Option<Manner>,
    pub(crate) port: Option<u16>,
    /// More certificate authorities to trust, as PEM.
    pub(crate) ca: Option<String>,
    pub(crate) networks: Vec<String>,
    /// Says when it is done without a keeper.
    pub(crate) verbose: bool,
}

/// How a keeper is started.
pub(crate) struct Start {
    /// Our own binary.
    pub(crate) program: PathBuf,
    pub(crate) state: PathBuf,
    /// All that it sees of what surrounds us.
    pub(crate) environment: BTreeMap<String, String>,
}

/// What came of asking once.
enum Came {
    /// It is not for the keeper.
    Cannot,
    Done(Result<Changed, NotSignedIn>),
    /// It is of another version, and has made room for one of ours.
    OtherVersion,
}

impl Keeper for Asking {
    fn change<'a>(&'a self, errand: Errand<'a>) -> Keeping<'a> {
        Box::pin(async move {
            let mut why = None;
            for _ in 0..TRIES {
                match self.ask(errand).await {
                    Ok(Came::Cannot) => break,
                    Ok(Came::Done(done)) => match settled(done, errand) {
                        Some(done) => return Some(done),
                        None => break,
                    },
                    Ok(Came::OtherVersion) => {}
                    // It died, or went away just now: what it had begun is found, and the rest is done by the next.
                    Err(error) if is_gone(&error) => why = Some(error),
                    Err(error) => {
                        why = Some(error);
                        break;
                    }
                }
            }
            if self.verbose {
                let why = why.map_or_else(String::new, |why| format!(" ({})", plain(&why.to_string())));
                voice::talk(&format!("there is no keeper for this{why}; it is done here, under the account's lock\n"));
            }
            None
        })
    }
}

impl Asking {
    async fn ask(&self, errand: Errand<'_>) -> io::Result<Came> {
        let place = Place::of(&self.start.state);
        place.make()?;
        let stream = match place.connect().await? {
            Some(stream) => stream,
            None => self.start.start(&place).await?,
        };
        let mut keeper = Conversation::new(stream);
        keeper.say(&Hello::ours()).await?;
        let hello = tokio::time::timeout(PATIENCE, keeper.hear::<Hello>()).await??.ok_or(io::ErrorKind::ConnectionReset)?;
        if !hello.is_ours() {
            return Ok(Came::OtherVersion);
        }
        let ask = Ask {
            errand: errand.written(),
            ca: self.ca.clone(),
            networks: self.networks.clone(),
            port: self.port,
            way: self.manner.as_ref().map(|manner| if let Manner::Pasted(_) = manner { Way::Pasted } else { Way::Browser }),
        };
        keeper.say(&ask).await?;
        self.converse(keeper).await
    }

    /// Does what the keeper wants until it is done. No clock runs against the server while a person is away.
    async fn converse(&self, mut keeper: Conversation) -> io::Result<Came> {
        let mut _person: Option<Waiting> = None;
        loop {
            match keeper.hear::<Say>().await?.ok_or(io::ErrorKind::ConnectionReset)? {
                Say::Cannot => return Ok(Came::Cannot),
                Say::Done(outcome) => return Ok(Came::Done(outcome.read())),
                Say::Show(code) => {
                    _person = self.manner.as_ref().map(Manner::begin);
                    let code = code.read();
                    if let Some(code) = &code {
                        say_code(code, &self.start.state);
                    }
                    keeper.say(&code.map_or(Reply::GaveUp, |_| Reply::Shown)).await?;
                }
                Say::UnderWay(to) => {
                    _person = self.manner.as_ref().map(Manner::begin);
                    say_who(to);
                }
                Say::Visit(to) => {
                    _person = self.manner.as_ref().map(Manner::begin);
                    let reply = self.send(to).await;
                    keeper.say(&reply).await?;
                }
            }
        }
    }

    /// Sends the person there.
    async fn send(&self, to: Sent) -> Reply {
        let (Some(to), Some(manner)) = (to.read(), &self.manner) else { return Reply::GaveUp };
        say_where(&to, matches!(manner, Manner::Browser(_)), &self.start.state);
        match manner {
            Manner::Browser(_) => {
                // Some browsers last as long as their window.
                tokio::spawn(open(to.url));
                Reply::Shown
            }
            Manner::Pasted(_) => match pasted().await {
                Ok(query) => Reply::Pasted(query),
                Err(failure) => {
                    voice::warn(&plain(&failure.to_string()));
                    Reply::GaveUp
                }
            },
            Manner::Shown(_) => Reply::Shown,
        }
    }
}

impl Start {
    /// Starts a keeper, unless somebody else has just done so.
    async fn start(&self, place: &Place) -> io::Result<UnixStream> {
        let starting = {
            let place = place.clone();
            tokio::task::spawn_blocking(move || place.starting()).await.map_err(io::Error::other)??
        };
        if let Some(stream) = place.connect().await? {
            return Ok(stream);
        }
        let mut command = Command::new(&self.program);
        command.arg("keeper").arg("--state").arg(&self.state).env_clear().envs(&self.environment).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn()?;
        let mut said = [0];
        let ready = match keeper.stdout.take() {
            Some(mut stdout) => tokio::time::timeout(PATIENCE, stdout.read(&mut said)).await,
            None => Ok(Ok(0)),
        };
        // Where it ends before us, nothing of it stays behind.
        tokio::spawn(async move { keeper.wait().await });
        let stream = place.connect().await?;
        drop(starting);
        match (stream, ready) {
            (Some(stream), _) => Ok(stream),
            (None, Err(late)) => Err(late.into()),
            (None, Ok(Err(error))) => Err(error),
            (None, Ok(Ok(_))) => Err(io::Error::other("it does not start")),
        }
    }
}

/// What is this process's to say or to do. `None`: what stands in the keeper's way may not stand in ours, such as a keychain that our session alone can reach.
fn settled(done: Result<Changed, NotSignedIn>, errand: Errand<'_>) -> Option<Result<Changed, NotSignedIn>> {
    match done.as_ref().map_err(NotSignedIn::sort) {
        Err(Sort::Internal | Sort::Tls | Sort::Wallet) => None,
        Err(Sort::NobodyToAsk) => Some(Err(NotSignedIn::NobodyToAsk { server: errand.server.clone() })),
        _ => Some(done),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn say_who(to: Sent) {
    let Some(to) = to.read() else { return };
    let (server, authority) = (plain(to.server.as_str()), plain(&to.authority));
    voice::talk(&format!(
        "somebody is about to log in to {server} at {authority} for another program of yours; if you do not see where, open\n  {}\n",
        to.url
    ));
}

/// How often a keeper may die or go away under one change.
const TRIES: usize = 5;
/// How long a keeper may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);
