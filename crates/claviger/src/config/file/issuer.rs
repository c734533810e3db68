//! What can stand under `[issuer]`?

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Federations, OneOrMore};

/// The built-in authorization server: people sign in with a browser, and clients get tokens for the servers behind the door. See docs/guides/sign-in.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Issuer {
    /// Whether there is one. Default: `true`; without this section, only while there is no `[[accept]]`.
    pub(crate) enabled: Option<bool>,
    /// The file of local accounts, which `claviger accounts` writes. Paths start at this file's folder. Default: `accounts.toml` in the state folder.
    pub(crate) accounts: Option<String>,
    /// An OpenID provider at which people sign in, or several: then the door's tokens are for them. Default: none, so that people have local accounts.
    pub(crate) federate: Option<Federations>,
    /// Whether clients that nobody knows may register themselves. Default: `true`.
    pub(crate) registration: Option<bool>,
    /// Whose clients may go by the address of their description (Client ID Metadata Documents): `any`, `off`, or hosts such as `["claude.ai", "*.example.com"]`.
    /// People see the host when they are asked. Default: `any`.
    pub(crate) documents: Option<OneOrMore>,
    /// Which scopes people may grant, by group: `admins = "*"`, `finance = ["payments:*"]`; the group `*` is everybody. Default: everybody may grant every scope.
    pub(crate) grants: Option<BTreeMap<String, OneOrMore>>,
    /// What a scope means, in words for people: `"payments:write" = "Create and cancel payments"`. Default: the names of the tools that it opens.
    pub(crate) words: BTreeMap<String, String>,
    /// How long an access token lives. Default: `15min`.
    pub(crate) access_token: Option<String>,
    /// After how long a grant ends that nobody uses. Default: `30d`.
    pub(crate) idle_grant: Option<String>,
    /// After how long a grant ends in any case. Default: `180d`.
    pub(crate) grant: Option<String>,
    /// For how long somebody who has signed in is known to their browser. Default: `8h`.
    pub(crate) session: Option<String>,
    /// For how long a key signs before the next one does. Default: `30d`.
    pub(crate) signing_key: Option<String>,
    /// Clients that are known beforehand, by their `client_id`.
    pub(crate) clients: BTreeMap<String, IssuerClient>,
    /// Identity providers whose assertions (ID-JAG) clients may turn into tokens without asking the person, by a name of your own. See docs/guides/clients.md.
    pub(crate) trusts: BTreeMap<String, TrustedProvider>,
}

/// An identity provider whose assertions are taken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustedProvider {
    /// Its name, exactly as its assertions say it; its keys are found by discovery.
    pub(crate) issuer: String,
    /// The clients that may bring its assertions, by their `client_id`. Default: every client under `[issuer.clients]` that proves who it is.
    #[serde(default)]
    pub(crate) clients: Option<OneOrMore>,
    /// The claim that says which groups somebody is in, for `grants`; `/realm_access/roles` leads to a member of a member. Default: none, so that everybody is in
    /// no group.
    #[serde(default)]
    pub(crate) groups: Option<String>,
}

/// A client that is known beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IssuerClient {
    /// Its name for people. Default: its `client_id`.
    pub(crate) name: Option<String>,
    /// Where people may be sent back to. On loopback the port may differ.
    pub(crate) redirect_uris: Vec<String>,
    /// References to its secret; two while one is replaced by the other. Without one the client is public, and has PKCE alone.
    pub(crate) secret: Option<OneOrMore>,
    /// The file of its public keys (a JSON Web Key Set), with which it proves who it is instead of a secret; or the https URL where it publishes them. Paths start
    /// at this file's folder.
    pub(crate) keys: Option<String>,
    /// What it may have in its own name, without a person (`client_credentials`). Default: nothing.
    pub(crate) scopes: Option<OneOrMore>,
    /// The servers for which it may exchange somebody's token for another one (RFC 8693): `["files"]`. Default: none.
    pub(crate) exchange: Vec<String>,
    /// The servers whose callers' tokens it may exchange so: those that it takes calls for. Needed beside `exchange`.
    pub(crate) exchange_from: Vec<String>,
    /// Whether it runs on devices, and may have people type a code on another machine (RFC 8628). Default: `false`.
    pub(crate) devices: bool,
    /// Whether it gets only tokens that are bound to a key of its own (DPoP). Default: `false`.
    pub(crate) bound_tokens: bool,
}
