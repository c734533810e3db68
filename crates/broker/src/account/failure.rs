//! Why is a person not signed in? What happened and where; what to do next is said where a person reads it.

use oauth::authorization::{Denial, WrongIssuer};
use oauth::issuer::Issuer;
use outbound::failure::Failure;
use outbound::protected_resource::NotFound;
use outbound::registration::RegistrationFailure;
use outbound::tls::InvalidRoots;
use thiserror::Error;
use url::Url;

use super::visitor::VisitFailure;
use super::wallet::WalletFailure;
use crate::missing::Cause;

/// Why there is no token for a server.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotSignedIn {
    /// The person, or the authorization server, said no.
    #[error("the authorization server says no")]
    Denied(#[source] Denial),
    /// The server was found, and nobody who gives tokens for it.
    #[error("nobody is known who gives tokens for this server")]
    NoGuardian(#[source] NotFound),
    /// Its metadata names no authorization server.
    #[error("the server's metadata names no authorization server")]
    NoIssuer,
    /// The authorization server cannot be found.
    #[error("the authorization server cannot be found")]
    NoMetadata(#[source] Failure),
    /// It does not say that it checks who redeems a code: then codes could be stolen on the way (MCP authorization, PKCE).
    #[error("the authorization server {issuer} does not offer PKCE with S256, without which nobody should log in")]
    NoPkce {
        /// Which one.
        issuer: Issuer,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomNumbers,
    /// There is no token for the code.
    #[error("the authorization server gives no token")]
    NoToken(#[source] Cause),
    /// A person would have to be asked, and this program cannot.
    #[error("somebody has to log in to {server}, and nobody can be asked from here")]
    NobodyToAsk {
        /// Where.
        server: Url,
    },
    /// The authorization server does not register clients by itself.
    #[error("the authorization server {authority} does not register programs by itself")]
    NotRegistered {
        /// Which one.
        authority: String,
    },
    /// Another server answers than the one that was asked: the code is not shown to anybody.
    #[error("the answer is not that of the server that was asked")]
    OtherIssuer(#[source] WrongIssuer),
    /// What the browser brought belongs to another log-in.
    #[error("the browser brought the answer to another question")]
    OtherState,
    /// Registration failed.
    #[error("the authorization server does not register this program")]
    Registration(#[from] RegistrationFailure),
    /// What the server says cannot be used.
    #[error("the authorization server cannot be used")]
    Server(#[source] Cause),
    /// The person has logged in as often as makes sense, and the server wants more.
    #[error("the server still refuses after {times} log-ins")]
    StillRefused {
        /// How many.
        times: u8,
    },
    /// The trusted certificates cannot be read.
    #[error("the trusted certificates cannot be read")]
    Tls(#[from] InvalidRoots),
    /// The token holds what no header can.
    #[error("the token that is kept holds characters that no header can carry")]
    TokenShape,
    /// The person could not be sent, or did not come back.
    #[error(transparent)]
    Visit(#[from] VisitFailure),
    /// Tokens cannot be kept.
    #[error(transparent)]
    Wallet(#[from] WalletFailure),
}
