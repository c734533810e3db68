//! Is this token good? May we sign one? Keys, key sets, claims, verify, mint.
//!
//! The road is [`Unverified::parse`] (free), [`Unverified::reject_early`] (free), [`KeySet::find`]
//! (free), then [`verify()`]. Only what was judged here is a [`Verified`] value. Time is a parameter.

mod algorithm;
mod claims;
mod client_assertion;
mod compact;
pub mod dpop;
mod id_jag;
mod id_token;
mod inspect;
mod introspected;
mod json;
mod key_set;
pub mod mint;
mod payload;
mod presented;
mod refusal;
mod shared_secret;
mod thumbprint;
mod trust;
mod unverified;
mod verify;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use client_assertion::{ClientAssertion, MAX_CLIENT_ASSERTION_SECONDS, verify_client_assertion};
pub use compact::MAX_TOKEN_BYTES;
pub use id_jag::{Brought, IdJag, MAX_ID_JAG_SECONDS, verify_id_jag};
pub use id_token::{Asked, Identity, verify_id_token, verify_renewed_id_token};
pub use inspect::{Inspection, NotAToken, inspect};
pub use introspected::MAX_UNSAID_LIFETIME_SECONDS;
pub use key_set::{JwksError, KeySet, SkipReason, SkippedKey, VerificationKey};
pub use presented::Presented;
pub use refusal::{ClaimName, HeaderName, Part, Refusal};
pub use shared_secret::{SharedSecret, WeakSecret};
pub use thumbprint::{NotAThumbprint, Thumbprint};
pub use trust::{DEFAULT_LEEWAY_SECONDS, MAX_LEEWAY_SECONDS, Trust, TypRule};
pub use unverified::{MAX_HEADER_BYTES, Unverified};
pub use verify::{Verified, introspect, verify};
