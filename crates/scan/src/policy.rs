//! What does a team want of a scan, besides what everybody wants?

use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

/// Wishes of a team.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Rules that are switched off, by name.
    pub disabled: Vec<String>,
    /// What a secret of the team's own looks like.
    pub patterns: Vec<Pattern>,
    /// The longest life of an access token, in seconds.
    pub access_token: u64,
    /// The longest life of a refresh token, in seconds.
    pub refresh_token: u64,
    /// The longest life of a key, in seconds.
    pub key: u64,
    /// Hosts that prompts may go to, besides the vendors of models.
    pub model_hosts: Vec<String>,
}

/// What a kind of secret looks like.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub(crate) name: String,
    pub(crate) regex: Regex,
}

/// A text is no pattern.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidPattern {
    /// It is no regular expression, or too large a one.
    #[error("this is no regular expression")]
    Expression,
    /// It would find something in an empty text.
    #[error("it matches an empty text, and so everything")]
    MatchesNothing,
}

impl Policy {
    /// Without a word from anybody.
    pub const USUAL: Self = Self {
        disabled: Vec::new(),
        patterns: Vec::new(),
        access_token: HOUR,
        refresh_token: 30 * DAY,
        key: 90 * DAY,
        model_hosts: Vec::new(),
    };

    pub(crate) fn allows(&self, rule: &str) -> bool {
        !self.disabled.iter().any(|disabled| disabled == rule)
    }
}

pub(crate) static USUAL: Policy = Policy::USUAL;

impl Pattern {
    /// Reads a regular expression; letters and digits are those of ASCII.
    pub fn new(name: &str, expression: &str) -> Result<Self, InvalidPattern> {
        let mut builder = RegexBuilder::new(expression);
        let regex = builder.unicode(false).size_limit(LARGEST).dfa_size_limit(LARGEST).build().map_err(|_| InvalidPattern::Expression)?;
        if regex.is_match(b"") {
            return Err(InvalidPattern::MatchesNothing);
        }
        Ok(Self { name: name.to_owned(), regex })
    }
}

const HOUR: u64 = 60 * 60;
pub(crate) const DAY: u64 = 24 * HOUR;
/// In bytes, compiled.
const LARGEST: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{InvalidPattern, Pattern, Policy};
    use crate::{FingerprintKey, Source, examine};

    fn found(name: &str, text: &str, policy: &Policy) -> Vec<&'static str> {
        let findings = examine(Source { policy, ..Source::of(name, text) }, &FingerprintKey::new(b"test")).findings;
        findings.iter().map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn a_policy_switches_rules_off_knows_more_secrets_and_has_its_own_limits() {
        let address = r#"{"mcpServers":{"a":{"url":"http://x.example/mcp","headers":{"X-Acme":"acme-0000"}}}}"#;
        assert_eq!(found(".mcp.json", address, &Policy::USUAL), ["T001"]);
        let policy = Policy {
            disabled: vec!["T001".to_owned()],
            patterns: vec![Pattern::new("acme", "acme-[0-9]{4}").unwrap()],
            access_token: 7 * 24 * 3600,
            ..Policy::USUAL
        };
        assert_eq!(found(".mcp.json", address, &policy), ["S001"]);
        assert_eq!(found(".env", "AUTH_TOKEN_TTL=604800\n", &Policy::USUAL), ["L001"]);
        assert!(found(".env", "AUTH_TOKEN_TTL=604800\n", &policy).is_empty());
    }

    #[test]
    fn what_finds_everything_or_is_no_expression_is_no_pattern() {
        assert_eq!(Pattern::new("x", "(").err(), Some(InvalidPattern::Expression));
        assert_eq!(Pattern::new("x", "a*").err(), Some(InvalidPattern::MatchesNothing));
        assert_eq!(Pattern::new("x", "(((a{1000}){1000}){1000})").err(), Some(InvalidPattern::Expression));
    }
}
