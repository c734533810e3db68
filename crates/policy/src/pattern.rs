//! Does this name match that pattern? `*` stands for any run of characters; everything else for itself.

/// A pattern over names and URIs. Matching is case-sensitive, as MCP names are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// The pattern as it is written.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// How much the pattern says: an exact name before any pattern, then the number of literal bytes.
    pub(crate) fn specificity(&self) -> (bool, usize) {
        let literal = self.0.bytes().filter(|byte| *byte != b'*').count();
        (!self.0.contains('*'), literal)
    }

    /// Whether a name matches. Greedy from the left: after the first piece each further one is taken where it first occurs, and the last must end the name.
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return *self.0 == *name;
        };
        let Some(mut remaining) = name.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
            let Some(at) = remaining.find(piece) else {
                return false;
            };
            remaining = remaining.get(at + piece.len()..).unwrap_or_default();
        }
        remaining.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use proptest::prelude::*;

    #[test]
    fn stars_match_any_run_and_nothing_else_is_special() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("read_*", "read_file", true),
            ("read_*", "read_", true),
            ("read_*", "reads", false),
            ("*_file", "read_file", true),
            ("*_file", "read_file_now", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxcxxb", false),
            ("a*a", "a", false),
            ("a?c", "abc", false),
            ("a.c", "abc", false),
            ("file:///etc/*", "file:///etc/passwd", true),
            ("file:///etc/*", "file:///etcetera", false),
            ("Read", "read", false),
            ("**", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} against {name}");
        }
    }

    /// The plain recursive definition, as the oracle.
    fn oracle(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|at| oracle(rest, &name[at..])),
            Some((byte, rest)) => name.first() == Some(byte) && oracle(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{0,8}", name in "[ab]{0,10}") {
            prop_assert_eq!(Pattern::new(&pattern).matches(&name), oracle(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
