//! What is kept of an account? Who gave what to whom, and the tokens; as the bytes that go where secrets go, and as what anybody may read of it.

use std::borrow::Cow;
use std::sync::Arc;

use oauth::client_authentication::Method;
use oauth::issuer::Issuer;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;
use zeroize::Zeroizing;

use super::identity::Identity;
use super::prover::Prover;
use crate::authorization_server::Place;
use crate::connection::Grant;

/// One account, whole.
pub(super) struct Kept {
    pub(super) about: About,
    pub(super) identity: Identity,
    pub(super) grant: Grant,
    /// The key that the tokens are bound to.
    pub(super) prover: Option<Arc<Prover>>,
}

/// What is known of an account besides its secrets.
pub(super) struct About {
    pub(super) server: String,
    pub(super) profile: String,
    pub(super) place: Place,
    pub(super) resource: Option<Resource>,
    /// What was asked for, and is asked for again when more is needed.
    pub(super) asked: ScopeSet,
    /// Unix milliseconds.
    pub(super) signed_in_at: u64,
}

/// What `status` shows: nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The server's URL.
    pub server: String,
    /// The account's name on this machine.
    pub profile: String,
    /// Who gave the tokens.
    pub authority: String,
    /// Under which name this program is known there.
    pub client_id: String,
    /// What was granted, where the authorization server said so, else what was asked for.
    pub scopes: String,
    /// Unix milliseconds at which the person logged in.
    pub signed_in_at: u64,
    /// Unix milliseconds of the last renewal.
    pub renewed_at: u64,
    /// Unix milliseconds of the access token's end, if it has one.
    pub token_ends_at: Option<u64>,
    /// Whether it renews itself.
    pub is_renewable: bool,
    /// Where its secrets are.
    pub storage: String,
}

#[derive(Serialize, Deserialize)]
struct Wire<'k> {
    server: String,
    profile: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<Issuer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Resource>,
    asked: String,
    signed_in_at: u64,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    bound_key: Option<Cow<'k, str>>,
    #[serde(borrow)]
    client: WireClient<'k>,
    #[serde(borrow)]
    grant: &'k RawValue,
}

#[derive(Serialize, Deserialize)]
struct WireClient<'k> {
    id: String,
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    secret: Option<Cow<'k, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_ends_at: Option<u64>,
}

impl Kept {
    /// The same account with newer tokens.
    pub(super) fn with(&self, grant: Grant) -> Self {
        let About { server, profile, place, resource, asked, signed_in_at } = &self.about;
        let about = About {
            server: server.clone(),
            profile: profile.clone(),
            place: place.clone(),
            resource: resource.clone(),
            asked: asked.clone(),
            signed_in_at: *signed_in_at,
        };
        Self { about, identity: self.identity.clone(), grant, prover: self.prover.clone() }
    }

    pub(super) fn summary(&self, storage: &str) -> Summary {
        let authority = match &self.about.place {
            Place::Discovered(issuer) => issuer.to_string(),
            Place::Known(url) => url.origin().ascii_serialization(),
        };
        Summary {
            server: self.about.server.clone(),
            profile: self.about.profile.clone(),
            authority,
            client_id: self.identity.client_id.clone(),
            scopes: self.grant.scopes.clone().unwrap_or_else(|| self.about.asked.to_string()),
            signed_in_at: self.about.signed_in_at,
            renewed_at: self.grant.given_at,
            token_ends_at: self.grant.ends_at,
            is_renewable: self.grant.refresh.is_some(),
            storage: storage.to_owned(),
        }
    }

    pub(super) fn to_bytes(&self) -> Option<Zeroizing<String>> {
        let bytes = self.grant.to_bytes();
        let grant: &RawValue = serde_json::from_slice(&bytes).ok()?;
        let (issuer, token_endpoint) = match &self.about.place {
            Place::Discovered(issuer) => (Some(issuer.clone()), None),
            Place::Known(url) => (None, Some(url.to_string())),
        };
        let wire = Wire {
            server: self.about.server.clone(),
            profile: self.about.profile.clone(),
            issuer,
            token_endpoint,
            resource: self.about.resource.clone(),
            asked: self.about.asked.to_string(),
            signed_in_at: self.about.signed_in_at,
            bound_key: self.prover.as_ref().map(|prover| prover.pkcs8().into()),
            client: WireClient::of(&self.identity),
            grant,
        };
        sealed_text(&wire, bytes.len())
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let wire: Wire<'_> = serde_json::from_str(text).ok()?;
        let place = match (wire.issuer, wire.token_endpoint) {
            (Some(issuer), None) => Place::Discovered(issuer),
            (None, Some(url)) => Place::Known(Url::parse(&url).ok()?),
            _ => return None,
        };
        let about = About {
            server: wire.server,
            profile: wire.profile,
            place,
            resource: wire.resource,
            asked: ScopeSet::parse(&wire.asked).ok()?,
            signed_in_at: wire.signed_in_at,
        };
        let prover = match &wire.bound_key {
            None => None,
            Some(pkcs8) => Some(Arc::new(Prover::read(pkcs8)?)),
        };
        Some(Self { about, identity: wire.client.identity()?, grant: Grant::from_bytes(wire.grant.get().as_bytes())?, prover })
    }
}

