//! Why is there no credential? Names the reference and the cause, never a value.

use std::io;

use thiserror::Error;

use crate::reference::Reference;

/// A reference that gave no credential. For the operator; a caller is told only that the server behind the door cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{reference}` gives no credential")]
pub struct Missing {
    /// Which one.
    pub reference: Reference,
    /// Why.
    #[source]
    pub cause: Cause,
}

impl Missing {
    /// A stable name of the cause, for metrics.
    pub fn code(&self) -> &'static str {
        match self.cause {
            Cause::Empty => "empty",
            Cause::FieldAbsent => "field_absent",
            Cause::FieldNotText => "field_not_text",
            Cause::NotAFile => "not_a_file",
            Cause::NotJson => "not_json",
            Cause::NotSet => "not_set",
            Cause::NotText => "not_text",
            Cause::OpenToOthers { .. } => "open_to_others",
            Cause::TooLarge { .. } => "too_large",
            Cause::Unreadable(_) => "unreadable",
        }
    }
}

/// What stood in the way.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// There is a value, and it is the empty text.
    #[error("it is empty")]
    Empty,
    /// The JSON object has no such member.
    #[error("the JSON object there has no such member")]
    FieldAbsent,
    /// The member of the JSON object is no string.
    #[error("the member of the JSON object there is not a string")]
    FieldNotText,
    /// A folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// A member was asked for, and the value is no JSON object.
    #[error("the value there is not a JSON object")]
    NotJson,
    /// The variable is not in the environment.
    #[error("the variable is not set")]
    NotSet,
    /// The file is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Every user of the machine may read or change the file.
    #[error("every user of this machine may use the file (mode {mode:03o}); do: chmod o-rw")]
    OpenToOthers {
        /// The permission bits.
        mode: u32,
    },
    /// The file is over the limit.
    #[error("it is over {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The file is not there or not ours to read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::ErrorKind),
}
