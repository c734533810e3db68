//! What can stand under `[scan]`? What a team wants of the scanner.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What `claviger scan` looks for, and what a configuration must not hold for the door to start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scan {
    /// Rules that are switched off, such as `["P002"]`. Default: none.
    pub(crate) disabled: Vec<String>,
    /// What secrets of your own look like: a regular expression for each name, such as `acme = "acme_[0-9a-f]{32}"`.
    pub(crate) patterns: BTreeMap<String, String>,
    /// The longest life of an access token. Default: `1h`.
    pub(crate) longest_access_token: Option<String>,
    /// The longest life of a refresh token. Default: `30d`.
    pub(crate) longest_refresh_token: Option<String>,
    /// The longest life of a key. Default: `90d`.
    pub(crate) longest_key: Option<String>,
    /// Hosts that prompts may go to, besides the vendors of models.
    pub(crate) model_hosts: Vec<String>,
}
