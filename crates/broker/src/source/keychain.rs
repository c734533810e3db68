//! `keychain://`: items of a keychain by service and account. Which keychain is the operator's choice, and never changes by itself.

mod sealed;
#[cfg(feature = "keychain")]
mod system;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::texts::Texts;
use super::{Changing, Fetched, Fetching, Listed, Provider, Removal, Writer, apart};
use crate::missing::Cause;
use crate::reference::{KeychainItem, Place, Reference};
use crate::value::Value;

/// A keychain. Each call asks it anew and holds nothing of it afterwards, so that one that was started again, or locked, is noticed.
pub struct Keychain {
    items: Arc<dyn Items>,
}

/// Where items are. Its calls may wait for a person who unlocks it.
trait Items: Send + Sync + 'static {
    /// The value of an item; without an account, of the only one that the service has.
    fn read(&self, item: &KeychainItem) -> Result<Zeroizing<Vec<u8>>, Cause>;

    /// Puts a value into that item, or into a new one; without an account, into the only one that the service has.
    fn write(&self, item: &KeychainItem, value: &str) -> Result<(), Cause>;

    /// Removes that item.
    fn remove(&self, item: &KeychainItem) -> Result<(), Cause>;

    /// Service and account of every item that has both.
    fn names(&self) -> Result<Vec<(String, String)>, Cause>;
}

impl Keychain {
    /// The system's own: the Secret Service of the desktop on Linux, the Keychain of macOS, the Credential Manager of Windows.
    #[cfg(feature = "keychain")]
    pub fn of_the_system() -> Self {
        Self { items: Arc::new(system::System::desktop()) }
    }

    /// The kernel's session keyring. It forgets at the latest when the machine is started again.
    #[cfg(all(feature = "keychain", target_os = "linux"))]
    pub fn of_the_kernel() -> Self {
        Self { items: Arc::new(system::System::kernel()) }
    }

    /// A file of ours, sealed with a key that is derived from the instance key in `key_file`: for machines that have no keychain.
    pub fn sealed_file(file: PathBuf, key_file: PathBuf) -> Self {
        Self { items: Arc::new(sealed::SealedFile::new(file, key_file)) }
    }

    fn with<T: Send + 'static>(
        &self,
        place: &Place,
        work: impl FnOnce(&dyn Items, &KeychainItem) -> Result<T, Cause> + Send + 'static,
    ) -> Changing<'static, T> {
        let Place::Keychain(item) = place else { return Box::pin(std::future::ready(Err(Cause::NotInThisBuild))) };
        let (items, item) = (Arc::clone(&self.items), item.clone());
        Box::pin(apart(move || work(&*items, &item)))
    }
}

impl Provider for Keychain {
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        self.with(place, |items, item| Fetched::exact(&items.read(item)?))
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }
}

impl Texts for Keychain {
    fn put_text<'a>(&'a self, place: &'a Place, text: &'a Value) -> Changing<'a, ()> {
        let copy = Value::new(text.expose()).map_err(|_| Cause::NoMemory);
        self.with(place, |items, item| write_and_verify(items, item, copy?.expose()))
    }

    fn remove_text<'a>(&'a self, place: &'a Place) -> Changing<'a, Removal> {
        self.with(place, |items, item| remove_and_verify(items, item).map(|()| Removal::Final))
    }

    fn list_texts<'a>(&'a self, below: &'a str) -> Changing<'a, Listed> {
        let items = Arc::clone(&self.items);
        Box::pin(async move {
            let names = apart(move || items.names()).await?;
            let references = names.iter().filter_map(|(service, account)| reference(service, account)).map(|name| name.to_string());
            Ok(Listed::of(references.filter(|name| name.strip_prefix("keychain://").is_some_and(|name| name.starts_with(below))), false))
        })
    }
}

/// A keychain may take a value and not give it back: the kernel's does so where there is no real session.
fn write_and_verify(items: &dyn Items, item: &KeychainItem, value: &str) -> Result<(), Cause> {
    items.write(item, value)?;
    let not_kept = |why: &str| Cause::NoKeychain { detail: format!("it took the value and does not give it back: {why}").into() };
    match items.read(item) {
        Ok(found) if bool::from(found.ct_eq(value.as_bytes())) => Ok(()),
        Ok(_) => Err(not_kept("something else is there")),
        Err(cause) => Err(not_kept(&cause.to_string())),
    }
}

/// The kernel's keyring finds a removed key for some milliseconds more.
fn remove_and_verify(items: &dyn Items, item: &KeychainItem) -> Result<(), Cause> {
    items.remove(item)?;
    for _ in 0..LOOKS {
        match items.read(item) {
            Err(cause) if cause.is_absence() => return Ok(()),
            // Without an account, another item may be the only one now.
            Ok(_) if item.account.is_none() => return Ok(()),
            Ok(_) => thread::sleep(PAUSE),
            Err(cause) => return Err(cause),
        }
    }
    Err(Cause::Unavailable { detail: "the keychain still has what it was told to remove".into() })
}

/// The reference that names an item; `None` for names that no reference can hold.
fn reference(service: &str, account: &str) -> Option<Reference> {
    let reference: Reference = format!("keychain://{service}/{account}").parse().ok()?;
    let Place::Keychain(item) = reference.place() else { return None };
    let is_same = &*item.service == service && item.account.as_deref() == Some(account);
    (is_same && reference.ttl().is_none() && reference.field().is_none()).then_some(reference)
}

const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
