//! Where do values lie? One small source for each kind of place; keeping values, waiting and trying again are not a source's business (see `slot` and `patient`).

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
mod client_credentials;
mod command;
#[cfg(test)]
mod conformance;
mod environment;
mod file;
pub mod gcp;
mod id_jag;
mod keychain;
mod reach;
pub(crate) mod replace;
mod texts;
mod token_exchange;
pub mod vault;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use client_credentials::ClientCredentials;
pub use command::Commands;
pub use environment::Environment;
pub use file::{Files, OpenFiles};
use futures_util::future::join_all;
pub(crate) use id_jag::IdJag;
pub use keychain::Keychain;
pub(crate) use token_exchange::TokenExchange;

use crate::member::member;
use crate::missing::Cause;
use crate::reference::{Kind, Place, Reference};
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

    /// The bytes as they lie there, if they are text.
    fn exact(bytes: &[u8]) -> Result<Self, Cause> {
        if bytes.len() > MAX_VALUE_BYTES {
            return Err(Cause::TooLarge { limit: MAX_VALUE_BYTES });
        }
        Self::plain(std::str::from_utf8(bytes).map_err(|_| Cause::NotText)?)
    }

    /// What a file holds or a program prints: text, and a line end that is no part of it.
    fn line(bytes: &[u8]) -> Result<Self, Cause> {
        let text = bytes.strip_suffix(b"\n").map_or(bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
        Self::exact(text)
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

    /// What changes the values there, if we may.
    fn writer(&self) -> Option<&dyn Writer> {
        None
    }
}

/// What a writer promises. Dropped early, the change is made or not made, never half made.
pub type Changing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Cause>> + Send + 'a>>;

/// Something that changes the values of one kind of place. For people who move secrets; the door itself writes none.
///
/// A reference with a field means one member of the JSON object that lies there: the others stay as they are.
pub trait Writer: Send + Sync {
    /// Refuses what is no place to write to, as far as that is known without writing or reading there.
    fn admit<'a>(&'a self, reference: &'a Reference) -> Changing<'a, ()>;

    /// Puts a value of 1 to [`MAX_VALUE_BYTES`] bytes there, in place of what was there. When this is done, a read gives that very text.
    fn put<'a>(&'a self, reference: &'a Reference, value: &'a Value) -> Changing<'a, ()>;

    /// Removes the value there; that there was none is a failure. When this is done, a read finds nothing.
    fn delete<'a>(&'a self, reference: &'a Reference) -> Changing<'a, Removal>;

    /// The names of the values there, in order: of those that a reference can name, at most [`MAX_LISTED`]. `below` is what they all begin with behind the
    /// scheme, such as a vault, a project or a folder; some kinds cannot do without.
    fn list<'a>(&'a self, below: &'a str) -> Changing<'a, Listed>;
}

/// What has become of a value that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Final,
    /// A read finds nothing; but the place still has it.
    Recoverable {
        /// For how long, and how it comes back, in a sentence that begins with who has it.
        how: &'static str,
    },
}

/// What a list found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// In order.
    pub references: Vec<Reference>,
    /// Whether there are more.
    pub is_cut: bool,
}

impl Listed {
    /// Puts names in order, and leaves away what no reference can say.
    fn of(names: impl IntoIterator<Item = String>, is_cut: bool) -> Self {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort();
        names.dedup();
        let is_cut = is_cut || names.len() > MAX_LISTED;
        names.truncate(MAX_LISTED);
        Self { references: names.iter().filter_map(|name| name.parse().ok()).collect(), is_cut }
    }
}

/// Refuses what no writer takes.
fn check_value(value: &Value) -> Result<(), Cause> {
    match value.expose().len() {
        0 => Err(Cause::Empty),
        1..=MAX_VALUE_BYTES => Ok(()),
        _ => Err(Cause::TooLarge { limit: MAX_VALUE_BYTES }),
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

    /// What a reference names, asked for now and kept nowhere: for a person who looks after a secret.
    pub async fn read(&self, reference: &Reference) -> Result<Fetched, Cause> {
        let fetched = self.fetch(reference.place()).await?;
        match reference.field() {
            None => Ok(fetched),
            Some(field) => Ok(Fetched { value: member(fetched.value.expose(), field)?, ..fetched }),
        }
    }

    /// What changes the values of this kind, if anything does.
    pub fn writer(&self, kind: Kind) -> Option<&dyn Writer> {
        self.providers.get(&kind)?.writer()
    }

    /// Everything that changes values.
    pub fn writers(&self) -> impl Iterator<Item = (Kind, &dyn Writer)> {
        self.providers.iter().filter_map(|(kind, provider)| Some((*kind, provider.writer()?)))
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

    /// Has every provider give back what it was lent: leases of vaults, and the tokens that we got by logging in. To be called when nothing is used any more.
    pub async fn close(&self) {
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

/// Runs what waits for the system where waiting stops nobody else.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Cause> + Send + 'static) -> Result<T, Cause> {
    let given_up = |_| Err(Cause::Unavailable { detail: "the system's answer was given up".into() });
    tokio::task::spawn_blocking(work).await.unwrap_or_else(given_up)
}

/// The longest value of places that have no limit of their own, in bytes.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// The most names that are listed at once.
pub const MAX_LISTED: usize = 1000;
/// The most pages that are asked for while names are looked for.
const MAX_PAGES: usize = 400;
/// Why a reference with a version names no place to write to.
const PINNED: Cause = Cause::Unable { what: "write to: a version never changes; leave it out of the reference" };

#[cfg(test)]
mod tests;
