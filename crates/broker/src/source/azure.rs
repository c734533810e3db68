//! `azure-keyvault://`: Azure Key Vault, asked by Microsoft's own library.
//!
//! Who we are there is found as on every pod and machine: a workload identity, else a client secret, else a managed identity. What the library sends goes through
//! `outbound` (see `transport`). A reference names a vault, never a host: the domain is the operator's.

mod identity;
mod transport;
mod trouble;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_security_keyvault_secrets::models::SecretClientGetSecretOptions;
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use outbound::client::LazyClient;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use self::identity::Identity;
use self::transport::Outbound;
use crate::missing::Cause;
use crate::reference::{AzureSecret, Place};
use crate::source::{Environment, Fetched, Fetching, Provider, Writer};

/// Secrets of Azure Key Vault.
pub struct Azure {
    settings: Settings,
    identity: Identity,
    transport: Arc<Outbound>,
    credential: OnceCell<Arc<dyn TokenCredential>>,
    /// A client for each vault.
    clients: Mutex<HashMap<Box<str>, Arc<SecretClient>>>,
}

/// What the operator says about Azure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The domain of vaults; `None`: that of the public cloud.
    pub suffix: Option<Box<str>>,
    /// One URL for all vaults, instead of `https://VAULT.SUFFIX`.
    pub endpoint: Option<Box<str>>,
}

impl Azure {
    /// Asks by these settings, as whom the environment says, through a client that admits metadata services.
    pub fn new(settings: Settings, environment: &Environment, client: LazyClient) -> Self {
        Self {
            settings,
            identity: Identity::of(environment),
            transport: Arc::new(Outbound::new(client)),
            credential: OnceCell::new(),
            clients: Mutex::default(),
        }
    }

    async fn fetch_secret(&self, secret: &AzureSecret) -> Result<Fetched, Cause> {
        let client = self.client(&secret.vault).await?;
        let options = SecretClientGetSecretOptions { secret_version: secret.version.as_deref().map(str::to_owned), ..Default::default() };
        let answer = client.get_secret(&secret.name, Some(options)).await.map_err(|error| trouble::cause_of(&error))?;
        let answer = answer.into_model().map_err(|error| trouble::cause_of(&error))?;
        let version = answer.id.as_deref().and_then(|id| id.rsplit('/').next()).map(Into::into);
        let text = answer.value.map(Zeroizing::new).ok_or(Cause::Empty)?;
        Fetched::plain(&text).map(|fetched| Fetched { version, ..fetched })
    }

    async fn client(&self, vault: &str) -> Result<Arc<SecretClient>, Cause> {
        let credential = self.credential.get_or_try_init(|| self.identity.credential(self.options())).await?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(vault) {
            return Ok(Arc::clone(client));
        }
        let host = || format!("https://{vault}.{}", self.settings.suffix.as_deref().unwrap_or(PUBLIC_SUFFIX));
        let url = self.settings.endpoint.as_deref().map_or_else(host, str::to_owned);
        let options = SecretClientOptions {
            client_options: self.options(),
            // The token that a vault asks for must be one for vaults of its own domain, unless the operator has put another host in between.
            verify_challenge_resource: Some(self.settings.endpoint.is_none()),
            ..Default::default()
        };
        let client = SecretClient::new(&url, Arc::clone(credential), Some(options)).map_err(|error| trouble::cause_of(&error))?;
        let client = Arc::new(client);
        clients.insert(vault.into(), Arc::clone(&client));
        Ok(client)
    }

    /// Trying again is the business of whoever asks us.
    fn options(&self) -> ClientOptions {
        ClientOptions { transport: Some(Transport::new(self.transport.clone())), retry: RetryOptions::none(), ..Default::default() }
    }
}

impl Provider for Azure {
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let Place::Azure(secret) = place else { return Err(Cause::NotInThisBuild) };
            self.fetch_secret(secret).await
        })
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }
}

const PUBLIC_SUFFIX: &str = "vault.azure.net";

#[cfg(test)]
mod tests {
    use outbound::guard::Guard;
    use outbound::tls::Roots;

    use super::*;

    async fn url_of(vault: &str, settings: Settings) -> String {
        let variables = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hunter2")];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let azure = Azure::new(settings, &environment, LazyClient::new(Guard::for_cloud(), Roots::default()));
        azure.client(vault).await.unwrap().endpoint().to_string()
    }

    #[tokio::test]
    async fn the_domain_is_the_operators_and_the_name_the_references() {
        assert_eq!(url_of("team-vault", Settings::default()).await, "https://team-vault.vault.azure.net/");
        let china = Settings { suffix: Some("vault.azure.cn".into()), endpoint: None };
        assert_eq!(url_of("team-vault", china).await, "https://team-vault.vault.azure.cn/");
        let proxy = Settings { suffix: None, endpoint: Some("https://proxy.example/vaults".into()) };
        assert_eq!(url_of("team-vault", proxy).await, "https://proxy.example/vaults");
    }
}
