//! What does the authorization server have to be told? Already valid; only `claviger/config` knows files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use oauth::issuer::Issuer;
use oauth::redirect::RedirectUri;
use oauth::resource::Resource;
use oauth::scope::{Scope, ScopeSet};
use secrecy::SecretString;

use crate::refusal::Failure;

/// The whole authorization server.
#[derive(Clone)]
pub struct Config {
    /// Its name: the public URL, without a slash at its end.
    pub issuer: Issuer,
    /// What its tokens are good for.
    pub resources: Vec<ProtectedResource>,
    /// The clients that the operator knows.
    pub clients: Vec<KnownClient>,
    /// Which scopes people may grant.
    pub allowance: Allowance,
    /// The file of local accounts.
    pub accounts: PathBuf,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Whether clients that nobody knows may register themselves (RFC 7591).
    pub registration: bool,
}

impl Config {
    pub(crate) fn for_records() -> Result<Self, Failure> {
        let longest = Duration::from_secs(366 * A_DAY);
        let lifetimes = Lifetimes {
            access_token: Duration::from_secs(A_DAY),
            idle_grant: longest,
            grant: longest,
            session: longest,
            signing_key: longest,
        };
        Ok(Self {
            issuer: Issuer::parse("https://records.invalid").map_err(|_| Failure::NotOurs)?,
            resources: Vec::new(),
            clients: Vec::new(),
            allowance: Allowance::default(),
            accounts: PathBuf::new(),
            lifetimes,
            registration: false,
        })
    }
}

/// One server behind the door, as far as tokens are concerned.
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    /// Its identifier, which becomes `aud`.
    pub resource: Resource,
    /// Its name for people.
    pub title: String,
    /// What is granted when nothing is asked for.
    pub baseline: ScopeSet,
    /// Every scope that it knows, and what that lets a client do.
    pub scopes: BTreeMap<Scope, Meaning>,
}

/// What a scope lets a client do, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// In the operator's words.
    Words(String),
    /// Tools, prompts and resources by these patterns.
    Patterns(Vec<String>),
}

/// A client that the operator has written down.
#[derive(Clone)]
pub struct KnownClient {
    /// Its name in requests.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// How it proves who it is.
    pub proof: ClientProof,
    /// What it may have in its own name, without a person (RFC 6749 §4.4); `None`: nothing.
    pub own_scopes: Option<ScopeSet>,
}

/// How a client proves who it is.
#[derive(Clone)]
pub enum ClientProof {
    /// It does not: PKCE ties the code to who asked for it.
    None,
    /// With one of these secrets: two while one is rotated.
    Secrets(Vec<SecretString>),
    /// With a signature by one of the keys of this set (JSON).
    Keys(String),
}

/// Which scopes a person may grant: those of their groups, and those of everybody.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    /// `None`: everybody may grant everything.
    pub by_group: Option<BTreeMap<String, Vec<String>>>,
}

impl Allowance {
    /// What of `asked` somebody in these groups may grant. A pattern is a scope, or the beginning of one and `*`; the group `*` is everybody.
    pub fn permitted(&self, asked: &ScopeSet, groups: &[String]) -> ScopeSet {
        let Some(by_group) = &self.by_group else { return asked.clone() };
        let of_theirs = |group: &str| group == EVERYBODY || groups.iter().any(|theirs| theirs == group);
        let patterns: Vec<&str> =
            by_group.iter().filter(|(group, _)| of_theirs(group)).flat_map(|(_, patterns)| patterns).map(String::as_str).collect();
        let matches = |scope: &Scope| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => scope.as_str().starts_with(beginning),
                None => scope.as_str() == *pattern,
            })
        };
        asked.iter().filter(|scope| matches(scope)).cloned().collect()
    }
}

/// How long things live.
#[derive(Clone, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access_token: Duration,
    /// A grant that is not used.
    pub idle_grant: Duration,
    /// A grant at all.
    pub grant: Duration,
    /// Somebody who has signed in.
    pub session: Duration,
    /// A key, until the next one signs.
    pub signing_key: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token: Duration::from_secs(15 * 60),
            idle_grant: Duration::from_secs(30 * A_DAY),
            grant: Duration::from_secs(180 * A_DAY),
            session: Duration::from_secs(8 * 3600),
            signing_key: Duration::from_secs(30 * A_DAY),
        }
    }
}

const EVERYBODY: &str = "*";
const A_DAY: u64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_grant_what_their_groups_may() {
        let asked = ScopeSet::parse("files:read files:write payments:read").unwrap();
        assert_eq!(Allowance::default().permitted(&asked, &[]), asked);
        let by_group = [("*", vec!["files:read"]), ("finance", vec!["payments:*"]), ("admins", vec!["*"])];
        let by_group = by_group.map(|(group, scopes)| (group.to_owned(), scopes.into_iter().map(str::to_owned).collect()));
        let allowance = Allowance { by_group: Some(by_group.into()) };
        for (groups, expected) in [
            (vec![], "files:read"),
            (vec!["finance"], "files:read payments:read"),
            (vec!["admins"], "files:read files:write payments:read"),
            (vec!["Admins", "finance2"], "files:read"),
        ] {
            let groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
            assert_eq!(allowance.permitted(&asked, &groups).to_string(), expected, "{groups:?}");
        }
        assert!(Allowance { by_group: Some(BTreeMap::new()) }.permitted(&asked, &[]).is_empty());
    }
}
