//! Is any token accepted that nobody signed?
//!
//! The input is a token in compact form. Mutations of good tokens must all be refused; see `claims` for what is signed and bad.

#![no_main]

use std::sync::LazyLock;

use claviger_fuzz::tokens::{NOW, SIGNED, issuer_trust, public_keys, shared_keys, shared_trust};
use libfuzzer_sys::fuzz_target;
use token::{KeySet, Presented, Trust, Unverified, inspect, verify};

fuzz_target!(|input: &[u8]| {
    let Ok(token) = std::str::from_utf8(input) else { return };
    let inspection = inspect(token);
    let Ok(unverified) = Unverified::parse(token) else { return };
    assert!(inspection.is_ok_and(|inspection| inspection.fault.is_none()), "`inspect` and `parse` differ");
    for keys in [&*SHARED_KEYS, &*PUBLIC_KEYS] {
        if let Ok(candidates) = keys.find(&unverified) {
            assert!(!candidates.is_empty());
            assert!(candidates.iter().all(|key| key.algorithm() == unverified.algorithm()));
        }
        for trust in [&*SHARED_TRUST, &*ISSUER_TRUST] {
            let verified = verify(&unverified, trust, keys, Presented::AsBearer, NOW);
            assert!(verified.is_err() || unverified.reject_early(trust, Presented::AsBearer, NOW).is_ok());
            assert!(verified.is_err() || SIGNED.contains(&token), "a token that nobody signed was accepted");
        }
    }
});

static SHARED_KEYS: LazyLock<KeySet> = LazyLock::new(shared_keys);
static PUBLIC_KEYS: LazyLock<KeySet> = LazyLock::new(public_keys);
static SHARED_TRUST: LazyLock<Trust> = LazyLock::new(shared_trust);
static ISSUER_TRUST: LazyLock<Trust> = LazyLock::new(issuer_trust);
