//! Who is asked for help? A server whose credential is missing or refused is parked: the door tries again by itself, but somebody may have to mend
//! something first (K7).

use broker::Missing;
use http::StatusCode;

use crate::back::{BackFailure, CredentialPlace};

/// What keeps the door from using a server until it is mended.
#[derive(Clone, Copy, Debug)]
pub enum Trouble<'a> {
    /// A credential cannot be had.
    Missing(&'a Missing),
    /// The upstream refuses the credential.
    Refused {
        /// What it answered: 401 or 403.
        status: StatusCode,
    },
    /// The credential does not fit where it belongs.
    Shape {
        /// Where it belongs.
        place: &'a CredentialPlace,
    },
}

impl<'a> Trouble<'a> {
    pub(crate) fn of(failure: &'a BackFailure) -> Option<Self> {
        match failure {
            BackFailure::Credential(missing) => Some(Self::Missing(missing)),
            BackFailure::CredentialRefused { status } => Some(Self::Refused { status: *status }),
            BackFailure::CredentialShape { place } => Some(Self::Shape { place }),
            _ => None,
        }
    }
}

/// Is told of parked servers, on the way of the call that failed: must not wait for long.
pub trait Attention: Send + Sync {
    /// This server cannot be used until somebody has looked. Said for every call that fails by it.
    fn needed(&self, server: &str, trouble: &Trouble<'_>);

    /// A call to the server has succeeded again.
    fn over(&self, server: &str);
}

/// Nobody is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Attention for Unattended {
    fn needed(&self, _: &str, _: &Trouble<'_>) {}

    fn over(&self, _: &str) {}
}
