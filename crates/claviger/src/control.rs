//! How does a command talk to the running door? One line of JSON each way, over a socket in the state folder that only the door's own user can open.

mod issuer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::issuer::Server;
use broker::connection::{BookFailure, Connection, Ended};
use broker::reference::Reference;
use gateway::Door;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

pub(crate) use self::issuer::{ClientRow, GrantRow, IssuerAnswer, IssuerWish, fulfil as fulfil_of_issuer};

/// What a command wants of the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Wish {
    /// Say who has connected to what.
    Connections,
    /// End a connection, as it was listed.
    EndConnection {
        /// Which.
        connection: Box<Connection>,
    },
    /// Something of the built-in authorization server.
    Issuer {
        /// What.
        wish: IssuerWish,
    },
    /// Say which credentials are in use.
    Inventory,
    /// Fetch a credential anew: a reference, or all of a server; without a name, everything in use.
    Rotate {
        /// The reference or the server.
        name: Option<String>,
    },
}

/// What the door answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// How a connection ended.
    ConnectionEnded(How),
    /// Who has connected to what.
    Connections(Vec<Connection>),
    /// The credentials in use.
    Inventory(Vec<Held>),
    /// What came of a wish to the authorization server.
    Issuer(IssuerAnswer),
    /// What was fetched.
    Rotated(Vec<Fetched>),
    /// It cannot be done.
    Refused(String),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// It was forgotten, and not taken back where it came from: for this reason, or for want of a way.
    Forgotten(Option<String>),
    /// It was forgotten, and taken back.
    TakenBack,
    /// It had ended already.
    WasNotConnected,
}

impl How {
    pub(crate) fn of(ended: &Ended) -> Self {
        match ended {
            Ended::Forgotten(cause) => Self::Forgotten(cause.as_ref().map(ToString::to_string)),
            Ended::TakenBack => Self::TakenBack,
            Ended::WasNotConnected => Self::WasNotConnected,
        }
    }
}

/// A credential in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// The reference as it was written.
    pub(crate) credential: String,
    /// What its place calls the value.
    pub(crate) version: Option<String>,
    /// Unix milliseconds of the last fetch; absent while nobody has used it.
    pub(crate) fetched_at: Option<u64>,
    /// Unix milliseconds of the last fetch that found another value than before, by this door or by one before it on the same state folder.
    pub(crate) changed_at: Option<u64>,
    /// Why it cannot be had, if it cannot.
    pub(crate) missing: Option<String>,
    /// The servers that use it.
    pub(crate) servers: Vec<String>,
}

/// What a fetch gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fetched {
    /// The reference as it was written.
    pub(crate) credential: String,
    /// Whether the value is another than before.
    pub(crate) changed: bool,
    /// Why there is none, if there is none.
    pub(crate) missing: Option<String>,
}

/// The socket that a door listens on.
pub(crate) struct Control {
    listener: UnixListener,
    file: PathBuf,
}

impl Control {
    /// Binds the socket. The state folder belongs to one door at a time, so whatever is there is left from one that has ended.
    pub(crate) fn bind(state: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;

        let file = state.join(SOCKET);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&file)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, file })
    }

    /// Answers until the door ends.
    pub(crate) async fn serve(self, reach: Reach, end: CancellationToken) {
        let reach = Arc::new(reach);
        loop {
            let accepted = tokio::select! {
                () = end.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let is_ours = stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw() || peer.uid() == 0);
            if is_ours {
                tokio::spawn(converse(stream, Arc::clone(&reach)));
            }
        }
        let _left_behind = std::fs::remove_file(&self.file);
    }
}

/// Asks the door of this state folder. `None`: no door is running there.
pub(crate) async fn ask(state: &Path, wish: &Wish) -> io::Result<Option<Answer>> {
    let stream = match UnixStream::connect(state.join(SOCKET)).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(error),
    };
    let exchange = async {
        let mut stream = BufReader::new(stream);
        let mut line = serde_json::to_vec(wish)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = String::new();
        (&mut stream).take(LONGEST_ANSWER).read_line(&mut answer).await?;
        serde_json::from_str(&answer).map_err(io::Error::from)
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(io::Error::from)?.map(Some)
}

