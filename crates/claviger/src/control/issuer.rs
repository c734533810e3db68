//! What does a command want of the authorization server? The same is done by the running door and, where none is running, on its store.

use issuer::{Ended, Failure, Server};
use serde::{Deserialize, Serialize};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum IssuerWish {
    /// Say which clients have registered themselves.
    Clients,
    /// Forget a client, and end what people have granted it.
    EndClient {
        /// Its name in requests.
        id: String,
    },
    /// End a grant.
    EndGrant {
        /// Its name.
        id: String,
    },
    /// Say what people have granted.
    Grants,
    /// Sign with a new key.
    RotateKeys {
        /// What the old ones have signed is good no more.
        forget_others: bool,
    },
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IssuerAnswer {
    /// The clients.
    Clients(Vec<ClientRow>),
    /// It is over, and so many grants with it; `None`: there was no such thing.
    Ended(Option<usize>),
    /// The grants.
    Grants(Vec<GrantRow>),
    /// The name of the new key.
    Rotated(String),
}

/// A grant, for people and programs. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GrantRow {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) client: String,
    pub(crate) client_name: String,
    pub(crate) resource: String,
    pub(crate) scopes: String,
    pub(crate) granted_at: u64,
    pub(crate) used_at: u64,
}

/// A client that has registered itself. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientRow {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) registered_at: u64,
    /// When somebody last granted it something.
    pub(crate) granted_at: Option<u64>,
}

/// Does what is wanted.
pub(crate) async fn fulfil(wish: &IssuerWish, server: &Server) -> Result<IssuerAnswer, Failure> {
    Ok(match wish {
        IssuerWish::Clients => IssuerAnswer::Clients(clients(server).await?),
        IssuerWish::EndClient { id } => IssuerAnswer::Ended(grants_of(&server.end_client(id).await?)),
        IssuerWish::EndGrant { id } => IssuerAnswer::Ended(grants_of(&server.end_grant(id, "operator").await?)),
        IssuerWish::Grants => IssuerAnswer::Grants(grants(server).await?),
        IssuerWish::RotateKeys { forget_others } => IssuerAnswer::Rotated(server.rotate_keys(*forget_others).await?),
    })
}

fn grants_of(ended: &Ended) -> Option<usize> {
    match ended {
        Ended::Now { grants } => Some(*grants),
        Ended::WasNotThere => None,
    }
}

async fn grants(server: &Server) -> Result<Vec<GrantRow>, Failure> {
    let mut rows: Vec<GrantRow> = server
        .list_grants()
        .await?
        .into_iter()
        .map(|(id, grant)| GrantRow {
            id,
            subject: grant.person.subject,
            client: grant.client_id,
            client_name: grant.client_name,
            resource: grant.resource.to_string(),
            scopes: grant.scopes.to_string(),
            granted_at: grant.granted_at,
            used_at: grant.used_at,
        })
        .collect();
    rows.sort_by(|one, other| (&one.subject, &one.client, one.granted_at).cmp(&(&other.subject, &other.client, other.granted_at)));
    Ok(rows)
}

async fn clients(server: &Server) -> Result<Vec<ClientRow>, Failure> {
    let mut rows: Vec<ClientRow> = server
        .list_clients()
        .await?
        .into_iter()
        .map(|(id, client)| ClientRow {
            id,
            name: client.name,
            redirect_uris: client.redirect_uris.iter().map(ToString::to_string).collect(),
            registered_at: client.registered_at,
            granted_at: client.granted_at,
        })
        .collect();
    rows.sort_by(|one, other| (one.registered_at, &one.id).cmp(&(other.registered_at, &other.id)));
    Ok(rows)
}
