//! Why is a person not signed in? What happened and where; what to do next is said where a person reads it.

use oauth::authorization::{Denial, WrongIssuer};
use oauth::issuer::Issuer;
use outbound::failure::Failure;
use outbound::protected_resource::NotFound;
use outbound::registration::RegistrationFailure;
use outbound::tls::InvalidRoots;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::visitor::VisitFailure;
use super::wallet::WalletFailure;
use crate::missing::Cause;

/// Why there is no token for a server.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotSignedIn {
    /// Nobody typed the code in time.
    #[error("nobody has typed the code in time")]
    CodeOver,
    /// The person, or the authorization server, said no.
    #[error("the authorization server says no")]
    Denied(#[source] Denial),
    /// The keeper of this machine has tried, and says what happened.
    #[error(transparent)]
    Elsewhere(Told),
    /// The server was found, and nobody who gives tokens for it.
    #[error("nobody is known who gives tokens for this server")]
    NoGuardian(#[source] NotFound),
    /// It gives no codes to devices.
    #[error("the authorization server {authority} gives no codes for a log-in on another machine")]
    NoDevices {
        /// Which one.
        authority: String,
    },
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

/// What sort of failure it is: as much as decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The person or the server says no.
    Denied,
    /// A fault of this machine.
    Internal,
    /// Nobody gives tokens for this server.
    NoGuardian,
    /// There is no token for what was shown.
    NoToken,
    /// A person would have to be asked.
    NobodyToAsk,
    /// We are not known there, and cannot make ourselves known.
    NotRegistered,
    /// The server knows itself under another name.
    OtherResource,
    /// Registration failed.
    Registration,
    /// The server wants more whatever is done.
    StillRefused,
    /// The trusted certificates.
    Tls,
    /// Somebody else did not answer as they should.
    Unavailable,
    /// The place where tokens are kept.
    Wallet,
}

/// A failure of another process, in its words.
#[derive(Debug, Error, Serialize, Deserialize)]
#[error("{what}")]
pub struct Told {
    pub(super) sort: Sort,
    pub(super) what: String,
    #[source]
    pub(super) source: Option<Box<Told>>,
}

impl NotSignedIn {
    /// Its sort.
    pub fn sort(&self) -> Sort {
        match self {
            Self::Denied(_) => Sort::Denied,
            Self::Elsewhere(told) => told.sort,
            Self::NoGuardian(NotFound::OtherResource { .. }) => Sort::OtherResource,
            Self::NoGuardian(_) | Self::NoIssuer => Sort::NoGuardian,
            Self::NoRandomNumbers => Sort::Internal,
            Self::NoToken(_) => Sort::NoToken,
            Self::NobodyToAsk { .. } => Sort::NobodyToAsk,
            Self::NotRegistered { .. } => Sort::NotRegistered,
            Self::Registration(_) => Sort::Registration,
            Self::StillRefused { .. } => Sort::StillRefused,
            Self::Tls(_) => Sort::Tls,
            Self::Wallet(_) => Sort::Wallet,
            Self::CodeOver
            | Self::NoDevices { .. }
            | Self::NoMetadata(_)
            | Self::NoPkce { .. }
            | Self::OtherIssuer(_)
            | Self::OtherState
            | Self::Server(_)
            | Self::TokenShape
            | Self::Visit(_) => Sort::Unavailable,
        }
    }

    /// The failure in words, for another process. Of causes at most so many as a person reads.
    pub(super) fn told(&self) -> Told {
        let mut words = vec![self.to_string()];
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next.filter(|_| words.len() < MOST_CAUSES) {
            words.push(cause.to_string());
            next = cause.source();
        }
        let sort = self.sort();
        let deepest = words.into_iter().rev().fold(None, |source, what| Some(Told { sort, what, source: source.map(Box::new) }));
        deepest.unwrap_or(Told { sort, what: String::new(), source: None })
    }
}

const MOST_CAUSES: usize = 16;
