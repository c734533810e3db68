//! Who gives the door tokens for a server, by what right, and who is the door there? As it is configured; asking is `token_client`'s business.

use std::time::Duration;
use std::{fmt, iter};

use oauth::client_authentication::Method;
use oauth::grant::Wanted;
use oauth::issuer::Issuer;
use outbound::pin::KeyPin;
use outbound::tls::Roots;
use policy::quota::Rate;
use url::Url;

use crate::reference::{Reference, Template};

/// A token in the door's own name.
#[derive(Clone)]
pub struct TokenGrant {
    /// Who gives it.
    pub server: AuthorizationServer,
    /// What it shall be good for.
    pub wanted: Wanted,
    /// How long before its end the next is fetched, at most.
    pub early: Duration,
}

/// A token for each caller.
#[derive(Clone)]
pub struct Delegation {
    /// How their token becomes one for the server.
    pub road: Road,
    /// What it shall be good for.
    pub wanted: Wanted,
    /// How long before its end the next is fetched, at most.
    pub early: Duration,
}

/// A token that each person gives the door leave to get, once, in their browser.
#[derive(Clone)]
pub struct PersonalGrant {
    /// Who gives it.
    pub server: AuthorizationServer,
    /// Who it is, where that is known: an answer that names another is refused, wherever the endpoints stand.
    pub issuer: Option<Issuer>,
    /// Where the browser is sent; `None`: where the server's metadata says.
    pub authorize_url: Option<Url>,
    /// Where tokens are taken back; `None`: where the server's metadata says, if it does.
    pub revocation_url: Option<Url>,
    /// What it shall be good for.
    pub wanted: Wanted,
    /// How long before its end the next is fetched, at most.
    pub early: Duration,
}

/// From the caller's token to the server's.
#[derive(Clone)]
pub enum Road {
    /// One authorization server knows both (RFC 8693).
    Exchange(Box<AuthorizationServer>),
    /// The identity provider vouches toward the server's own authorization server (identity assertion grant, SEP-990).
    IdJag {
        /// Who knows the caller.
        provider: Box<AuthorizationServer>,
        /// Who gives tokens for the server.
        server: Box<NamedServer>,
    },
}

/// An authorization server whose issuer is known, because an assertion has to name it.
#[derive(Clone)]
pub struct NamedServer {
    /// The server.
    pub server: AuthorizationServer,
    /// Its issuer.
    pub issuer: Issuer,
}

/// An authorization server, and who the door is there.
#[derive(Clone)]
pub struct AuthorizationServer {
    /// Where tokens are asked for.
    pub place: Place,
    /// Under which name.
    pub client_id: String,
    /// With what proof.
    pub proof: Proof,
    /// Certificate authorities trusted there beyond the system's.
    pub roots: Option<Roots>,
    /// The key that its certificate must have.
    pub pin: Option<KeyPin>,
    /// How often it may be asked.
    pub rate: Rate,
}

/// Where tokens are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where the metadata of this issuer says.
    Discovered(Issuer),
    /// Here.
    Known(Url),
}

/// How the door proves who it is.
#[derive(Clone)]
pub enum Proof {
    /// Not at all.
    None,
    /// It signs a statement.
    PrivateKey {
        /// The key, as PEM.
        key: Template,
        /// By which name the server knows the key.
        key_id: Option<String>,
        /// For whom the statement is.
        issuer: Issuer,
    },
    /// It says a secret.
    Secret {
        /// The secret.
        secret: Template,
        /// `client_secret_basic` or `client_secret_post`; `None`: as the server's metadata says, else basic.
        method: Option<Method>,
    },
}

impl Road {
    /// Who is asked on the way, in order.
    pub fn servers(&self) -> impl Iterator<Item = &AuthorizationServer> {
        let (first, second) = match self {
            Self::Exchange(server) => (server, None),
            Self::IdJag { provider, server } => (provider, Some(&server.server)),
        };
        iter::once(&**first).chain(second)
    }
}

impl AuthorizationServer {
    /// Every reference in it: to the secret or the key that proves who the door is.
    pub fn references(&self) -> impl Iterator<Item = Reference> {
        let proof = match &self.proof {
            Proof::None => None,
            Proof::PrivateKey { key, .. } => Some(key),
            Proof::Secret { secret, .. } => Some(secret),
        };
        proof.into_iter().flat_map(Template::references)
    }
}

impl fmt::Display for AuthorizationServer {
    /// The name of its tokens in logs and metrics: nothing secret, and nobody's name but the door's own.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Discovered(issuer) => write!(formatter, "token of {} at {issuer}", self.client_id),
            Place::Known(url) => write!(formatter, "token of {} at {}", self.client_id, outbound::failure::SafeUrl::of_url(url)),
        }
    }
}
