//! Who are the people whom somebody else knows? They sign in at an OpenID provider, and we issue tokens of our own; the provider sees none of ours, and clients none of its.
//! (OpenID Connect Core §3.1, RFC 9700 §4)
//!
//! [`OpenIdProvider`] is what we ask of a provider; how it is asked, and with what secrets, others know. [`people`](self::people) keeps what a provider has said, sealed, and asks again from time to
//! time whether it still says so. The pages are in `authorize/elsewhere.rs`.

mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use oauth::authorization::Answer;
use oauth::pkce::Verifier;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::Allowance;
use crate::grant::Person;

pub(crate) use people::{Look, People};

/// A provider at which people sign in, and what it means here.
#[derive(Clone)]
pub struct Provider {
    /// Its name in paths and in subjects: letters, digits, `.`, `_` and `-`. Another name makes other people of those who come from there.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Where people are sent, for them to read.
    pub host: String,
    /// Who of its people may come in; `None`: all.
    pub admits: Option<Admission>,
    /// What its groups are called here; `None`: the same.
    pub groups: Option<BTreeMap<String, Vec<String>>>,
    /// After how long it is asked again whether somebody is still there.
    pub look_every: Duration,
    /// The way there.
    pub way: Arc<dyn OpenIdProvider>,
}

/// Who may come in: whoever one of these speaks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Verified e-mail addresses in these domains, in small letters.
    pub domains: BTreeSet<String>,
    /// These verified e-mail addresses, in small letters.
    pub emails: BTreeSet<String>,
    /// Members of these groups, as the provider calls them.
    pub groups: BTreeSet<String>,
    /// An address counts for its domain only where the provider says that the domain's owner gave it (`hd`): it lets people sign up with addresses from anywhere.
    pub domains_by_owner: bool,
}

/// What a provider says about somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `sub`
    pub subject: String,
    /// Their name for themselves.
    pub name: Option<String>,
    /// `email`
    pub email: Option<String>,
    /// `email_verified`
    pub is_email_verified: bool,
    /// `hd`: the domain whose owner gave them the account.
    pub domain: Option<String>,
    /// The groups that they are in, as the provider calls them.
    pub groups: Vec<String>,
    /// `auth_time`, in Unix seconds.
    pub authenticated_at: Option<u64>,
}

/// What is asked of a provider, once the person has agreed.
#[derive(Clone, Copy)]
pub struct Errand<'e> {
    /// Where the person is sent back to.
    pub way_back: &'e str,
    /// What ties the answer to this errand.
    pub state: &'e str,
    /// What ties the id token to it.
    pub nonce: &'e str,
    /// Who they probably are.
    pub login_hint: Option<&'e str>,
    /// Whether they have to show it anew, whoever the provider knows them as.
    pub is_anew: bool,
}

/// A person on their way.
pub struct Sent {
    /// Where their browser goes.
    pub url: Url,
    /// What has to be shown with the code that they bring.
    pub verifier: Verifier,
}

/// Somebody who has come back.
pub struct SignedIn {
    /// Who, by a verified id token.
    pub identity: Identity,
    /// What gets word of them later, where the provider gives such a thing.
    pub refresh_token: Option<SecretString>,
}

/// Somebody who is still there.
pub struct Renewed {
    /// Who they are now; `None`: nothing was said.
    pub identity: Option<Identity>,
    /// What gets the next word of them; `None`: what got this one.
    pub refresh_token: Option<SecretString>,
}

/// An OpenID provider, as a client of it has it. Nothing that it says is believed before it was verified: issuer, audience, time, nonce and signature.
pub trait OpenIdProvider: Send + Sync {
    /// Where to send a browser.
    fn send<'a>(&'a self, errand: &'a Errand<'a>) -> Promise<'a, Sent, Away>;

    /// Who has come back with this answer.
    fn redeem<'a>(&'a self, answer: &'a Answer, verifier: &'a Verifier, errand: &'a Errand<'a>) -> Promise<'a, SignedIn, NotSignedIn>;

    /// Whether somebody is still there. `nonce` is that of their sign-in.
    fn renew<'a>(&'a self, refresh_token: &'a SecretString, nonce: &'a str) -> Promise<'a, Renewed, NotRenewed>;
}

/// An answer that takes its time.
pub type Promise<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// The provider does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the provider does not answer")]
pub struct Away(#[source] pub Box<dyn Error + Send + Sync>);

/// Why nobody has signed in.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// The provider does not answer.
    #[error(transparent)]
    Away(#[from] Away),
    /// The person said no there.
    #[error("the person said no")]
    Declined,
    /// What it answers is not to be believed, or it says no.
    #[error("the provider's answer is refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}

/// Why there is no word of somebody.
#[derive(Debug, thiserror::Error)]
pub enum NotRenewed {
    /// The provider does not answer, or not in a way that says anything about the person.
    #[error(transparent)]
    Away(#[from] Away),
    /// They have gone: what they granted is over.
    #[error("it is over at the provider")]
    Over,
}

impl Provider {
    /// The subject of somebody from there. No local account is called so: their names hold no `|`.
    pub(crate) fn subject(&self, identity: &Identity) -> String {
        format!("{}|{}", self.name, identity.subject)
    }

    /// Whether they may come in.
    pub(crate) fn admits(&self, identity: &Identity) -> bool {
        self.admits.as_ref().is_none_or(|admission| admission.admits(identity))
    }

    /// Somebody from there, as grants have them: with those of their groups, as we call them, that permit anything.
    pub(crate) fn person(&self, identity: &Identity, allowance: &Allowance) -> Person {
        let ours: BTreeSet<&str> = match &self.groups {
            None => identity.groups.iter().map(String::as_str).collect(),
            Some(map) => identity.groups.iter().filter_map(|theirs| map.get(theirs)).flatten().map(String::as_str).collect(),
        };
        let counts = |group: &&str| allowance.by_group.as_ref().is_some_and(|by_group| by_group.contains_key(*group));
        let named = identity.name.as_ref().or(identity.email.as_ref());
        Person {
            subject: self.subject(identity),
            name: named.unwrap_or(&identity.subject).chars().take(LONGEST_NAME).collect(),
            provider: Some(self.name.clone()),
            groups: ours.into_iter().filter(counts).map(str::to_owned).collect(),
        }
    }
}

impl Admission {
    fn admits(&self, identity: &Identity) -> bool {
        // An address that nobody has verified may be anybody's.
        let email = identity.email.as_ref().filter(|_| identity.is_email_verified).map(|email| email.to_ascii_lowercase());
        let by_group = identity.groups.iter().any(|group| self.groups.contains(group));
        by_group || email.is_some_and(|email| self.emails.contains(&email) || self.admits_by_domain(&email, identity))
    }

    fn admits_by_domain(&self, email: &str, identity: &Identity) -> bool {
        let Some((_, domain)) = email.rsplit_once('@') else { return false };
        let owner = identity.domain.as_ref().map(|domain| domain.to_ascii_lowercase());
        let is_owned = owner.is_some_and(|owner| self.domains.contains(&owner));
        self.domains.contains(domain) && (is_owned || !self.domains_by_owner)
    }
}

/// What a page can show, and a cookie hold.
const LONGEST_NAME: usize = 100;

/// Whether a text can name a provider: it stands in a path and in subjects.
pub fn is_provider_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.')
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Provider({} at {})", self.name, self.host)
    }
}
