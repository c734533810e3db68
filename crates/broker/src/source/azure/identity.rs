//! Who are we at Azure? The first of these that the environment knows: a federated token (workload identity), a client secret, the identity of the machine.

use std::path::PathBuf;
use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::ClientOptions;
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::missing::Cause;
use crate::source::Environment;

/// What the environment says, in the variables that every library of Azure reads.
#[derive(Default)]
pub(super) struct Identity {
    tenant: Option<String>,
    client: Option<String>,
    token_file: Option<PathBuf>,
    secret: Option<SecretString>,
}

impl Identity {
    pub(super) fn of(environment: &Environment) -> Self {
        let variable = |name| environment.variable(name).filter(|value| !value.is_empty());
        Self {
            tenant: variable("AZURE_TENANT_ID").map(str::to_owned),
            client: variable("AZURE_CLIENT_ID").map(str::to_owned),
            token_file: variable("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from),
            secret: variable("AZURE_CLIENT_SECRET").map(SecretString::from),
        }
    }

    /// Makes the credential; nothing is asked yet. Half an identity is an error: the next kind would be somebody else.
    pub(super) async fn credential(&self, options: ClientOptions) -> Result<Arc<dyn TokenCredential>, Cause> {
        if let Some(file) = &self.token_file {
            return self.workload(file.clone(), options).await;
        }
        match &self.secret {
            Some(secret) => self.client_secret(secret, options),
            None => self.machine(options),
        }
    }

    async fn workload(&self, file: PathBuf, options: ClientOptions) -> Result<Arc<dyn TokenCredential>, Cause> {
        let (tenant_id, client_id) = self.tenant_and_client()?;
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options: options },
            client_id: Some(client_id.to_owned()),
            tenant_id: Some(tenant_id.to_owned()),
            token_file_path: Some(file),
        };
        // It reads the file here and now.
        let made = tokio::task::spawn_blocking(|| WorkloadIdentityCredential::new(Some(options))).await;
        let made = made.map_err(|_| Cause::Unavailable { detail: "reading the token file was given up".into() })?;
        Ok(made.map_err(|_| Cause::NotConfigured { what: BAD_WORKLOAD })?)
    }

    fn client_secret(&self, secret: &SecretString, options: ClientOptions) -> Result<Arc<dyn TokenCredential>, Cause> {
        let (tenant, client) = self.tenant_and_client()?;
        let options = ClientSecretCredentialOptions { client_options: options };
        let secret = Secret::new(secret.expose_secret().to_owned());
        let made = ClientSecretCredential::new(tenant, client.to_owned(), secret, Some(options));
        Ok(made.map_err(|_| Cause::NotConfigured { what: BAD_CLIENT })?)
    }

    fn machine(&self, options: ClientOptions) -> Result<Arc<dyn TokenCredential>, Cause> {
        let user_assigned_id = self.client.clone().map(UserAssignedId::ClientId);
        let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options: options };
        Ok(ManagedIdentityCredential::new(Some(options)).map_err(|_| Cause::NotConfigured { what: BAD_MACHINE })?)
    }

    fn tenant_and_client(&self) -> Result<(&str, &str), Cause> {
        self.tenant.as_deref().zip(self.client.as_deref()).ok_or(Cause::NotConfigured { what: NO_TENANT })
    }
}

const BAD_CLIENT: &str = "who we are at Azure: `AZURE_TENANT_ID` is not a tenant, or `AZURE_AUTHORITY_HOST` not an https URL";
const BAD_MACHINE: &str =
    "who we are at Azure: this machine's kind of managed identity is not supported; use a workload identity or a client secret";
const BAD_WORKLOAD: &str =
    "who we are at Azure: the file that `AZURE_FEDERATED_TOKEN_FILE` names cannot be read, or `AZURE_TENANT_ID` is not a tenant";
const NO_TENANT: &str =
    "who we are at Azure: `AZURE_TENANT_ID` and `AZURE_CLIENT_ID` belong to a federated token file and to a client secret";

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ClientOptions {
        use crate::source::azure::transport::Outbound;
        let client = outbound::client::LazyClient::new(outbound::guard::Guard::for_cloud(), outbound::tls::Roots::default());
        let transport = azure_core::http::Transport::new(Arc::new(Outbound::new(client)));
        ClientOptions { transport: Some(transport), ..Default::default() }
    }

    async fn what(variables: &[(&str, &str)]) -> Result<String, &'static str> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match Identity::of(&environment).credential(options()).await {
            Ok(credential) => Ok(format!("{credential:?}")),
            Err(Cause::NotConfigured { what }) => Err(what),
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn the_first_identity_that_is_there_is_used() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let file = ("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().unwrap());
        let (tenant, client, secret) = (("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hunter2"));
        assert!(what(&[tenant, client, secret, file]).await.unwrap().contains("WorkloadIdentity"));
        let by_secret = what(&[tenant, client, secret]).await.unwrap();
        assert!(by_secret.contains("ClientSecret") && !by_secret.contains("hunter2"));
        assert!(what(&[tenant, client]).await.unwrap().contains("ManagedIdentity"));
        assert!(what(&[]).await.unwrap().contains("ManagedIdentity"));
    }

    #[tokio::test]
    async fn half_an_identity_is_none() {
        let (client, secret) = (("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hunter2"));
        assert_eq!(what(&[client, secret]).await, Err(NO_TENANT));
        let absent = ("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent/token");
        assert_eq!(what(&[client, secret, absent]).await, Err(NO_TENANT));
        assert_eq!(what(&[("AZURE_TENANT_ID", "t"), client, secret, absent]).await, Err(BAD_WORKLOAD));
    }
}
