//! Why is a request refused? What the client is told, and what only the log is.

use oauth::error_code::ErrorCode;

/// A refusal at an endpoint that programs call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.name())]
pub(crate) struct Refusal {
    /// The error on the wire.
    pub(crate) code: ErrorCode,
    /// What the client is told: our own words, and nothing that helps to guess.
    pub(crate) description: String,
    /// The client tried to prove itself with the `Authorization` header, so it is challenged there (RFC 6749 §5.2).
    pub(crate) is_challenged: bool,
    /// Seconds after which it is worth trying again.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), is_challenged: false, retry_after: None }
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// One answer for everything that is wrong with a code, a refresh token or an assertion: whoever stole it learns nothing.
    pub(crate) fn invalid_grant() -> Self {
        Self::new(ErrorCode::InvalidGrant, "it is unknown, spent, expired, or was given to another client")
    }

    pub(crate) fn invalid_client() -> Self {
        Self::new(ErrorCode::InvalidClient, "the client is unknown, or has not proved who it is")
    }

    pub(crate) fn too_often(retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ErrorCode::TemporarilyUnavailable, "too many requests; try again later") }
    }

    /// Somebody else has to say something, and does not.
    pub(crate) fn away() -> Self {
        Self::new(ErrorCode::TemporarilyUnavailable, "the place where this person signed in does not answer")
    }

    /// It is our fault; the log says why.
    pub(crate) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(target: "issuer", error, "a request could not be answered");
        Self::new(ErrorCode::ServerError, "the authorization server cannot answer just now")
    }
}

/// Why the authorization server itself cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store fails.
    #[error("the store does not answer")]
    Store(#[from] store::Failure),
    /// Nothing can be sealed.
    #[error(transparent)]
    Seal(#[from] store::seal::CannotSeal),
    /// What the store holds was not sealed by this instance.
    #[error("the store holds an entry that this instance's key does not open")]
    NotOurs,
    /// The file of accounts cannot be used.
    #[error(transparent)]
    Accounts(#[from] crate::accounts::AccountsFailure),
    /// Nothing can be signed.
    #[error("cannot sign")]
    Mint(#[from] token::mint::MintError),
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Random,
    /// There is more than can be looked through at once.
    #[error("the store holds more entries of one kind than can be looked through at once")]
    TooMany,
    /// Others keep changing the same entry.
    #[error("an entry changed each time it was to be written")]
    Contended,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::broken(&failure)
    }
}
