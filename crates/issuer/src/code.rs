//! What is a code worth? One token request within a minute, by the client it was given to, who has to know what nobody has seen. (OAuth 2.1 §4.1.3, RFC 7636 §4.6)
//!
//! The store knows a code by its hash. Whoever shows it spends it, whatever comes of that; whoever shows it again ends the grant that the first one got: one of the two has
//! stolen it, and nobody can tell which.

use std::time::Duration;

use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::grant::Person;
use crate::refusal::Failure;
use crate::shelf::{Found, Shelf, hashed, unguessable};

/// What a person has agreed to, until the client comes for it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Agreement {
    pub(crate) person: Person,
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) redirect_uri: String,
    /// Whether the client named that in its request; if so it has to name it again.
    pub(crate) redirect_was_named: bool,
    pub(crate) challenge: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) resource: Resource,
    pub(crate) nonce: Option<String>,
    pub(crate) dpop_key: Option<String>,
    /// Unix seconds.
    pub(crate) signed_in_at: u64,
    /// Unix seconds.
    pub(crate) until: u64,
}

#[derive(Clone, Serialize, Deserialize)]
enum State {
    Fresh(Box<Agreement>),
    /// Shown once; the grant that came of it, if one did.
    Spent(String),
}

/// What comes of showing a code.
pub(crate) enum Shown {
    /// It is fresh.
    Fresh(Box<Fresh>),
    /// Somebody has shown it before; the grant that they got.
    Again(String),
    /// It is none of ours.
    Unknown,
}

/// A code that nobody has spent yet, as far as we have seen.
pub(crate) struct Fresh {
    pub(crate) agreement: Agreement,
    place: String,
    found: Found<State>,
}

/// Makes a code.
pub(crate) async fn issue(shelf: &Shelf, agreement: Agreement) -> Result<SecretString, Failure> {
    let code = SecretString::from(unguessable::<32>()?);
    shelf.put(&hashed(PLACE, code.expose_secret()), &State::Fresh(Box::new(agreement)), Some(REMEMBERED)).await?;
    Ok(code)
}

/// What there is to say about a code that somebody shows.
pub(crate) async fn show(shelf: &Shelf, code: &str) -> Result<Shown, Failure> {
    let place = hashed(PLACE, code);
    let Some(found) = shelf.find::<State>(&place).await? else { return Ok(Shown::Unknown) };
    Ok(match &found.value {
        State::Spent(grant) => Shown::Again(grant.clone()),
        State::Fresh(agreement) => Shown::Fresh(Box::new(Fresh { agreement: Agreement::clone(agreement), place, found })),
    })
}

impl Fresh {
    /// Spends the code, and says which grant came of it; `false`: somebody was faster, just now.
    pub(crate) async fn spend(&self, shelf: &Shelf, grant: &str) -> Result<bool, Failure> {
        shelf.replace(&self.place, &self.found, &State::Spent(grant.to_owned()), Some(REMEMBERED)).await
    }
}

const PLACE: &str = "issuer/code/";
/// For the client to come with it, in seconds.
pub(crate) const LIVES: u64 = 60;
/// How long it is known that a code was spent.
const REMEMBERED: Duration = Duration::from_secs(600);
