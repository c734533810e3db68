//! How often may they? Spends from the address's and from the caller's quota.

use std::net::IpAddr;
use std::sync::Arc;

use outbound::address::network_of;
use policy::quota::{Bucket, Rate};
use quick_cache::sync::Cache;

use crate::principal::Principal;
use crate::refusal::{RateOf, Refusal};

/// The quotas of the addresses seen lately; bounded.
pub(crate) struct AddressQuotas {
    by_address: Cache<IpAddr, Arc<Bucket>>,
}

impl AddressQuotas {
    pub(crate) fn new() -> Self {
        Self { by_address: Cache::new(ADDRESSES_REMEMBERED) }
    }

    /// Takes one call from the address's quota. An IPv6 host has a whole /64, so that is what counts as one address.
    pub(crate) fn spend(&self, address: IpAddr, rate: Option<Rate>, now: u64) -> Result<(), Refusal> {
        let Some(rate) = rate else { return Ok(()) };
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::new(Bucket::default()));
        let bucket = match self.by_address.get_or_insert_with(&network_of(address), fresh) {
            Ok(bucket) => bucket,
            Err(never) => match never {},
        };
        bucket.spend(rate, now).map_err(|retry_after| Refusal::RateLimited { whose: RateOf::Address, retry_after })
    }
}

/// Takes one call from the caller's own quota.
pub(crate) fn spend(principal: &Principal, rate: Option<Rate>, now: u64) -> Result<(), Refusal> {
    let Some(rate) = rate else { return Ok(()) };
    principal.standing.calls.spend(rate, now).map_err(|retry_after| Refusal::RateLimited { whose: RateOf::Subject, retry_after })
}

const ADDRESSES_REMEMBERED: usize = 65_536;