async fn converse(stream: UnixStream, reach: Arc<Reach>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let read = tokio::time::timeout(PATIENCE, (&mut stream).take(LONGEST).read_line(&mut line)).await;
    if !matches!(read, Ok(Ok(_))) {
        return;
    }
    let answer = match serde_json::from_str(&line) {
        Ok(wish) => reach.fulfil(&wish).await,
        Err(_) => Answer::Refused("the door does not understand; is it of the same version?".to_owned()),
    };
    if let Ok(mut line) = serde_json::to_vec(&answer) {
        line.push(b'\n');
        // A command that was stopped needs no answer.
        let _ = stream.write_all(&line).await;
    }
}

/// What commands can reach.
pub(crate) struct Reach {
    /// The door.
    pub(crate) door: Arc<Door>,
    /// Its authorization server, if it has one.
    pub(crate) issuer: Option<Arc<Server>>,
}

impl Reach {
    async fn fulfil(&self, wish: &Wish) -> Answer {
        let Wish::Issuer { wish } = wish else { return fulfil(wish, &self.door).await };
        let Some(issuer) = &self.issuer else { return Answer::Refused("this door has no authorization server of its own".to_owned()) };
        match fulfil_of_issuer(wish, issuer).await {
            Ok(answer) => Answer::Issuer(answer),
            Err(error) => Answer::Refused(told(&error)),
        }
    }
}

/// Does what is wished of the door itself.
pub(crate) async fn fulfil(wish: &Wish, door: &Door) -> Answer {
    match wish {
        Wish::Issuer { .. } => Answer::Refused("this is for the authorization server".to_owned()),
        Wish::Connections => match door.connections().await {
            Ok(connections) => Answer::Connections(connections),
            Err(error) => unreadable(&error),
        },
        Wish::EndConnection { connection } => match door.end_connection(connection).await {
            Ok(ended) => Answer::ConnectionEnded(How::of(&ended)),
            Err(error) => unreadable(&error),
        },
        Wish::Inventory => Answer::Inventory(inventory(door).await),
        Wish::Rotate { name: None } => rotated(door, None).await,
        Wish::Rotate { name: Some(name) } => {
            let wanted = match (name.parse::<Reference>(), door.references_of(name)) {
                (Ok(reference), _) => vec![reference],
                (_, Some(references)) => references,
                (Err(_), None) => return Answer::Refused(format!("`{name}` is neither a reference nor a server behind this door")),
            };
            rotated(door, Some(&wanted)).await
        }
    }
}

fn unreadable(error: &BookFailure) -> Answer {
    Answer::Refused(format!("the connections cannot be read: {}", told(error)))
}

/// An error and what caused it, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

async fn inventory(door: &Door) -> Vec<Held> {
    let held = door.resolver().inventory().await.into_iter();
    held.map(|held| Held {
        servers: door.users_of(&held.reference),
        credential: held.reference.to_string(),
        version: held.version.map(|version| version.to_string()),
        fetched_at: held.fetched_at,
        changed_at: held.changed_at,
        missing: held.missing.map(|missing| missing.cause.to_string()),
    })
    .collect()
}

async fn rotated(door: &Door, wanted: Option<&[Reference]>) -> Answer {
    let fetched = door.resolver().refresh(wanted).await.into_iter();
    let fetched = fetched.map(|(reference, outcome)| Fetched {
        credential: reference.to_string(),
        changed: outcome.as_ref().is_ok_and(|changed| *changed),
        missing: outcome.err().map(|missing| missing.cause.to_string()),
    });
    Answer::Rotated(fetched.collect())
}

const SOCKET: &str = "control.sock";
/// Bytes of a wish.
const LONGEST: u64 = 1024 * 1024;
/// Bytes of an answer: many people may be connected.
const LONGEST_ANSWER: u64 = 256 * 1024 * 1024;
const PAUSE: Duration = Duration::from_millis(50);
/// A vault that is away takes some seconds to be found away.
const PATIENCE: Duration = Duration::from_secs(60);
