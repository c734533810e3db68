//! Where do values lie? One method per source; keeping values is not a source's business (see `cached`).

mod environment;
mod file;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

pub use environment::Environment;
pub use file::{Files, OpenFiles};

use crate::missing::{Cause, Missing};
use crate::reference::{Place, Reference};

/// What a source promises. Dropping it leaves nothing half done.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<SecretString, Missing>> + Send + 'a>>;

/// Something that can be asked for the value of a reference.
pub trait Source: Send + Sync {
    /// The value now, never empty.
    fn fetch<'a>(&'a self, reference: &'a Reference) -> Fetching<'a>;
}

/// Every source there is; the reference says which one is asked.
pub struct Sources {
    /// For `env://` and `${NAME}`.
    pub environment: Environment,
    /// For `file://`.
    pub files: Files,
}

impl Source for Sources {
    fn fetch<'a>(&'a self, reference: &'a Reference) -> Fetching<'a> {
        Box::pin(async move {
            let missing = |cause| Missing { reference: reference.clone(), cause };
            let value = match reference.place() {
                Place::File(path) => self.files.read(path).await,
                Place::Variable(name) => self.environment.get(name),
            };
            let value = value.map_err(missing)?;
            let value = match reference.field() {
                Some(field) => member(&value, field).map_err(missing)?,
                None => value,
            };
            if value.expose_secret().is_empty() { Err(missing(Cause::Empty)) } else { Ok(value) }
        })
    }
}

/// One string member of a JSON object. The others are skipped over, not copied.
fn member(document: &SecretString, field: &str) -> Result<SecretString, Cause> {
    // The error of the parser may quote the document, so it is dropped.
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(document.expose_secret()).map_err(|_| Cause::NotJson)?;
    let value = members.get(field).ok_or(Cause::FieldAbsent)?;
    serde_json::from_str::<String>(value.get()).map(SecretString::from).map_err(|_| Cause::FieldNotText)
}

#[cfg(test)]
mod tests;
