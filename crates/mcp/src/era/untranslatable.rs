//! Why can a message not be put in the words of the other era?

use crate::envelope::{EnvelopeError, Place};
use crate::list::ListError;

/// The one fault for which a message must not be passed on to the other era.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Untranslatable {
    /// Something in it cannot be read, or not in one way only.
    #[error("it cannot be read in one way only: {0}")]
    Ambiguous(#[from] EnvelopeError),
    /// A `resultType` that has no meaning in the older era: not a complete result.
    #[error("the result is not a complete one")]
    Incomplete,
    /// A request where an answer is translated, or the other way round.
    #[error("it is a message of another kind")]
    Kind,
    /// A member is missing that the other era demands, or has the wrong type.
    #[error("{place} lacks \"{member}\", or it has the wrong type")]
    Lacks {
        /// The object that must have it.
        place: Place,
        /// The member.
        member: &'static str,
    },
    /// A list that is none.
    #[error(transparent)]
    List(#[from] ListError),
    /// The other era has no such method.
    #[error("the other era has no such method")]
    Method,
    /// A question that the one to be asked cannot be asked in its revision, or that no server may ask.
    #[error("this question cannot be put to the client")]
    Question,
    /// A revision of the wrong era was asked for.
    #[error("this is a revision of the other era")]
    Version,
}
