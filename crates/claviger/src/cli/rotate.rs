//! `claviger secrets rotate`: what can be typed.

use clap::Args;

use super::SecretsArguments;

/// `claviger secrets rotate`.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
#[command(after_help = ROTATE_EXAMPLES)]
pub(crate) struct RotateArguments {
    /// The reference, or a server whose references are meant [default: all that are in use]
    pub(crate) name: Option<String>,
    /// Replace the key itself: create, test, switch, and after a time with both keys revoke; typed again, it goes on where it stopped
    #[arg(long, requires = "name")]
    pub(crate) guide: bool,
    /// Give a guided rotation up, and use the old key again
    #[arg(long, requires = "guide", conflicts_with_all = ["now", "revoked"])]
    pub(crate) abort: bool,
    /// Revoke the old key without waiting for the end of the overlap
    #[arg(long, requires = "guide")]
    pub(crate) now: bool,
    /// Say that the old key is revoked at its provider
    #[arg(long, requires = "guide")]
    pub(crate) revoked: bool,
    #[command(flatten)]
    pub(crate) place: SecretsArguments,
}

const ROTATE_EXAMPLES: &str = "\
Examples:
  claviger secrets rotate
  claviger secrets rotate vault://kv/github#token
  claviger secrets rotate search
  claviger secrets rotate vault://kv/github#token --guide

Exit codes:
  0  done; of a guided rotation: as far as it can go now
  1  a secret cannot be had, a new key failed its test, or a person is needed";
