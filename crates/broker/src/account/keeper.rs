//! Who changes the accounts of this machine? One process that all others ask, where there is one: then what two of them want at once cannot cross.
//!
//! A keeper is asked to change something and says what came of it. No token passes between them: whoever asked looks into the wallet again.

use std::future::Future;
use std::pin::Pin;

use http::StatusCode;
use oauth::challenge::Challenge;
use url::Url;

use super::{Attempts, NotSignedIn, Shown, Wishes};

/// What a keeper promises.
pub type Keeping<'a> = Pin<Box<dyn Future<Output = Option<Result<Changed, NotSignedIn>>> + Send + 'a>>;

/// Changes accounts for everybody on this machine.
pub trait Keeper: Send + Sync {
    /// Has one thing done. `None`: nobody can be asked, and whoever wants it does it alone.
    fn change<'a>(&'a self, errand: Errand<'a>) -> Keeping<'a>;
}

/// What is to be changed, and where.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'e> {
    /// The protected server.
    pub server: &'e Url,
    /// Which account there.
    pub profile: &'e str,
    /// What the person has said about logging in.
    pub wishes: &'e Wishes,
    /// What is to be done.
    pub change: &'e Change,
}

/// One change of an account.
#[derive(Clone, Debug)]
pub enum Change {
    /// The server has refused what was shown: get what it wants.
    Mend {
        /// What was shown. When something else is kept by now, that is what to try.
        shown: Shown,
        /// What the server wants.
        refused: Refused,
        /// How often it was tried.
        attempts: Attempts,
    },
    /// Renew the token if it ends soon.
    Renew,
    /// Log the person in, whatever is kept.
    SignIn(Option<Challenge>),
    /// Forget the account.
    SignOut,
}

/// What the server wants instead.
#[derive(Clone, Debug)]
pub struct Refused {
    /// 401 or 403.
    pub status: StatusCode,
    /// What stands in `WWW-Authenticate`, if a challenge of OAuth's does.
    pub challenge: Option<Challenge>,
    /// Whether it wants tokens that are bound to a key (RFC 9449).
    pub wants_bound: bool,
}

/// What came of a change.
#[derive(Debug)]
pub enum Changed {
    /// The account is as it should be; for [`Change::Mend`], how often it was tried by now.
    Kept(Attempts),
    /// It is forgotten.
    Left(SignedOut),
}

/// What came of logging out.
#[derive(Debug)]
pub enum SignedOut {
    /// There was nothing.
    WasNotSignedIn,
    /// It is forgotten here, and taken back there.
    TakenBack,
    /// It is forgotten here. There it was not taken back, for this reason; `None`: the server has no way to do so.
    Forgotten(Option<NotSignedIn>),
}
