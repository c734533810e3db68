//! Who are we at an authorization server? A client registered by hand, the document that describes us, one that we registered before, or one that we register now (C9).

use oauth::client_authentication::Method;
use oauth::own_registration::{OwnIdentity, OwnMetadata};
use oauth::scope::ScopeSet;
use outbound::client::Client;
use outbound::registration;
use secrecy::SecretString;

use super::failure::NotSignedIn;
use super::guardian::Guardian;
use super::wallet::{Name, Wallet};
use super::{GivenClient, GivenProof, Wishes};

/// A client at one authorization server.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) client_id: String,
    /// What proves it: a secret that is said, or a private key in PEM.
    pub(crate) secret: Option<SecretString>,
    /// By which name the server knows the key.
    pub(crate) key_id: Option<String>,
    /// How it proves itself.
    pub(crate) method: Method,
    /// Where people come back to, letter for letter, if the server knows one place only.
    pub(crate) redirect_uri: Option<String>,
    /// Unix seconds.
    pub(crate) secret_ends_at: Option<u64>,
}

impl GivenClient {
    /// Who it is at a server that offers these methods.
    pub(super) fn identity(&self, offered: &[String]) -> Identity {
        let (secret, key_id, method) = match &self.proof {
            None => (None, None, Method::None),
            Some(GivenProof::Secret(secret)) => (Some(secret.clone()), None, Method::for_secret(offered)),
            Some(GivenProof::Key { pem, key_id }) => (Some(pem.clone()), key_id.clone(), Method::PrivateKeyJwt),
        };
        Identity { client_id: self.id.clone(), secret, key_id, method, redirect_uri: None, secret_ends_at: None }
    }
}

impl Identity {
    /// Somebody who proves nothing.
    pub(super) fn public(client_id: String) -> Self {
        Self { client_id, secret: None, key_id: None, method: Method::None, redirect_uri: None, secret_ends_at: None }
    }

    /// Whether the server lets people come back there.
    pub(super) fn comes_back_to(&self, redirect_uri: &str) -> bool {
        self.redirect_uri.as_deref().is_none_or(|known| known == redirect_uri)
    }
}

/// Who we are without asking anybody; `name`: under which what we registered is kept. `now` is Unix time in milliseconds.
pub(super) async fn known(
    wishes: &Wishes,
    guardian: &Guardian,
    name: &Name,
    wallet: &Wallet,
    now: u64,
) -> Result<Option<Identity>, NotSignedIn> {
    if let Some(given) = &wishes.client {
        return Ok(Some(given.identity(offered(guardian))));
    }
    let reads_documents = guardian.metadata.as_ref().is_some_and(|metadata| metadata.client_id_metadata_document_supported == Some(true));
    if let Some(url) = wishes.metadata_url.as_ref().filter(|_| reads_documents) {
        let client_id = url.clone();
        return Ok(Some(Identity::public(client_id)));
    }
    let registered = wallet.find_client(name).await?;
    Ok(registered.filter(|identity| identity.secret_ends_at.is_none_or(|end| end > now / 1000)))
}

/// Registers us with one place to come back to, and keeps who we are.
pub(super) async fn register(
    guardian: &Guardian,
    http: &Client,
    redirect_uri: &str,
    scopes: &ScopeSet,
    wallet: &Wallet,
) -> Result<Identity, NotSignedIn> {
    let metadata = OwnMetadata::native(CLIENT_NAME, redirect_uri, method_to_ask_for(offered(guardian)), words(scopes));
    let identity = Identity { redirect_uri: Some(redirect_uri.to_owned()), ..registered(guardian, http, &metadata).await? };
    wallet.put_client(&Name::of_client(&guardian.name()), &identity).await?;
    Ok(identity)
}

/// Registers us as a program that nobody comes back to, and keeps who we are.
pub(super) async fn register_device(
    guardian: &Guardian,
    http: &Client,
    scopes: &ScopeSet,
    wallet: &Wallet,
) -> Result<Identity, NotSignedIn> {
    let metadata = OwnMetadata::device(CLIENT_NAME, method_to_ask_for(offered(guardian)), words(scopes));
    let identity = registered(guardian, http, &metadata).await?;
    wallet.put_client(&Name::of_device(&guardian.name()), &identity).await?;
    Ok(identity)
}

async fn registered(guardian: &Guardian, http: &Client, metadata: &OwnMetadata<'_>) -> Result<Identity, NotSignedIn> {
    let url = guardian.registration_url()?.ok_or_else(|| NotSignedIn::NotRegistered { authority: guardian.name() })?;
    let OwnIdentity { client_id, secret, method, secret_ends_at } = registration::register(http, &url, metadata).await?;
    let method = match (&secret, method) {
        (None, _) => Method::None,
        (Some(_), Some(method)) if method != Method::None => method,
        // A secret that nobody wants to see is not shown.
        (Some(_), Some(_)) => Method::None,
        (Some(_), None) => Method::for_secret(offered(guardian)),
    };
    let secret = secret.filter(|_| method != Method::None);
    Ok(Identity { client_id, secret, key_id: None, method, redirect_uri: None, secret_ends_at })
}

fn words(scopes: &ScopeSet) -> Option<String> {
    (!scopes.is_empty()).then(|| scopes.to_string())
}

pub(super) fn offered(guardian: &Guardian) -> &[String] {
    guardian.metadata.as_ref().map_or(&[], |metadata| &metadata.token_endpoint_auth_methods_supported)
}

/// A program on a person's machine keeps no secret from that person, so it asks for none where the server lets it (RFC 8252 §8.4).
fn method_to_ask_for(offered: &[String]) -> Method {
    let offers = |method: Method| offered.iter().any(|name| name == method.name());
    let others = [Method::ClientSecretBasic, Method::ClientSecretPost];
    if offered.is_empty() || offers(Method::None) {
        Method::None
    } else {
        others.into_iter().find(|&method| offers(method)).unwrap_or(Method::None)
    }
}

const CLIENT_NAME: &str = "Claviger";
