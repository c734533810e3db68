//! Why is this message refused before anyone acts on it?

use std::fmt;

use crate::error_code;

/// Which object of a message a fault was found in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// `capabilities` of a client or a server.
    Capabilities,
    /// The message itself.
    Envelope,
    /// The error object of a response.
    Error,
    /// An item of a list result, for instance one tool.
    Item,
    /// `params._meta`.
    Meta,
    /// `params.notifications` of `subscriptions/listen`.
    Notifications,
    /// `params`.
    Params,
    /// What a server asks its client in the middle of a call.
    Question,
    /// `params.ref` of `completion/complete`.
    Reference,
    /// The result of a response.
    Result,
    /// The JSON Schema of a tool.
    Schema,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Capabilities => "capabilities",
            Self::Envelope => "the message",
            Self::Error => "error",
            Self::Item => "a list item",
            Self::Meta => "_meta",
            Self::Notifications => "params.notifications",
            Self::Params => "params",
            Self::Question => "an input request",
            Self::Reference => "params.ref",
            Self::Result => "result",
            Self::Schema => "a tool's schema",
        })
    }
}

/// A member name from a refused message, made safe to print: at most 64 characters, control characters escaped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberName(Box<str>);

impl MemberName {
    fn new(name: &str) -> Self {
        let shown: String = name.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect();
        Self(shown.into_boxed_str())
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The one fault for which a message, or a whole body, is refused. Safe to show to the caller.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EnvelopeError {
    /// The body begins with a byte order mark (RFC 8259 §8.1 forbids it).
    #[error("the body begins with a byte order mark")]
    ByteOrderMark,
    /// `result` and `error`, or one of them and `method`, in one message.
    #[error("the message is a request and a response at once")]
    Contradiction,
    /// A member stands twice in one object.
    #[error("the member \"{name}\" stands twice in {place}")]
    Duplicate {
        /// The object.
        place: Place,
        /// The member.
        name: MemberName,
    },
    /// A batch without messages.
    #[error("the batch is empty")]
    EmptyBatch,
    /// `error` of a response lacks an integer `code` or a string `message`.
    #[error("\"error\" needs an integer \"code\" and a string \"message\"")]
    ErrorWithoutCode,
    /// An `id` that is neither a string nor an integer, or is longer than 512 bytes.
    #[error("\"id\" must be a string or an integer of at most {MAX_ID_BYTES} bytes")]
    Id,
    /// `initialize` inside a batch (MCP 2025-03-26, lifecycle).
    #[error("\"initialize\" must not be part of a batch")]
    InitializeInBatch,
    /// A member name that some parsers would read as one that we read.
    #[error("a member of {place} looks like \"{member}\" but is not written so")]
    LookAlike {
        /// The object.
        place: Place,
        /// The member that it looks like.
        member: &'static str,
    },
    /// Not JSON.
    #[error("the body is not valid JSON (line {line}, column {column})")]
    Malformed {
        /// Counted from 1; 0 when unknown.
        line: usize,
        /// Counted from 1 in bytes; 0 when unknown.
        column: usize,
    },
    /// `method` is not a string, or is one that is not valid Unicode.
    #[error("\"method\" must be a string")]
    Method,
    /// A value that must be an object is something else.
    #[error("{0} must be an object")]
    NotAnObject(Place),
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// `params` in a response.
    #[error("a response has no \"params\"")]
    ParamsInResponse,
    /// A request method without an `id`: some servers would run it all the same.
    #[error("this method needs an \"id\"")]
    RequestWithoutId,
    /// `notifications.resourceSubscriptions` is not a list of strings.
    #[error("\"resourceSubscriptions\" must be a list of strings")]
    ResourceSubscriptions,
    /// A result without `id`.
    #[error("a result needs an \"id\"")]
    ResultWithoutId,
    /// Nesting over [`crate::depth::MAX_DEPTH`].
    #[error("the body is nested too deeply")]
    TooDeep,
    /// More messages in a batch than [`super::MAX_BATCH`].
    #[error("the batch has too many messages")]
    TooLongBatch,
    /// More members in one object than we look through.
    #[error("{0} has too many members")]
    TooManyMembers(Place),
    /// Something follows the message.
    #[error("something follows the message")]
    TrailingData,
    /// A member that JSON-RPC does not define, at the top of the message.
    #[error("the message has an unknown member \"{name}\"")]
    UnknownMember {
        /// The member.
        name: MemberName,
    },
    /// Neither `method` nor `result` nor `error`.
    #[error("the message is neither a request nor a response")]
    Unknowable,
    /// `jsonrpc` is absent or not exactly `"2.0"`.
    #[error("\"jsonrpc\" must be \"2.0\"")]
    Version,
}

impl EnvelopeError {
    /// The JSON-RPC code of the answer: -32700 for what is not JSON, -32600 for all else. HTTP status 400 goes with both.
    pub fn code(&self) -> i64 {
        match self {
            Self::ByteOrderMark | Self::Malformed { .. } | Self::NotUtf8 | Self::TrailingData => error_code::PARSE_ERROR,
            _ => error_code::INVALID_REQUEST,
        }
    }

    pub(crate) fn duplicate(place: Place, name: &str) -> Self {
        Self::Duplicate { place, name: MemberName::new(name) }
    }

    pub(crate) fn unknown(name: &str) -> Self {
        Self::UnknownMember { name: MemberName::new(name) }
    }
}

/// The longest `id` that we carry, quotes included.
pub(super) const MAX_ID_BYTES: usize = 512;

const MAX_SHOWN: usize = 64;
