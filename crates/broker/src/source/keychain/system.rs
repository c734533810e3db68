//! Which keychain does the system have, and what do its refusals mean? Each in its own words, with what mends it.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

use super::{Cause, Items, KeychainItem};

/// A keychain of the system, connected to for each call.
pub(super) struct System {
    connect: fn() -> keyring_core::Result<Arc<CredentialStore>>,
}

impl System {
    pub(super) fn desktop() -> Self {
        Self { connect: desktop }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn kernel() -> Self {
        Self { connect: kernel }
    }

    fn store(&self) -> Result<Arc<CredentialStore>, Cause> {
        (self.connect)().map_err(|error| cause(&error))
    }

    /// The entry of an item, whether or not anything is there.
    fn entry(&self, item: &KeychainItem) -> Result<Entry, Cause> {
        let store = self.store()?;
        if let Some(account) = &item.account {
            return store.build(&item.service, account, None).map_err(|error| cause(&error));
        }
        let mut found = match store.search(&HashMap::from([(SERVICE, &*item.service)])) {
            Ok(found) => found,
            Err(Error::NotSupportedByStore(_)) => return Err(Cause::Unable { what: "look for an item without its account" }),
            Err(error) => return Err(cause(&error)),
        };
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(Cause::NotFound),
            (Some(only), true) => Ok(only),
            (Some(last), false) => Err(several(found.iter().chain([&last]))),
        }
    }
}

impl Items for System {
    fn read(&self, item: &KeychainItem) -> Result<Zeroizing<Vec<u8>>, Cause> {
        self.entry(item)?.get_secret().map(Zeroizing::new).map_err(|error| cause(&error))
    }

    fn write(&self, item: &KeychainItem, value: &str) -> Result<(), Cause> {
        let entry = match self.entry(item) {
            Err(Cause::NotFound) => return Err(Cause::WhichAccount { accounts: [].into() }),
            entry => entry?,
        };
        entry.set_secret(value.as_bytes()).map_err(|error| cause(&error))
    }

    fn remove(&self, item: &KeychainItem) -> Result<(), Cause> {
        self.entry(item)?.delete_credential().map_err(|error| cause(&error))
    }

    fn names(&self) -> Result<Vec<(String, String)>, Cause> {
        match self.store()?.search(&HashMap::new()) {
            Ok(found) => Ok(found.iter().filter_map(Entry::get_specifiers).collect()),
            Err(Error::NotSupportedByStore(_)) => Err(Cause::Unable { what: "list secrets" }),
            Err(error) => Err(cause(&error)),
        }
    }
}

#[cfg(target_os = "linux")]
fn desktop() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

/// Keys are described as `keyring:ACCOUNT@SERVICE`. A service with an `@` is refused, so that no two items have one description.
#[cfg(target_os = "linux")]
fn kernel() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(linux_keyutils_keyring_store::Store::new_with_configuration(&HashMap::from([("service_no_divider", "true")]))?)
}

#[cfg(target_os = "macos")]
fn desktop() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn desktop() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn desktop() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NotSupportedByStore("this system has no keychain that we know".to_owned()))
}

fn several<'e>(entries: impl Iterator<Item = &'e Entry>) -> Cause {
    let accounts = entries.filter_map(Entry::get_specifiers).map(|(_, account)| account.into());
    let mut accounts: Vec<Box<str>> = accounts.collect();
    accounts.sort();
    Cause::WhichAccount { accounts: accounts.into() }
}

/// What an error of the library means to a person. Nothing of a value is taken over.
fn cause(error: &Error) -> Cause {
    let unusable = |detail: String| Cause::NoKeychain { detail: detail.into() };
    match error {
        Error::NoEntry => Cause::NotFound,
        Error::NoStorageAccess(reason) | Error::PlatformFailure(reason) => unusable(explain(&**reason)),
        Error::Ambiguous(entries) => Cause::BadAnswer { detail: format!("{} items have this service and account", entries.len()).into() },
        Error::BadEncoding(_) => Cause::NotText,
        Error::TooLong(_, limit) => Cause::TooLarge { limit: usize::try_from(*limit).unwrap_or(usize::MAX) },
        Error::Invalid(attribute, reason) => unusable(format!("it does not take this {attribute}: {reason}")),
        Error::NotSupportedByStore(reason) => unusable(reason.clone()),
        _ => unusable("its answer is not to be understood".to_owned()),
    }
}

#[cfg(target_os = "linux")]
fn explain(reason: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    use secret_service::Error as Service;

    match reason.downcast_ref::<Service>() {
        Some(Service::Locked | Service::Prompt | Service::PromptDisconnected) => LOCKED.to_owned(),
        Some(Service::NoResult) => NO_COLLECTION.to_owned(),
        Some(Service::Unavailable) => NO_SERVICE.to_owned(),
        Some(other @ (Service::Zbus(_) | Service::ZbusFdo(_))) => format!("{NO_SERVICE} ({other})"),
        Some(other) => other.to_string(),
        // The kernel's keyring has no such cases, and one usual reason.
        None => format!("{reason}; {NO_SESSION}"),
    }
}

#[cfg(not(target_os = "linux"))]
fn explain(reason: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    reason.to_string()
}

/// The attribute by which items of one service are found.
const SERVICE: &str = "service";
#[cfg(target_os = "linux")]
const LOCKED: &str = "it is locked, and nobody unlocked it; log in to the desktop, or unlock it with the program that keeps it";
#[cfg(target_os = "linux")]
const NO_COLLECTION: &str =
    "it has no unlocked collection to keep items in; log in to the desktop, or make one with the program that keeps it";
#[cfg(target_os = "linux")]
const NO_SERVICE: &str = "no Secret Service answers on the session's bus; start one (GNOME Keyring, KWallet, KeePassXC), or choose another store under `[secrets.keychain]`";
#[cfg(target_os = "linux")]
const NO_SESSION: &str = "the kernel keeps keys for a login session only: log in, or start the program with `keyctl session - PROGRAM`";
