//! What must not be written anywhere? Tokens, codes and links that a test has seen, and the search for them.

use std::cell::RefCell;
use std::rc::Rc;

/// Shared by everybody in a test who sees secrets.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Rc<RefCell<Vec<String>>>);

impl Secrets {
    /// Remembers one.
    pub(crate) fn keep(&self, secret: &str) {
        self.0.borrow_mut().push(secret.to_owned());
    }

    /// None of them stands there: of a token with dots not even a part, for its claims are half of it.
    pub(crate) fn are_not_in(&self, place: &str, written: &str) {
        for secret in self.0.borrow().iter() {
            for part in secret.split('.').filter(|part| !part.is_empty()) {
                assert!(!written.contains(part), "a part of a secret stands in {place}:\n{written}");
            }
        }
    }
}
