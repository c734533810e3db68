//! `aws-secretsmanager://`: AWS Secrets Manager, asked by Amazon's own library.
//!
//! Its credential chain is the one that every other program of a machine or pod follows: variables, profiles, `credential_process`, web identity, container and
//! instance roles. What it sends goes through `outbound` (see `connector`). Nothing of it is touched before the first reference is resolved.

mod connector;
mod trouble;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use outbound::client::LazyClient;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use self::connector::Connector;
use crate::missing::Cause;
use crate::reference::{AwsSecret, AwsVersion, Place};
use crate::source::{Fetched, Fetching, Provider, Writer};

/// Secrets of AWS Secrets Manager.
pub struct Aws {
    settings: Settings,
    connector: Connector,
    /// A client for each region; `None`: the one that the environment names.
    clients: Mutex<Clients>,
}

type Clients = HashMap<Option<Box<str>>, Arc<OnceCell<Client>>>;

/// What the operator says about AWS. What is left open, the library finds out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The region of references that name none.
    pub region: Option<Box<str>>,
    /// The URL of Secrets Manager, instead of the region's own.
    pub endpoint: Option<Box<str>>,
    /// The profile in AWS's own configuration files.
    pub profile: Option<Box<str>>,
}

impl Aws {
    /// Asks by these settings, through a client that admits metadata services.
    pub fn new(settings: Settings, client: LazyClient) -> Self {
        Self { settings, connector: Connector::new(client), clients: Mutex::default() }
    }

    async fn fetch_secret(&self, secret: &AwsSecret) -> Result<Fetched, Cause> {
        let client = self.client_for(secret).await?;
        let question = client.get_secret_value().secret_id(&*secret.id);
        let question = match &secret.version {
            Some(AwsVersion::Id(id)) => question.version_id(&**id),
            Some(AwsVersion::Stage(stage)) => question.version_stage(&**stage),
            None => question,
        };
        match question.send().await {
            Ok(answer) => fetched(answer),
            Err(error) if error.code() == Some(trouble::MARKED) && self.is_marked_for_deletion(&client, secret).await => {
                Err(Cause::NotFound)
            }
            Err(error) => Err(trouble::cause_of(&error)),
        }
    }

    async fn client_for(&self, secret: &AwsSecret) -> Result<Client, Cause> {
        self.client(secret.region.as_deref().or(self.settings.region.as_deref())).await
    }

    async fn client(&self, region: Option<&str>) -> Result<Client, Cause> {
        let cell = Arc::clone(self.clients.lock().unwrap_or_else(PoisonError::into_inner).entry(region.map(Into::into)).or_default());
        cell.get_or_try_init(|| self.make_client(region)).await.cloned()
    }

    async fn make_client(&self, region: Option<&str>) -> Result<Client, Cause> {
        // Trying again is the business of whoever asks us.
        let mut loader =
            aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(self.connector.clone()).retry_config(RetryConfig::disabled());
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(profile) = &self.settings.profile {
            loader = loader.profile_name(&**profile);
        }
        let found = loader.load().await;
        if found.region().is_none() {
            return Err(Cause::NotConfigured { what: NO_REGION });
        }
        let mut config = Builder::from(&found);
        // Only Secrets Manager: a token service keeps its own address.
        if let Some(endpoint) = &self.settings.endpoint {
            config = config.endpoint_url(&**endpoint);
        }
        Ok(Client::from_conf(config.build()))
    }
}

impl Provider for Aws {
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let Place::Aws(secret) = place else { return Err(Cause::NotInThisBuild) };
            self.fetch_secret(secret).await
        })
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }
}

fn fetched(answer: GetSecretValueOutput) -> Result<Fetched, Cause> {
    let version = answer.version_id.as_deref().map(Into::into);
    let fetched = match (answer.secret_string.map(Zeroizing::new), answer.secret_binary) {
        (Some(text), _) => Fetched::plain(&text),
        (None, Some(bytes)) => {
            let bytes = Zeroizing::new(bytes.into_inner());
            std::str::from_utf8(&bytes).map_err(|_| Cause::NotText).and_then(Fetched::plain)
        }
        (None, None) => Err(Cause::BadAnswer { detail: "AWS sent neither a text nor bytes".into() }),
    };
    fetched.map(|fetched| Fetched { version, ..fetched })
}

const NO_REGION: &str = "the region: write `?region=` in the reference or `region` under `[secrets.aws]`, or set `AWS_REGION`";

#[cfg(test)]
mod tests;
