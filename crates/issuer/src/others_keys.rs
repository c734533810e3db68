//! With which keys do others sign? Clients that publish theirs, and identity providers whose word the operator takes.

use std::sync::Arc;
use std::time::Duration;

use oauth::issuer::Issuer;
use outbound::client::{Client as Caller, Limits};
use outbound::guard::Guard;
use token::{KeySet, Unverified};
use url::Url;

use crate::document::Errand;
use crate::fetched::{Demand, Fetched, Fresh, Unfetched};

/// The keys that were fetched lately.
pub(crate) struct OthersKeys {
    caller: Caller,
    of_clients: Fetched<KeySet>,
    of_providers: Fetched<KeySet>,
}

impl OthersKeys {
    pub(crate) fn new(caller: Caller) -> Self {
        Self { caller, of_clients: Fetched::new(MOST), of_providers: Fetched::new(MOST) }
    }

    /// The keys at the address that a client has named, newer ones if those at hand lack the one that is needed.
    pub(crate) async fn of_client(&self, address: &str, signed: &Unverified<'_>, errand: Errand<'_>) -> Result<Arc<KeySet>, Unfetched> {
        let keys = self.of_clients.get(address, errand.now, Demand::Fresh, || self.fetch(address, errand)).await?;
        if is_enough(&keys, signed) {
            return Ok(keys);
        }
        self.of_clients.get(address, errand.now, Demand::Newer, || self.fetch(address, errand)).await
    }

    /// The keys of an identity provider that the operator has named.
    pub(crate) async fn of_provider(
        &self,
        provider: &Issuer,
        signed: &Unverified<'_>,
        guard: &Guard,
        now: u64,
    ) -> Result<Arc<KeySet>, Unfetched> {
        let name = provider.as_str();
        let keys = self.of_providers.get(name, now, Demand::Fresh, || self.discover(provider, guard)).await?;
        if is_enough(&keys, signed) {
            return Ok(keys);
        }
        self.of_providers.get(name, now, Demand::Newer, || self.discover(provider, guard)).await
    }

    async fn fetch(&self, address: &str, errand: Errand<'_>) -> Result<Fresh<KeySet>, Unfetched> {
        let url = Url::parse(address).map_err(|_| Unfetched::Absent)?;
        let answer = errand.get(&self.caller, address, url.host_str().unwrap_or_default(), KEYS, LIMITS).await?;
        Ok(Fresh { value: read(&answer.body)?, max_age: answer.max_age() })
    }

    /// The operator wrote the provider's address, so it may be on this machine; what it sends us on to is held to the same place and to the networks that the
    /// operator named.
    async fn discover(&self, provider: &Issuer, guard: &Guard) -> Result<Fresh<KeySet>, Unfetched> {
        let caller = self.caller.with_guard(Guard::for_operator(provider.as_str()).with_networks(guard.allowed.iter().copied()));
        let unfetched = |failure: outbound::failure::Failure| {
            let error = &failure as &dyn std::error::Error;
            tracing::warn!(target: "issuer", provider = provider.as_str(), error, "the provider's keys could not be fetched");
            if failure.is_transient() { Unfetched::Away } else { Unfetched::Absent }
        };
        let metadata = outbound::discovery::discover(&caller, provider).await.map_err(unfetched)?;
        let address = metadata.jwks_uri.ok_or(Unfetched::Unusable("it names no keys"))?;
        let document = outbound::jwks::fetch(&caller, &address, None).await.map_err(unfetched)?;
        Ok(Fresh { value: read(&document.body.unwrap_or_default())?, max_age: document.max_age })
    }
}

fn read(document: &[u8]) -> Result<KeySet, Unfetched> {
    let (keys, _) = KeySet::from_jwks(document).map_err(|_| Unfetched::Unusable("it is no set of keys"))?;
    Ok(keys)
}

fn is_enough(keys: &KeySet, signed: &Unverified<'_>) -> bool {
    !keys.find(signed).is_err_and(token::Refusal::may_need_newer_keys)
}

const KEYS: &str = "application/jwk-set+json, application/json";
const LIMITS: Limits = Limits { body_bytes: 64 * 1024, timeout: Duration::from_secs(5) };
/// Sets that are kept at once.
const MOST: usize = 256;
