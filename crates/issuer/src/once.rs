//! Was this shown before? What is good once is remembered until it would be too old anyway, so that all replicas refuse it the second time.

use std::time::Duration;

use crate::refusal::Failure;
use crate::server::{LEEWAY, Server};
use crate::shelf::hashed;

/// What is good once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Once {
    /// A client's word that it is itself (RFC 7523 §3).
    ClientAssertion,
    /// A provider's word that a client acts for somebody.
    IdentityAssertion,
    /// A proof of a key (RFC 9449 §11.1).
    Proof,
}

impl Server {
    /// Whether this is the first time that somebody shows what they call `id`; it is good until `until`, in Unix seconds.
    pub(crate) async fn is_first(&self, what: Once, whose: &str, id: &str, until: u64) -> Result<bool, Failure> {
        let place = hashed(what.place(), &format!("{whose}\n{id}"));
        let left = Duration::from_secs(until.saturating_sub(self.now()));
        self.shelf.put_first(&place, &(), Some(left + LEEWAY)).await
    }
}

impl Once {
    fn place(self) -> &'static str {
        match self {
            Self::ClientAssertion => "issuer/once/client/",
            Self::IdentityAssertion => "issuer/once/identity/",
            Self::Proof => "issuer/once/proof/",
        }
    }
}
