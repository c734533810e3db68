//! The proof that somebody decided. Its field is private: only a decision makes one.

use std::sync::Arc;

/// Proof of an allow decision, naming the rule that allowed. The broker and the backs demand one.
#[derive(Clone, Debug)]
pub struct Permit {
    rule: Arc<str>,
}

impl Permit {
    pub(crate) fn by_rule(rule: &Arc<str>) -> Self {
        Self { rule: Arc::clone(rule) }
    }

    /// The rule that allowed, as the record shows it.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}
