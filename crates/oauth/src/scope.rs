//! What is a scope, and does this set of scopes cover that one? (RFC 6749 §3.3)

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One scope: 1 to 128 bytes of printable ASCII without space, quote or backslash. Case matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

impl Scope {
    /// Checks one scope. Nothing is trimmed or changed.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() {
            return Err(InvalidScope::Empty);
        }
        if text.len() > MAX_SCOPE_BYTES {
            return Err(InvalidScope::TooLong);
        }
        if !text.bytes().all(is_scope_byte) {
            return Err(InvalidScope::ForbiddenCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The scope as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A set of scopes: deduplicated, in byte order, so that it always prints the same way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// Reads a space-delimited list. Empty text is the empty set; extra spaces are forgiven.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        text.split(' ').filter(|part| !part.is_empty()).map(Scope::parse).collect()
    }

    /// Whether the set has no scope.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many scopes the set has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether exactly this scope is in the set.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether every scope of `other` is in this set.
    pub fn is_superset(&self, other: &Self) -> bool {
        self.0.is_superset(&other.0)
    }

    /// The scopes of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.union(&other.0).cloned().collect()
    }

    /// The scopes of this set that `held` lacks.
    #[must_use]
    pub fn missing_from(&self, held: &Self) -> Self {
        self.0.difference(&held.0).cloned().collect()
    }

    /// Adds one scope; a scope already there changes nothing.
    pub fn insert(&mut self, scope: Scope) {
        self.0.insert(scope);
    }

    /// The same set without `offline_access`, which a resource server asks for nowhere
    /// (MCP 2026-07-28, authorization: refresh tokens are the client's affair).
    #[must_use]
    pub fn without_offline_access(&self) -> Self {
        self.0.iter().filter(|scope| scope.as_str() != "offline_access").cloned().collect()
    }

    /// The scopes in byte order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// The scopes in byte order, as owned text.
    pub fn to_vec_of_strings(&self) -> Vec<String> {
        self.0.iter().map(|scope| scope.0.clone()).collect()
    }
}

/// Why a text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// No characters at all.
    #[error("a scope must not be empty")]
    Empty,
    /// More than 128 bytes.
    #[error("a scope may be at most {MAX_SCOPE_BYTES} bytes long")]
    TooLong,
    /// A space, a quote, a backslash, a control character or a character outside ASCII.
    #[error("a scope holds only printable ASCII without space, quote or backslash (RFC 6749 §3.3)")]
    ForbiddenCharacter,
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(&scope.0)?;
        }
        Ok(())
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = std::collections::btree_set::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E.
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

const MAX_SCOPE_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scope_keeps_its_spelling_and_case() {
        assert_eq!(Scope::parse("api://App/Files.Read").unwrap().as_str(), "api://App/Files.Read");
        assert!(!ScopeSet::parse("Read").unwrap().contains("read"));
    }

    #[test]
    fn characters_outside_the_grammar_are_refused() {
        for text in ["a b", "a\"b", "a\\b", "a\tb", "a\u{7f}", "\u{e9}", "a\nb"] {
            assert_eq!(Scope::parse(text), Err(InvalidScope::ForbiddenCharacter), "{text:?}");
        }
        assert_eq!(Scope::parse(""), Err(InvalidScope::Empty));
        assert!(Scope::parse(&"a".repeat(128)).is_ok());
        assert_eq!(Scope::parse(&"a".repeat(129)), Err(InvalidScope::TooLong));
    }

    #[test]
    fn a_set_is_deduplicated_and_prints_in_one_order() {
        let set = ScopeSet::parse("b a  b ").unwrap();
        assert_eq!(set.to_string(), "a b");
        assert_eq!(set.len(), 2);
        assert_eq!(set.to_vec_of_strings(), ["a", "b"]);
    }

    #[test]
    fn one_bad_scope_refuses_the_whole_list() {
        assert_eq!(ScopeSet::parse("a b\"c"), Err(InvalidScope::ForbiddenCharacter));
        assert_eq!(ScopeSet::parse("a\tb"), Err(InvalidScope::ForbiddenCharacter));
    }

    #[test]
    fn set_arithmetic_answers_what_is_held_and_what_is_missing() {
        let held = ScopeSet::parse("a b").unwrap();
        let wanted = ScopeSet::parse("b c").unwrap();
        assert!(!held.is_superset(&wanted));
        assert!(held.is_superset(&ScopeSet::default()));
        assert_eq!(held.union(&wanted).to_string(), "a b c");
        assert_eq!(wanted.missing_from(&held).to_string(), "c");
    }

    #[test]
    fn offline_access_is_left_out() {
        let set = ScopeSet::parse("files offline_access").unwrap();
        assert_eq!(set.without_offline_access().to_string(), "files");
    }

    #[test]
    fn json_is_a_list_of_checked_strings() {
        let set = ScopeSet::parse("b a").unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["a","b"]"#);
        assert_eq!(serde_json::from_str::<ScopeSet>(r#"["a","b"]"#).unwrap(), set);
        assert!(serde_json::from_str::<ScopeSet>(r#"["a b"]"#).is_err());
    }

    proptest! {
        #[test]
        fn printing_and_parsing_a_set_is_the_identity(
            scopes in proptest::collection::vec("[!#-\\[\\]-~]{1,20}", 0..12)
        ) {
            let set: ScopeSet = scopes.iter().map(|text| Scope::parse(text).unwrap()).collect();
            prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
        }
    }
}
