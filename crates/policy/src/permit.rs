//! The proof that somebody decided. Its field is private: only a decision makes one, or the person at their own machine.

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

    /// The permit of a person who runs us on their own machine, for themselves. They may read everything that we may read, so there is nothing to decide.
    ///
    /// Never on behalf of a caller: whoever came in over a connection needs a decision. One place makes it, `claviger/src/commands/run.rs`.
    pub fn by_local_user() -> Self {
        Self { rule: LOCAL_USER.into() }
    }

    /// The rule that allowed, as the record shows it.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

/// Stands where a rule's name would.
const LOCAL_USER: &str = "local user";
