//! What can stand under `[issuer]`?

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMore;

/// The built-in authorization server: people sign in with a browser, and clients get tokens for the servers behind the door. See docs/guides/sign-in.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Issuer {
    /// Whether there is one. Default: `true`; without this section, only while there is no `[[accept]]`.
    pub(crate) enabled: Option<bool>,
    /// The file of local accounts, which `claviger accounts` writes. Paths start at this file's folder. Default: `accounts.toml` in the state folder.
    pub(crate) accounts: Option<String>,
    /// Whether clients that nobody knows may register themselves. Default: `true`.
    pub(crate) registration: Option<bool>,
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
    /// The file of its public keys (a JSON Web Key Set), with which it proves who it is instead of a secret. Paths start at this file's folder.
    pub(crate) keys: Option<String>,
    /// What it may have in its own name, without a person (`client_credentials`). Default: nothing.
    pub(crate) scopes: Option<OneOrMore>,
}
