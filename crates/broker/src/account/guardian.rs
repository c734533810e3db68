//! Who gives tokens for a server, and what do they know? From the server's own metadata; where there is none, by the rules of 2025-03-26.

use oauth::issuer::Issuer;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use oauth::server_metadata::ServerMetadata;
use outbound::client::Client;
use outbound::discovery;
use outbound::failure::Failure;
use outbound::protected_resource;
use url::Url;

use super::failure::NotSignedIn;
use super::kept::Kept;
use crate::authorization_server::Place;
use crate::missing::Cause;

/// The authorization server of one protected server.
pub(super) struct Guardian {
    pub(super) place: Place,
    /// `None`: it has none, and its endpoints are where 2025-03-26 puts them.
    pub(super) metadata: Option<ServerMetadata>,
    /// The name of the protected server, letter for letter as it says it; `None`: it says none.
    pub(super) resource: Option<Resource>,
    /// What the protected server says that one can ask for.
    pub(super) scopes: ScopeSet,
    /// Whether the protected server knows tokens that are bound to a key.
    takes_bound: bool,
}

impl Guardian {
    /// Finds out. `named` is where the server's challenge says that its metadata is.
    /// Of several authorization servers it is `before`, if that is still among them, else the first at which we could log in (RFC 9728 §7.6); `is_known`: we have a client that
    /// is known there.
    pub(super) async fn find(
        http: &Client,
        server: &Url,
        named: Option<&str>,
        before: Option<&Issuer>,
        is_known: bool,
    ) -> Result<Self, NotSignedIn> {
        let found = match protected_resource::find(http, server, named).await {
            Ok(found) => found,
            Err(failure) if failure.is_absence() => return Self::before_metadata(http, server).await,
            Err(failure) => return Err(NotSignedIn::NoGuardian(failure)),
        };
        let algorithms = &found.dpop_signing_alg_values_supported;
        let takes_bound = found.dpop_bound_access_tokens_required == Some(true) || algorithms.iter().any(|name| name == PROOF_ALGORITHM);
        let (issuer, metadata) = chosen(http, found.authorization_servers, before, is_known).await?;
        Ok(Self {
            place: Place::Discovered(issuer),
            metadata: Some(metadata),
            resource: Some(found.resource),
            scopes: found.scopes_supported,
            takes_bound,
        })
    }

    /// The server is its own authorization server, with or without metadata at its root (MCP 2025-03-26 §2.3).
    async fn before_metadata(http: &Client, server: &Url) -> Result<Self, NotSignedIn> {
        let origin = server.origin().ascii_serialization();
        let issuer = Issuer::parse(&origin).map_err(|_| NotSignedIn::NoIssuer)?;
        let (place, metadata) = match discovery::discover(http, &issuer).await {
            Ok(metadata) => (Place::Discovered(issuer), Some(metadata)),
            Err(failure) if is_absence(&failure) => (Place::Known(at(server, "/token")?), None),
            Err(failure) => return Err(NotSignedIn::NoMetadata(failure)),
        };
        Ok(Self { place, metadata, resource: None, scopes: ScopeSet::default(), takes_bound: false })
    }

    pub(super) fn issuer(&self) -> Option<&Issuer> {
        match &self.place {
            Place::Discovered(issuer) => Some(issuer),
            Place::Known(_) => None,
        }
    }

    /// Under which name clients and grants of it are kept.
    pub(super) fn name(&self) -> String {
        match &self.place {
            Place::Discovered(issuer) => issuer.to_string(),
            Place::Known(url) => url.origin().ascii_serialization(),
        }
    }

    /// Whether a grant was given by this server for this resource (C11).
    pub(super) fn is_of(&self, kept: &Kept) -> bool {
        self.place == kept.about.place && (kept.about.resource.is_none() || self.resource == kept.about.resource)
    }

    /// Whether a client can prove that it is who asked (C5). Silence is a no; a server of 2025-03-26 that has no metadata must do so by its rules.
    pub(super) fn check_pkce(&self) -> Result<(), NotSignedIn> {
        match (&self.metadata, self.issuer()) {
            (Some(metadata), Some(issuer)) if !metadata.supports_s256() => Err(NotSignedIn::NoPkce { issuer: issuer.clone() }),
            _ => Ok(()),
        }
    }

