//! Which secret is all of this instance's cryptography rooted in?

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::CannotSeal;

/// The root secret of one instance: 32 random bytes, wiped when dropped.
///
/// Replicas that are to open each other's sealed values hold the same one. It has no `Debug`, and its
/// bytes cannot be read, only derived from.
pub struct InstanceKey {
    /// HKDF's pseudorandom key (RFC 5869 §2.2), from which every derived key is expanded.
    root: Zeroizing<[u8; InstanceKey::BYTES]>,
}

impl InstanceKey {
    /// The length of the key, in bytes.
    pub const BYTES: usize = 32;

    /// The key made of `bytes`, which must come from a cryptographic source of randomness.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self { root: hmac_sha256(SALT, &[bytes]) }
    }

    /// 32 fresh random bytes, for a new key file.
    pub(super) fn generate() -> Result<Zeroizing<[u8; Self::BYTES]>, CannotSeal> {
        let mut bytes = Zeroizing::new([0_u8; Self::BYTES]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| CannotSeal)?;
        Ok(bytes)
    }

    /// A key for one use: always the same for the same `label` and `context`, and unrelated for any other.
    ///
    /// `label` says the use ("shared-secret"), `context` what it is for (the audience).
    pub fn derive(&self, label: &str, context: &str) -> Zeroizing<[u8; 32]> {
        // RFC 5869 §2.3 with L = 32 is a single block: HMAC(PRK, info | 0x01). The label's length
        // comes first, so that no two pairs of label and context run together to the same info.
        let length = u64::try_from(label.len()).unwrap_or(u64::MAX).to_be_bytes();
        hmac_sha256(self.root.as_slice(), &[DOMAIN, &length, label.as_bytes(), context.as_bytes(), &[1]])
    }
}

/// HMAC-SHA256 over the parts one after another.
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    let mut output = Zeroizing::new([0_u8; 32]);
    for (to, from) in output.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    output
}

const SALT: &[u8] = b"claviger instance key 1";
const DOMAIN: &[u8] = b"claviger derived key 1";

#[cfg(test)]
mod tests {
    use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

    use super::*;

    const BYTES: [u8; 32] = [7; 32];

    #[test]
    fn derivation_is_hkdf_sha256_as_the_library_computes_it() {
        let extracted = Salt::new(HKDF_SHA256, SALT).extract(&BYTES);
        let length = 4_u64.to_be_bytes();
        let info = [DOMAIN, length.as_slice(), b"seal", b"session"];
        let mut expected = [0_u8; 32];
        extracted.expand(&info, HKDF_SHA256).unwrap().fill(&mut expected).unwrap();

        let key = InstanceKey::from_bytes(&BYTES);
        assert_eq!(*key.derive("seal", "session"), expected);
    }

    #[test]
    fn every_label_and_context_has_its_own_key() {
        let key = InstanceKey::from_bytes(&BYTES);
        let first = key.derive("seal", "session");
        assert_eq!(*first, *key.derive("seal", "session"));
        assert_ne!(*first, *key.derive("seals", "ession"));
        assert_ne!(*first, *key.derive("seal", "sessions"));
        assert_ne!(*first, *InstanceKey::from_bytes(&[8; 32]).derive("seal", "session"));
    }
}
