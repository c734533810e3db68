//! How is a person sent to an authorization server, and how do they come back? Somebody else's business: a browser and a small listener, a device, or a pasted URL.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;

use oauth::authorization::Answer;
use thiserror::Error;
use url::Url;

/// What a visitor promises.
pub type Visiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, VisitFailure>> + Send + 'a>>;

/// Sends people.
pub trait Visitor: Send + Sync {
    /// Gets ready for somebody coming back, before anybody is sent (C14). `known` is where the server lets people come back, if it is strict about that: use it if that
    /// can be had.
    fn prepare<'a>(&'a self, known: Option<&'a str>) -> Visiting<'a, Box<dyn Visit>>;

    /// Shows somebody where to type which code. What comes of it, the server is asked.
    fn show(&self, code: TypedCode) -> Visiting<'_, Box<dyn Awaited>>;
}

/// Somebody who types a code elsewhere; over when dropped.
pub trait Awaited: Send + Sync {
    /// Whether anybody still waits for that.
    fn is_awaited(&self) -> bool;
}

/// A code, and where somebody types it.
#[derive(Clone, Debug)]
pub struct TypedCode {
    /// The code.
    pub code: String,
    /// Where.
    pub url: Url,
    /// The server that they want to use.
    pub server: Url,
    /// The authorization server's name.
    pub authority: String,
}

/// One person who will come back.
pub trait Visit: Send {
    /// Where to.
    fn redirect_uri(&self) -> &str;

    /// Sends them and waits.
    fn go(self: Box<Self>, to: Destination) -> Visiting<'static, Answer>;
}

/// Where somebody is sent, and why.
#[derive(Clone, Debug)]
pub struct Destination {
    /// What their browser opens.
    pub url: Url,
    /// What their answer has to repeat: anything else that comes is not theirs.
    pub state: String,
    /// The server that they want to use.
    pub server: Url,
    /// The authorization server's name.
    pub authority: String,
}

/// Nobody could be sent, or nobody came back.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct VisitFailure {
    /// What went wrong, as a sentence without an end.
    pub what: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}
