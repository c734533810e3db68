//! Where do values lie? One small source for each kind of place; keeping values, waiting and trying again are not a source's business (see `slot` and `patient`).

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
mod client_credentials;
mod environment;
mod file;
pub mod gcp;
mod id_jag;
mod reach;
mod token_exchange;
pub mod vault;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use client_credentials::ClientCredentials;
pub use environment::Environment;
pub use file::{Files, OpenFiles};
use futures_util::future::join_all;
pub(crate) use id_jag::IdJag;
pub(crate) use token_exchange::TokenExchange;

use crate::missing::Cause;
use crate::reference::{Kind, Place};
use crate::value::Value;

/// What a source gives.
#[derive(Debug)]
pub struct Fetched {
    /// The value as it lies there, whole, never empty.
    pub value: Value,
    /// What the place calls this version, if it counts them.
    pub version: Option<Arc<str>>,
    /// For how long it is good, if the place says: the rest of a lease, or of a token's life.
    pub lifetime: Option<Duration>,
}

impl Fetched {
    /// A value of which the place says nothing more.
    pub fn plain(text: &str) -> Result<Self, Cause> {
        if text.is_empty() {
            return Err(Cause::Empty);
        }
        let value = Value::new(text).map_err(|_| Cause::NoMemory)?;
        Ok(Self { value, version: None, lifetime: None })
    }
}

/// What a source promises. It is polled to its end, whether or not those who asked are still there.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, Cause>> + Send + 'a>>;

/// Something that can be asked for one value.
pub trait Source: Send + Sync {
    /// The value now.
    fn fetch(&self) -> Fetching<'_>;

    /// The value given last was refused where it was used.
    fn refuse(&self) {}
}

/// What resolves references of one kind.
pub trait Provider: Send + Sync {
    /// The value at a place of its kind.
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a>;

    /// The value given last was refused where it was used: where the place makes values, the next is to be a new one.
    fn refuse(&self, _place: &Place) {}

    /// Gives back what the places have lent us. To be called when nothing is used any more.
    fn close(&self) -> Closing<'_> {
        Box::pin(std::future::ready(()))
    }
}

/// What takes leave.
pub type Closing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A provider for each kind of place that can be asked.
#[derive(Default)]
pub struct Sources {
    providers: BTreeMap<Kind, Box<dyn Provider>>,
}

impl Sources {
    /// What every process has: its environment and its files.
    pub fn local(environment: Environment, files: Files) -> Self {
        Self::default().with(Kind::Variable, environment).with(Kind::File, files)
    }

    /// The same with a provider for one kind more.
    #[must_use]
    pub fn with(mut self, kind: Kind, provider: impl Provider + 'static) -> Self {
        self.providers.insert(kind, Box::new(provider));
        self
    }

    async fn fetch(&self, place: &Place) -> Result<Fetched, Cause> {
        match self.providers.get(&place.kind()) {
            Some(provider) => provider.fetch(place).await,
            None => Err(Cause::NotInThisBuild),
        }
    }

    fn refuse(&self, place: &Place) {
        if let Some(provider) = self.providers.get(&place.kind()) {
            provider.refuse(place);
        }
    }

    /// Has every provider give back what it was lent.
    pub(crate) async fn close(&self) {
        join_all(self.providers.values().map(|provider| provider.close())).await;
    }
}

/// One place of them.
pub(crate) struct AtPlace {
    pub(crate) sources: Arc<Sources>,
    pub(crate) place: Place,
}

impl Source for AtPlace {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.sources.fetch(&self.place))
    }

    fn refuse(&self) {
        self.sources.refuse(&self.place);
    }
}

#[cfg(test)]
mod tests;
