//! Does the sender of this request have the key that they say they have? (RFC 9449 §4)

use crate::thumbprint::Thumbprint;

/// What a verified proof says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Which key the sender has.
    pub thumbprint: Thumbprint,
    /// `jti`: unique to this proof. Whoever takes the proof remembers it, so that it is good once.
    pub jwt_id: String,
    /// `iat`, in unix seconds.
    pub issued_at: u64,
    /// Whether the proof names the access token that it came with (`ath`).
    pub is_for_a_token: bool,
}
