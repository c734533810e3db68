//! How is a secret of Azure Key Vault changed? A new version takes the place of the one before; what is removed is kept by the vault for a while, and taken back from
//! there when its name is used again.

use std::time::Duration;

use azure_core::http::StatusCode;
use azure_security_keyvault_secrets::models::{SecretClientListSecretPropertiesOptions, SetSecretParameters};
use azure_security_keyvault_secrets::{ResourceExt as _, SecretClient};
use futures_util::TryStreamExt as _;

use super::{Azure, trouble};
use crate::missing::Cause;
use crate::reference::{AzureSecret, Place, Reference};
use crate::source::texts::Texts;
use crate::source::{Changing, Listed, MAX_LISTED, MAX_PAGES, PINNED, Removal};
use crate::value::Value;

impl Azure {
    async fn put_secret(&self, secret: &AzureSecret, text: &Value) -> Result<(), Cause> {
        if text.expose().len() > LONGEST {
            return Err(Cause::TooLarge { limit: LONGEST });
        }
        let client = self.client(&secret.vault).await?;
        let Err(error) = set(&client, &secret.name, text).await else { return Ok(()) };
        // The name belongs to a secret that was removed.
        if error.http_status() != Some(StatusCode::Conflict) || client.recover_deleted_secret(&secret.name, None).await.is_err() {
            return Err(trouble::cause_of(&error));
        }
        for _ in 0..LOOKS {
            match set(&client, &secret.name, text).await {
                Err(error) if error.http_status() == Some(StatusCode::Conflict) => tokio::time::sleep(PAUSE).await,
                answered => return answered.map_err(|error| trouble::cause_of(&error)),
            }
        }
        Err(Cause::Unavailable { detail: "the vault is still taking back the secret of this name that was removed".into() })
    }

    async fn remove_secret(&self, secret: &AzureSecret) -> Result<Removal, Cause> {
        let client = self.client(&secret.vault).await?;
        client.delete_secret(&secret.name, None).await.map_err(|error| trouble::cause_of(&error))?;
        for _ in 0..LOOKS {
            match self.fetch_secret(secret).await {
                Err(cause) if cause.is_absence() => {
                    let how = "the vault keeps it as deleted, for 90 days if nobody chose another time; `az keyvault secret recover` brings it back";
                    return Ok(Removal::Recoverable { how });
                }
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(cause) => return Err(cause),
            }
        }
        Err(Cause::Unavailable { detail: "the vault is still removing it".into() })
    }

    async fn list_names(&self, below: &str) -> Result<Listed, Cause> {
        let (vault, before) = below.split_once('/').unwrap_or((below, ""));
        // It becomes part of a host's name.
        let probe: Result<Reference, _> = format!("azure-keyvault://{vault}/x").parse();
        probe.map_err(|_| Cause::Unable { what: "list without a vault, as in `azure-keyvault://VAULT`" })?;
        let client = self.client(vault).await?;
        let options = SecretClientListSecretPropertiesOptions { maxresults: Some(PAGE), ..Default::default() };
        let mut found = client.list_secret_properties(Some(options)).map_err(|error| trouble::cause_of(&error))?;
        let mut names = Vec::new();
        let mut seen = 0;
        while let Some(properties) = found.try_next().await.map_err(|error| trouble::cause_of(&error))? {
            // A certificate's own secret is the certificate's to change.
            let name = properties.resource_id().ok().filter(|_| properties.managed != Some(true)).map(|id| id.name);
            names.extend(name.filter(|name| name.starts_with(before)).map(|name| format!("azure-keyvault://{vault}/{name}")));
            seen += 1;
            if names.len() > MAX_LISTED || seen > MOST_SEEN {
                return Ok(Listed::of(names, true));
            }
        }
        Ok(Listed::of(names, false))
    }
}

async fn set(client: &SecretClient, name: &str, text: &Value) -> azure_core::Result<()> {
    let parameters = SetSecretParameters { value: Some(text.expose().to_owned()), ..Default::default() };
    client.set_secret(name, parameters.try_into()?, None).await.map(drop)
}

impl Texts for Azure {
    fn admit_place(&self, place: &Place) -> Result<(), Cause> {
        unpinned(place).map(drop)
    }

    fn put_text<'a>(&'a self, place: &'a Place, text: &'a Value) -> Changing<'a, ()> {
        Box::pin(async move { self.put_secret(unpinned(place)?, text).await })
    }

    fn remove_text<'a>(&'a self, place: &'a Place) -> Changing<'a, Removal> {
        Box::pin(async move { self.remove_secret(unpinned(place)?).await })
    }

    fn list_texts<'a>(&'a self, below: &'a str) -> Changing<'a, Listed> {
        Box::pin(self.list_names(below))
    }
}

fn unpinned(place: &Place) -> Result<&AzureSecret, Cause> {
    match place {
        Place::Azure(AzureSecret { version: Some(_), .. }) => Err(PINNED),
        Place::Azure(secret) => Ok(secret),
        _ => Err(Cause::NotInThisBuild),
    }
}

/// The vault's own limit, in bytes.
const LONGEST: usize = 25 * 1024;
/// The most names that are looked at.
const MOST_SEEN: usize = MAX_PAGES * 25;
/// How many names a vault gives at once.
const PAGE: i32 = 25;
/// Removing and taking back take some seconds there.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);
