//! Whose conversation is this? Session ids of legacy callers are sealed tokens that carry their own state, so any replica can
//! open one; each belongs to one server, issuer and subject, and to nobody else.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use mcp::version::ProtocolVersion;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use store::Store;
use store::seal::{CannotSeal, InstanceKey, Sealer};

use crate::clock::Clock;
use crate::era::DeclaredClient;
use crate::principal::PrincipalKey;
use crate::refusal::Refusal;

/// An open legacy session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The id by which the upstream, or the door's own table of children, knows it.
    pub(crate) upstream: String,
    /// The revision that both sides agreed on.
    pub(crate) version: ProtocolVersion,
    /// Unix seconds at which it was opened.
    pub(crate) opened_at: u64,
    /// Whether the client opens URLs for its person (2025-11-25, elicitation in URL mode).
    pub(crate) opens_urls: bool,
    /// What the client declared, where the session is the door's own because the server is a modern one.
    pub(crate) client: Option<DeclaredClient>,
}

impl Session {
    /// A session that the door itself holds with a legacy server; it is never shown to anybody.
    pub(crate) fn of_upstream(upstream: String, version: ProtocolVersion) -> Self {
        Self { upstream, version, opened_at: 0, opens_urls: false, client: None }
    }
}

/// Server, caller and id: the same id is nothing at another server, nor for another caller.
type OpenedKey = (Box<str>, PrincipalKey, Box<str>);

/// What is sealed into an id: upstream's id, revision, time of opening, whether the client opens URLs, what it declared.
#[derive(Serialize, Deserialize)]
struct Sealed<'a>(Cow<'a, str>, Cow<'a, str>, u64, #[serde(default)] bool, #[serde(default)] Option<Cow<'a, DeclaredClient>>);

/// Opens, closes and remembers sessions.
pub(crate) struct Sessions {
    sealer: Sealer,
    store: Arc<dyn Store>,
    clock: Clock,
    /// Ids opened lately by this process, each for the caller it belongs to.
    opened: Cache<OpenedKey, Arc<Session>>,
}

impl Sessions {
    pub(crate) fn new(key: &InstanceKey, store: Arc<dyn Store>, clock: Clock) -> Result<Self, CannotSeal> {
        Ok(Self { sealer: Sealer::new(key, "mcp-session")?, store, clock, opened: Cache::new(REMEMBERED) })
    }

    /// The public id of a new session.
    pub(crate) fn seal(&self, server: &str, owner: &PrincipalKey, session: &Session) -> Option<String> {
        let Session { upstream, version, opened_at, opens_urls, client } = session;
        let client = client.as_ref().map(Cow::Borrowed);
        let sealed = Sealed(Cow::Borrowed(upstream), Cow::Borrowed(version.as_str()), *opened_at, *opens_urls, client);
        let plain = serde_json::to_vec(&sealed).ok()?;
        self.sealer.seal(&plain, &context(server, owner)).ok()
    }

    /// The session behind an id, if it is this caller's and has not ended. Anything else is the same 404: an outsider learns nothing.
    pub(crate) async fn open(&self, server: &str, owner: &PrincipalKey, id: &str) -> Result<Arc<Session>, Refusal> {
        if id.len() > MAX_ID_BYTES {
            return Err(Refusal::SessionUnknown);
        }
        let key = (Box::from(server), owner.clone(), Box::from(id));
        if let Some(session) = self.opened.get(&key) {
            if self.has_expired(&session) {
                return Err(Refusal::SessionUnknown);
            }
            // Another replica may have ended it meanwhile.
            if self.store.is_shared() {
                self.refuse_ended(id).await?;
            }
            return Ok(session);
        }
        let plain = self.sealer.open(id, &context(server, owner)).map_err(|_| Refusal::SessionUnknown)?;
        let session = unsealed(&plain).ok_or(Refusal::SessionUnknown)?;
        if self.has_expired(&session) {
            return Err(Refusal::SessionUnknown);
        }
        self.refuse_ended(id).await?;
        let session = Arc::new(session);
        self.opened.insert(key, Arc::clone(&session));
        Ok(session)
    }

    /// Ends a session for good: its id is refused from now on, also after a restart.
    pub(crate) async fn end(&self, server: &str, owner: &PrincipalKey, id: &str) {
        let ended = self.store.put(&tombstone(id), b"1", Some(LIFETIME)).await;
        self.opened.remove(&(Box::from(server), owner.clone(), Box::from(id)));
        if let Err(error) = ended {
            tracing::error!(target: "door", error = &error as &dyn std::error::Error, "the end of a session could not be stored");
        }
    }
}

impl Sessions {
    async fn refuse_ended(&self, id: &str) -> Result<(), Refusal> {
        match self.store.get(&tombstone(id)).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Refusal::SessionUnknown),
            Err(error) => {
                tracing::error!(target: "door", error = &error as &dyn std::error::Error, "the store cannot say whether a session has ended");
                Err(Refusal::Busy)
            }
        }
    }

    fn has_expired(&self, session: &Session) -> bool {
        self.clock.unix_seconds() >= session.opened_at + LIFETIME.as_secs()
    }
}

fn unsealed(plain: &[u8]) -> Option<Session> {
    let Sealed(upstream, version, opened_at, opens_urls, client) = serde_json::from_slice(plain).ok()?;
    let version = ProtocolVersion::parse(&version)?;
    Some(Session { upstream: upstream.into_owned(), version, opened_at, opens_urls, client: client.map(Cow::into_owned) })
}

fn context(server: &str, owner: &PrincipalKey) -> Vec<u8> {
    format!("{server}\u{1f}{}", owner.as_str()).into_bytes()
}

/// The store never holds the id itself.
fn tombstone(id: &str) -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, id.as_bytes());
    format!("session-ended/{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest))
}

const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
const MAX_ID_BYTES: usize = 4096;
const REMEMBERED: usize = 16_384;
