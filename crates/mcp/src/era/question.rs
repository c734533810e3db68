//! What may a server ask its client in the middle of a call?

use crate::method::{ELICITATION_CREATE, ROOTS_LIST, SAMPLING_CREATE_MESSAGE};

/// The three questions that both eras have. All else that a server might send is no question, and is never put to a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Question {
    /// `elicitation/create`
    Elicitation,
    /// `roots/list`
    Roots,
    /// `sampling/createMessage`
    Sampling,
}

impl Question {
    pub(super) fn of_method(method: &str) -> Option<Self> {
        match method {
            ELICITATION_CREATE => Some(Self::Elicitation),
            ROOTS_LIST => Some(Self::Roots),
            SAMPLING_CREATE_MESSAGE => Some(Self::Sampling),
            _ => None,
        }
    }
}
