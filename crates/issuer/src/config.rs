//! What does the authorization server have to be told? Already valid; only `claviger/config` knows files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use oauth::issuer::Issuer;
use oauth::redirect::RedirectUri;
use oauth::resource::Resource;
use oauth::scope::{Scope, ScopeSet};
use outbound::guard::Guard;
use secrecy::SecretString;

use crate::federation::Provider;
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
    /// Where else people sign in.
    pub providers: Vec<Provider>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Whether clients that nobody knows may register themselves (RFC 7591).
    pub registration: bool,
    /// Whose clients may go by the address of their description.
    pub documents: Documents,
    /// The identity providers whose assertions are taken for a grant.
    pub trusts: Vec<TrustedProvider>,
    /// Where we may go by ourselves, for what others publish.
    pub guard: Guard,
}

/// An identity provider whose assertions are taken (MCP's enterprise-managed authorization).
#[derive(Clone, Debug)]
pub struct TrustedProvider {
    /// The operator's name for it, which its people have in front of theirs.
    pub name: String,
    /// Its own name.
    pub issuer: Issuer,
    /// Who may bring its assertions.
    pub clients: Bringers,
    /// The claim that says which groups somebody is in.
    pub groups: Option<String>,
}

/// Which clients may bring an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bringers {
    /// Those that the operator has written down, and that prove who they are.
    Known,
    /// These.
    Of(Vec<String>),
}

/// Whose clients may go by the address of their description (Client ID Metadata Documents).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Documents {
    /// Everybody's: people decide, and see the host.
    #[default]
    Any,
    /// Nobody's.
    Off,
    /// Those of these hosts.
    Of(Vec<HostPattern>),
}

/// A host, or every host below one: `claude.ai`, `*.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(String);

/// A text is no host and no pattern of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host such as `claude.ai`, or `*.example.com` for every host below one, is expected")]
pub struct NotAHost;

impl Config {
    /// Our name, as others write it when they make something for us alone.
    pub(crate) fn spellings(&self) -> Vec<String> {
        let name = self.issuer.as_str();
        vec![name.to_owned(), format!("{name}/")]
    }
}

impl Documents {
    /// Whether a client may go by an address at this host, which is in lower case and without a port.
    pub fn trust(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Off => false,
            Self::Of(hosts) => hosts.iter().any(|pattern| pattern.matches(host)),
        }
    }
}

impl HostPattern {
    /// Reads a host, or `*.` and a host.
    pub fn parse(text: &str) -> Result<Self, NotAHost> {
        let host = text.strip_prefix("*.").unwrap_or(text);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let is_host = !host.is_empty() && host.bytes().all(is_plain) && !host.split('.').any(str::is_empty);
        if is_host { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotAHost) }
    }

    fn matches(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(below) => host.strip_suffix(below).is_some_and(|rest| !rest.is_empty()),
            None => host == self.0,
        }
    }
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
            providers: Vec::new(),
            accounts: PathBuf::new(),
            lifetimes,
            registration: false,
            documents: Documents::Off,
            trusts: Vec::new(),
            guard: Guard::default(),
        })
    }
}

/// One server behind the door, as far as tokens are concerned.
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    /// Its name in the configuration.
    pub name: String,
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
    /// Whether it gets only tokens that are bound to a key of its own (RFC 9449 §5.2).
    pub wants_bound_tokens: bool,
    /// Whether it runs on devices (RFC 8628). Of a public one anybody could say so.
    pub uses_devices: bool,
    /// Which tokens it may exchange for which (RFC 8693).
    pub exchange: Exchange,
}

/// Whose callers' tokens a client may exchange, and for tokens of which servers: all behind the door, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The servers that the tokens which it brings are for.
    pub from: Vec<String>,
    /// The servers that the tokens which it gets are for.
    pub to: Vec<String>,
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
    /// With a signature by one of the keys that are published at this address.
    KeysAt(String),
}

/// Which scopes a person may grant: those of their groups, and those of everybody.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    /// `None`: everybody may grant everything.
    pub by_group: Option<BTreeMap<String, Vec<String>>>,
}

impl Config {
    /// A provider by its name.
    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }
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
    fn a_host_is_trusted_as_it_is_written_and_never_one_that_ends_like_it() {
        let of = |hosts: &[&str]| Documents::Of(hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect());
        let some = of(&["Claude.ai", "*.example.com"]);
        for (host, expected) in [
            ("claude.ai", true),
            ("evil-claude.ai", false),
            ("app.claude.ai", false),
            ("claude.ai.evil.com", false),
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            ("evilexample.com", false),
            ("", false),
        ] {
            assert_eq!(some.trust(host), expected, "{host}");
            assert!(Documents::Any.trust(host) && !Documents::Off.trust(host) && !of(&[]).trust(host));
        }
        for text in ["", "*", "*.", "a..b", "*.*.b", "https://a", "a:1", "a/b", ".a", "a."] {
            assert_eq!(HostPattern::parse(text), Err(NotAHost), "{text}");
        }
    }

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