    /// Whether refresh tokens are asked for by a scope (C8).
    pub(super) fn offers_offline_access(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.scopes_supported.iter().any(|scope| scope == "offline_access"))
    }

    /// Whether tokens are bound to a key of ours: both sides have to know how. `is_wanted`: the protected server has just said so.
    pub(super) fn binds(&self, is_wanted: bool) -> bool {
        let gives = |metadata: &ServerMetadata| metadata.dpop_signing_alg_values_supported.iter().any(|name| name == PROOF_ALGORITHM);
        (is_wanted || self.takes_bound) && self.metadata.as_ref().is_some_and(gives)
    }

    /// Where a person is sent.
    pub(super) fn authorize_url(&self) -> Result<Url, NotSignedIn> {
        let Some(metadata) = &self.metadata else { return self.beside_token("/authorize") };
        let text = metadata.authorization_endpoint.as_deref().ok_or_else(|| unfit("names no `authorization_endpoint`"))?;
        let url = Url::parse(text).map_err(|_| unfit("has an `authorization_endpoint` that is no URL"))?;
        if self.may_send_to(&url) { Ok(url) } else { Err(unfit("has an `authorization_endpoint` that is not https")) }
    }

    /// Where a device gets its codes; `None`: nowhere.
    pub(super) fn device_url(&self) -> Option<&str> {
        self.metadata.as_ref()?.device_authorization_endpoint.as_deref()
    }

    /// Whether somebody may be sent there: nothing but the web, and in the clear on this machine only (C19).
    pub(super) fn may_send_to(&self, url: &Url) -> bool {
        let is_local = self.issuer().is_some_and(|issuer| issuer.as_str().starts_with("http://"));
        match url.scheme() {
            "https" => true,
            "http" => is_local && is_loopback(url),
            _ => false,
        }
    }

    /// Where a program registers itself, if it may.
    pub(super) fn registration_url(&self) -> Result<Option<String>, NotSignedIn> {
        match &self.metadata {
            Some(metadata) => Ok(metadata.registration_endpoint.clone()),
            None => self.beside_token("/register").map(|url| Some(url.to_string())),
        }
    }

    fn beside_token(&self, path: &str) -> Result<Url, NotSignedIn> {
        match &self.place {
            Place::Known(url) => at(url, path),
            Place::Discovered(_) => Err(NotSignedIn::NoIssuer),
        }
    }
}

async fn chosen(
    http: &Client,
    mut issuers: Vec<Issuer>,
    before: Option<&Issuer>,
    is_known: bool,
) -> Result<(Issuer, ServerMetadata), NotSignedIn> {
    issuers.truncate(MOST_ISSUERS);
    issuers.sort_by_key(|issuer| Some(issuer) != before);
    let admits_us = |metadata: &ServerMetadata| {
        let may_introduce_itself = metadata.registration_endpoint.is_some() || metadata.client_id_metadata_document_supported == Some(true);
        metadata.supports_s256() && (is_known || may_introduce_itself)
    };
    let mut second_best = Err(NotSignedIn::NoIssuer);
    for issuer in issuers {
        match discovery::discover(http, &issuer).await {
            Ok(metadata) if admits_us(&metadata) || before == Some(&issuer) => return Ok((issuer, metadata)),
            Ok(metadata) if second_best.is_err() => second_best = Ok((issuer, metadata)),
            Err(failure) if matches!(second_best, Err(NotSignedIn::NoIssuer)) => second_best = Err(NotSignedIn::NoMetadata(failure)),
            _ => {}
        }
    }
    second_best
}

/// How many authorization servers of one server are looked at.
const MOST_ISSUERS: usize = 8;
/// What our proofs are signed with.
const PROOF_ALGORITHM: &str = "ES256";

fn at(server: &Url, path: &str) -> Result<Url, NotSignedIn> {
    server.join(path).map_err(|_| NotSignedIn::NoIssuer)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_absence(failure: &Failure) -> bool {
    let is_404 = |failure: &Failure| matches!(failure, Failure::Status { status, .. } if status.is_client_error());
    matches!(failure, Failure::Undiscovered { attempts, .. } if attempts.iter().all(is_404))
}

pub(super) fn unfit(what: &str) -> NotSignedIn {
    NotSignedIn::Server(Cause::BadAnswer { detail: format!("its metadata {what}").into() })
}
