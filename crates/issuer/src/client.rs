//! Who is this client? One that the operator has written down, one that has registered itself, or one whose name is the address of its description.

use std::time::Duration;

use oauth::redirect::RedirectUri;
use oauth::registration::ClientMetadata;
use oauth::scope::ScopeSet;
use serde::{Deserialize, Serialize};

use crate::config::{ClientProof, Config, Exchange, KnownClient};
use crate::document::Errand;
use crate::fetched::Unfetched;
use crate::refusal::Failure;
use crate::server::{Inbound, Server};
use crate::shelf::{Shelf, unguessable};

/// A client, wherever it is known from.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// What it calls itself, or is called.
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<RedirectUri>,
    pub(crate) proof: ClientProof,
    pub(crate) origin: Origin,
    /// Whether it wants refresh tokens whenever it may have them.
    pub(crate) refreshes: bool,
    pub(crate) uses_devices: bool,
    /// What it may have in its own name.
    pub(crate) own_scopes: Option<ScopeSet>,
    /// Whether it gets only tokens that are bound to a key of its own.
    pub(crate) wants_bound_tokens: bool,
    /// Which tokens of others it may exchange.
    pub(crate) exchange: Exchange,
}

/// Where a client is known from, and so what its name is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The operator wrote it down.
    Operator,
    /// It said so itself, and anybody could have.
    Itself,
    /// Whoever rules over this host says so.
    Document {
        /// The host and the port.
        host: String,
    },
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Nobody {
    /// What should describe it does not.
    #[error("its description: {0}")]
    Undescribed(#[from] Unfetched),
    /// It is our fault.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// Nobody goes by that name.
    #[error("it is unknown")]
    Unknown,
}

impl Server {
    /// The client of this name, wherever it is known from.
    pub(crate) async fn client(&self, inbound: &Inbound<'_>, id: &str) -> Result<Client, Nobody> {
        if let Some(client) = Clients::find(&self.shelf, inbound.config, id).await? {
            return Ok(client);
        }
        self.documents.find(id, &inbound.config.documents, self.errand(inbound)).await?.ok_or(Nobody::Unknown)
    }

    /// What is fetched on behalf of this request.
    pub(crate) fn errand<'e>(&'e self, inbound: &'e Inbound<'_>) -> Errand<'e> {
        Errand { guard: &inbound.config.guard, store: &**self.shelf.store(), from: inbound.from, now: inbound.now }
    }
}

/// A client that has registered itself, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    /// What it calls itself.
    pub name: Option<String>,
    /// Where people are sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Unix seconds.
    pub registered_at: u64,
    /// Unix seconds at which somebody last granted it something.
    pub granted_at: Option<u64>,
    pub(crate) refreshes: bool,
    pub(crate) uses_devices: bool,
    pub(crate) keys: Option<String>,
}

/// Every client.
pub(crate) struct Clients;

impl Clients {
    pub(crate) async fn find(shelf: &Shelf, config: &Config, id: &str) -> Result<Option<Client>, Failure> {
        if let Some(known) = config.clients.iter().find(|client| client.id == id) {
            return Ok(Some(Client::from_operator(known)));
        }
        if !is_ours(id) {
            return Ok(None);
        }
        let registered = shelf.find::<Registered>(&place(id)).await?;
        Ok(registered.map(|found| Client::from_itself(id, found.value)))
    }

    /// Keeps a client that registers itself, for as long as somebody may need to agree to it.
    pub(crate) async fn register(shelf: &Shelf, metadata: &ClientMetadata, now: u64) -> Result<String, Failure> {
        let id = format!("{PREFIX}{}", unguessable::<16>()?);
        let registered = Registered {
            name: metadata.name.clone(),
            redirect_uris: metadata.redirect_uris.clone(),
            registered_at: now,
            granted_at: None,
            refreshes: metadata.refreshes,
            uses_devices: metadata.uses_devices,
            keys: metadata.keys.as_ref().map(ToString::to_string),
        };
        shelf.put(&place(&id), &registered, Some(UNUSED)).await?;
        Ok(id)
    }

    /// Somebody has granted something to a client: it is kept for as long as a grant may live.
    pub(crate) async fn granted(shelf: &Shelf, id: &str, lives: Duration, now: u64) -> Result<(), Failure> {
        if !is_ours(id) {
            return Ok(());
        }
        let Some(found) = shelf.find::<Registered>(&place(id)).await? else { return Ok(()) };
        let registered = Registered { granted_at: Some(now), ..found.value.clone() };
        // Whoever was faster has written the same.
        shelf.replace(&place(id), &found, &registered, Some(lives)).await?;
        Ok(())
    }

    pub(crate) async fn all(shelf: &Shelf) -> Result<Vec<(String, Registered)>, Failure> {
        let all = shelf.all::<Registered>(PLACE, MOST).await?;
        Ok(all.into_iter().filter_map(|(key, client)| Some((key.strip_prefix(PLACE)?.to_owned(), client))).collect())
    }

    /// Forgets a client; whether there was one.
    pub(crate) async fn forget(shelf: &Shelf, id: &str) -> Result<bool, Failure> {
        Ok(is_ours(id) && shelf.take::<Registered>(&place(id)).await?.is_some())
    }
}

impl Client {
    fn from_operator(known: &KnownClient) -> Self {
        Self {
            id: known.id.clone(),
            name: known.name.clone(),
            redirect_uris: known.redirect_uris.clone(),
            proof: known.proof.clone(),
            origin: Origin::Operator,
            refreshes: true,
            uses_devices: known.uses_devices,
            own_scopes: known.own_scopes.clone(),
            wants_bound_tokens: known.wants_bound_tokens,
            exchange: known.exchange.clone(),
        }
    }

    fn from_itself(id: &str, registered: Registered) -> Self {
        let name = registered.name.unwrap_or_else(|| id.to_owned());
        Self {
            id: id.to_owned(),
            name,
            redirect_uris: registered.redirect_uris,
            proof: registered.keys.map_or(ClientProof::None, ClientProof::Keys),
            origin: Origin::Itself,
            refreshes: registered.refreshes,
            uses_devices: registered.uses_devices,
            own_scopes: None,
            wants_bound_tokens: false,
            exchange: Exchange::default(),
        }
    }

    /// Whether it proves nothing, so that anybody could pass for it.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.proof, ClientProof::None)
    }

    /// The place that people are sent back to, if `asked` is one that this client has named; without it, the only one there is.
    pub(crate) fn redirect(&self, asked: Option<&str>) -> Option<RedirectUri> {
        match asked {
            Some(asked) => {
                let asked = RedirectUri::parse(asked).ok()?;
                self.redirect_uris.iter().any(|registered| registered.admits(&asked)).then_some(asked)
            }
            None => match self.redirect_uris.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
        }
    }
}

/// Whether a text can be the name of a client that has registered itself: nothing else is looked for in the store.
fn is_ours(id: &str) -> bool {
    id.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == 22 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
}

fn place(id: &str) -> String {
    format!("{PLACE}{id}")
}

const PREFIX: &str = "client_";
const PLACE: &str = "issuer/client/";
/// A client that nobody grants anything is forgotten: so a flood of registrations passes.
const UNUSED: Duration = Duration::from_secs(3600);
const MOST: usize = 100_000;
