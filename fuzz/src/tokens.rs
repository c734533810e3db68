//! Which keys do the targets trust, and which tokens are good by them?
//!
//! The private key behind [`PUBLIC_KEYS`] was thrown away when [`SIGNED`] had been made, so no other good token exists.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use token::{KeySet, SharedSecret, Trust};

/// The keys of the shared secret.
pub fn shared_keys() -> KeySet {
    let secret = SharedSecret::new(SECRET).expect("the secret is strong enough");
    KeySet::shared_secrets([secret])
}

/// The keys of the issuer.
pub fn public_keys() -> KeySet {
    KeySet::from_jwks(PUBLIC_KEYS.as_bytes()).expect("the key set is one").0
}

/// What the tokens of the shared secret must be.
pub fn shared_trust() -> Trust {
    Trust::new(None, vec![AUDIENCE.to_owned()])
}

/// What the tokens of the issuer must be.
pub fn issuer_trust() -> Trust {
    Trust { max_lifetime_seconds: Some(MAX_LIFETIME_SECONDS), ..Trust::new(Some(ISSUER.to_owned()), vec![AUDIENCE.to_owned()]) }
}

/// A token of any header and claims, of any bytes, signed with HS256 and `key`.
pub fn signed(header: &[u8], claims: &[u8], key: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Every target runs at this time, in unix seconds.
pub const NOW: u64 = 1_800_000_000;
/// The one audience that is ours.
pub const AUDIENCE: &str = "https://door.example/mcp/files";
/// The one issuer that is trusted.
pub const ISSUER: &str = "https://login.example";
/// The longest lifetime of the issuer's tokens.
pub const MAX_LIFETIME_SECONDS: u64 = 3600;
/// The shared secret.
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// The issuer's one key, P-256.
pub const PUBLIC_KEYS: &str = include_str!("../seeds/jwks/issuer.json");
/// A token of the issuer and one of the shared secret, good at [`NOW`].
pub const SIGNED: [&str; 2] = [include_str!("../seeds/jwt/signed-es256"), include_str!("../seeds/jwt/signed-hs256")];

#[cfg(test)]
mod tests {
    use token::{Presented, Unverified, verify};

    use super::{NOW, SIGNED, issuer_trust, public_keys, shared_keys, shared_trust};

    #[test]
    fn the_signed_tokens_are_good() {
        let [by_issuer, by_secret] = SIGNED.map(|token| Unverified::parse(token).unwrap());
        assert!(verify(&by_issuer, &issuer_trust(), &public_keys(), Presented::AsBearer, NOW).is_ok());
        assert!(verify(&by_secret, &shared_trust(), &shared_keys(), Presented::AsBearer, NOW).is_ok());
    }
}
