//! What does the MCP conformance harness type? One URL; everything else stands in variables of its own.

use clap::Args;
use url::Url;

/// `claviger conformance-client`, which only the harness types.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConformanceClientArguments {
    /// The server of the scenario
    pub(crate) url: Url,
}
