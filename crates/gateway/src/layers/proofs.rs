//! Was this proof seen before? A proof is good for one request, on all replicas (RFC 9449 §11.1).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::Store;
use token::Verified;
use token::dpop::Proof;

use crate::refusal::Refusal;

/// The proofs of the last minute, in the store.
pub(crate) struct Proofs {
    store: Arc<dyn Store>,
}

impl Proofs {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Takes the proof, which nobody can take once more before it is too old. Ask last: whoever has no good token must not fill the store.
    pub(crate) async fn take(&self, proof: &Verified<Proof>, now: u64) -> Result<(), Refusal> {
        let lives = Duration::from_secs(proof.expires_at().saturating_sub(now).saturating_add(1));
        let taken = self.store.compare_and_swap(&key_of(proof), None, Some(b"1"), Some(lives)).await;
        match taken {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::ReplayedProof),
            Err(error) => {
                tracing::error!(target: "door", error = &error as &dyn std::error::Error, "the store does not say which proofs were seen");
                Err(Refusal::StoreUnavailable)
            }
        }
    }
}

/// One key's proofs are told apart by their ids, and no other key's count.
fn key_of(proof: &Proof) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(proof.thumbprint.to_string().as_bytes());
    context.update(b"\0");
    context.update(proof.jwt_id.as_bytes());
    format!("door/proofs/{}", URL_SAFE_NO_PAD.encode(context.finish()))
}
