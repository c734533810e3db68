//! How often may they try? Counted in the store, so that all replicas count together.
//!
//! Only wrong tries count, and that they were wrong is known afterwards. So they come in through a turnstile, where it is asked again: of a thousand guesses at once no more are looked at than there are places
//! at each replica.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Failure;
use crate::shelf::hashed;

/// A count of something that somebody does too often.
pub(crate) struct Throttle {
    /// What is counted.
    pub(crate) name: &'static str,
    /// How often it may happen.
    pub(crate) most: u64,
    /// In what time.
    pub(crate) per: Duration,
}

impl Throttle {
    /// Counts once more for `whom`; `false`: that was too often.
    pub(crate) async fn count(&self, store: &dyn Store, whom: &str) -> Result<bool, Failure> {
        Ok(store.increment(&self.place(whom), 1, Some(self.per)).await? <= self.most)
    }

    /// Whether `whom` may try, without counting, and without an entry for everybody who asks.
    pub(crate) async fn allows(&self, store: &dyn Store, whom: &str) -> Result<bool, Failure> {
        let Some(counted) = store.get(&self.place(whom)).await? else { return Ok(true) };
        // What is no number has not been counted by us, and allows nothing.
        Ok(std::str::from_utf8(&counted).ok().and_then(|text| text.parse().ok()).is_some_and(|counted: u64| counted < self.most))
    }

    fn place(&self, whom: &str) -> String {
        hashed(&format!("issuer/often/{}/", self.name), whom)
    }
}

/// Lets in a few at a time, and lets a few more wait.
pub(crate) struct Turnstile {
    places: Arc<Semaphore>,
    waiting: Semaphore,
}

/// A place, as long as it is held.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Turnstile {
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), waiting: Semaphore::new(WAITING) }
    }

    /// A place, as soon as there is one; `None`: too many wait for one already.
    pub(crate) async fn enter(&self) -> Option<Place> {
        let _waits = self.waiting.try_acquire().ok()?;
        let permit = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(Place { _permit: permit })
    }
}

/// What counts as one address, as counts name it.
pub(crate) fn network_of(address: IpAddr) -> String {
    outbound::address::network_of(address).to_string()
}

/// So many that a crowd gets through in about a second, and a flood gets an answer instead of our memory.
const WAITING: usize = 32;

/// Registrations by one address.
pub(crate) const REGISTRATIONS: Throttle = Throttle { name: "registration", most: 20, per: Duration::from_secs(600) };
/// Registrations by all together: a flood from many addresses must not fill the store, which everything else needs too.
pub(crate) const REGISTRATIONS_BY_ALL: Throttle = Throttle { name: "registration-by-all", most: 1000, per: Duration::from_secs(600) };
/// Devices at one address that begin.
pub(crate) const DEVICES: Throttle = Throttle { name: "device", most: 30, per: Duration::from_secs(600) };
/// Codes of no device that one browser or one address types.
pub(crate) const WRONG_CODES: Throttle = Throttle { name: "wrong-code", most: 5, per: Duration::from_secs(900) };
/// What one address has us fetch.
pub(crate) const FETCHES_BY_ADDRESS: Throttle = Throttle { name: "fetch-by-address", most: 20, per: Duration::from_secs(600) };
/// What we fetch from one host, on whose behalf ever.
pub(crate) const FETCHES_FROM_HOST: Throttle = Throttle { name: "fetch-from-host", most: 60, per: Duration::from_secs(600) };
/// Wrong passwords from one address.
pub(crate) const WRONG_BY_ADDRESS: Throttle = Throttle { name: "wrong-by-address", most: 20, per: Duration::from_secs(900) };
/// Wrong passwords for one account from one address.
pub(crate) const WRONG_BY_BOTH: Throttle = Throttle { name: "wrong-by-both", most: 5, per: Duration::from_secs(900) };
/// Wrong passwords for one account from everywhere: so many that its owner is not locked out by a handful.
pub(crate) const WRONG_BY_ACCOUNT: Throttle = Throttle { name: "wrong-by-account", most: 100, per: Duration::from_secs(3600) };
