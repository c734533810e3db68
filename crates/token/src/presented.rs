//! How does a caller show that a token is theirs, and is that enough for this one? (RFC 6750 §2, RFC 9449 §7.1)
//!
//! Whoever judges a token has to say how it came, so that the question cannot be forgotten: a token that is bound to a key is good with a proof by that key and
//! in no other way, and a proof makes no difference to a token that is bound to none.

use crate::dpop::Proof;
use crate::refusal::Refusal;
use crate::thumbprint::Thumbprint;
use crate::verify::Verified;

/// How a token came.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'p> {
    /// By itself (`Authorization: Bearer`): whoever has it may use it.
    AsBearer,
    /// With the proof that the sender has a key (`Authorization: DPoP`).
    WithProof(&'p Verified<Proof>),
}

impl Presented<'_> {
    /// Whether a token with this `cnf` may be used so. [`verify`](crate::verify()) asks; ask again where a verdict is kept and its token comes once more.
    pub fn check(self, confirmation: Option<&Thumbprint>) -> Result<(), Refusal> {
        match (self, confirmation) {
            (Self::AsBearer, None) => Ok(()),
            (Self::AsBearer, Some(_)) => Err(Refusal::SenderConstrained),
            (Self::WithProof(_), None) => Err(Refusal::NotSenderConstrained),
            (Self::WithProof(proof), Some(key)) if proof.is_for_a_token && proof.thumbprint == *key => Ok(()),
            (Self::WithProof(_), Some(_)) => Err(Refusal::WrongProof),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(thumbprint: Thumbprint, is_for_a_token: bool) -> Verified<Proof> {
        Verified::vouch(Proof { thumbprint, jwt_id: "j".into(), issued_at: 1, is_for_a_token })
    }

    #[test]
    fn a_bound_token_is_good_with_a_proof_by_its_key_and_in_no_other_way() {
        let [key, other] = ["a", "b"].map(|x| Thumbprint::of_members(&[("x", x)]));
        for (presented, confirmation, expected) in [
            (Presented::AsBearer, None, Ok(())),
            (Presented::AsBearer, Some(&key), Err(Refusal::SenderConstrained)),
            (Presented::WithProof(&proof(key, true)), Some(&key), Ok(())),
            (Presented::WithProof(&proof(key, true)), Some(&other), Err(Refusal::WrongProof)),
            (Presented::WithProof(&proof(key, true)), None, Err(Refusal::NotSenderConstrained)),
            // A proof that went along with a question to an authorization server.
            (Presented::WithProof(&proof(key, false)), Some(&key), Err(Refusal::WrongProof)),
        ] {
            assert_eq!(presented.check(confirmation), expected, "{presented:?} {confirmation:?}");
        }
    }
}