impl Identity {
    pub(super) fn to_text(&self) -> Option<Zeroizing<String>> {
        sealed_text(&WireClient::of(self), 0)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str::<WireClient<'_>>(text).ok()?.identity()
    }
}

impl<'k> WireClient<'k> {
    fn of(identity: &'k Identity) -> Self {
        Self {
            id: identity.client_id.clone(),
            method: identity.method.name().to_owned(),
            key_id: identity.key_id.clone(),
            secret: identity.secret.as_ref().map(|secret| secret.expose_secret().into()),
            redirect_uri: identity.redirect_uri.clone(),
            secret_ends_at: identity.secret_ends_at,
        }
    }

    fn identity(self) -> Option<Identity> {
        let methods = [Method::ClientSecretBasic, Method::ClientSecretPost, Method::None, Method::PrivateKeyJwt];
        let method = methods.into_iter().find(|method| method.name() == self.method)?;
        let secret = self.secret.map(|secret| match secret {
            Cow::Borrowed(text) => SecretString::from(text),
            Cow::Owned(text) => SecretString::from(text),
        });
        let (redirect_uri, secret_ends_at) = (self.redirect_uri, self.secret_ends_at);
        Some(Identity { client_id: self.id, secret, key_id: self.key_id, method, redirect_uri, secret_ends_at })
    }
}

/// With room for all of it from the start: growing would leave copies behind.
fn sealed_text(wire: &impl Serialize, grant_bytes: usize) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(grant_bytes + ROOM));
    serde_json::to_writer(&mut *bytes, wire).ok()?;
    String::from_utf8(std::mem::take(&mut *bytes)).ok().map(Zeroizing::new)
}

/// For everything but the grant: URLs, names and a client's secret.
const ROOM: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_comes_back_as_it_was() {
        let grant = Grant { access: "a\"b".into(), given_at: 5, ends_at: Some(9), refresh: Some("r".into()), scopes: None };
        for place in [
            Place::Discovered(Issuer::parse("https://login.example/t/").unwrap()),
            Place::Known(Url::parse("https://h.example/token").unwrap()),
        ] {
            let about = About {
                server: "https://h.example/mcp".to_owned(),
                profile: "work".to_owned(),
                place: place.clone(),
                resource: Some(Resource::parse("https://h.example").unwrap()),
                asked: ScopeSet::parse("x y").unwrap(),
                signed_in_at: 4,
            };
            let identity = Identity {
                client_id: "c".to_owned(),
                secret: Some("s\\".into()),
                key_id: None,
                method: Method::ClientSecretPost,
                redirect_uri: Some("http://127.0.0.1:1/callback".to_owned()),
                secret_ends_at: Some(7),
            };
            let grant = Grant { access: grant.access.clone(), refresh: grant.refresh.clone(), scopes: None, ..grant };
            let text = Kept { about, identity, grant, prover: Some(Arc::new(Prover::generate().unwrap())) }.to_bytes().unwrap();
            let read = Kept::from_text(&text).unwrap();
            assert_eq!(read.about.place, place);
            assert_eq!(read.about.resource.as_ref().unwrap().as_str(), "https://h.example");
            assert_eq!(read.grant.access.expose_secret(), "a\"b");
            assert_eq!(read.identity.secret.as_ref().unwrap().expose_secret(), "s\\");
            let summary = read.summary("file");
            assert_eq!((summary.scopes.as_str(), summary.token_ends_at, summary.is_renewable), ("x y", Some(9), true));
            let shown = serde_json::to_string(&summary).unwrap();
            assert!(!shown.contains("a\\\"b") && !shown.contains("s\\\\"), "{shown}");
        }
        assert!(Kept::from_text("{}").is_none());
    }
}
