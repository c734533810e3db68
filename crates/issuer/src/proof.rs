//! Which key does the client have? What it gets is bound to that key, if it shows one. (RFC 9449 §5)

use oauth::error_code::ErrorCode;
use token::dpop::{self, Asked, Proof};
use token::{Thumbprint, Verified};

use crate::client::Client;
use crate::once::Once;
use crate::paths;
use crate::refusal::Refusal;
use crate::server::{Inbound, Server};

impl Server {
    /// The proof that comes with a token request; `None`: none does. It is for our public URL, whatever `Host` says, and good once.
    pub(crate) async fn proof(&self, inbound: &Inbound<'_>) -> Result<Option<Verified<Proof>>, Refusal> {
        let mut shown = inbound.headers.get_all(HEADER).iter();
        let text = match (shown.next(), shown.next()) {
            (None, _) => return Ok(None),
            (Some(text), None) => text.to_str().map_err(|_| refusal("the proof cannot be read"))?,
            (Some(_), Some(_)) => return Err(refusal("there are two proofs")),
        };
        let url = format!("{}{}", inbound.config.issuer, paths::TOKEN);
        let asked = Asked { method: "POST", url: &url, access_token: None, nonces: &[] };
        let proof = dpop::verify(text, &asked, inbound.now).map_err(|wrong| refusal(wrong.to_string()))?;
        if !self.is_first(Once::Proof, &proof.thumbprint.to_string(), &proof.jwt_id, proof.expires_at()).await? {
            return Err(refusal("the proof was used before"));
        }
        Ok(Some(proof))
    }
}

/// The key that a grant of this client is bound to from its first token on. One that proves itself otherwise may change its key (§5).
pub(crate) fn key_of_grant(client: &Client, proof: Option<&Verified<Proof>>) -> Option<String> {
    proof.filter(|_| client.is_public()).map(|proof| proof.thumbprint.to_string())
}

/// Whether what is bound to `key` may be used by whoever brings `proof`.
pub(crate) fn is_by(key: Option<&str>, proof: Option<&Verified<Proof>>) -> bool {
    let Some(key) = key else { return true };
    // Compared as thumbprints: in a time that tells nothing.
    Thumbprint::parse(key).is_ok_and(|key| proof.is_some_and(|proof| proof.thumbprint == key))
}

pub(crate) fn refusal(description: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidDpopProof, description)
}

const HEADER: &str = "dpop";
