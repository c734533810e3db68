//! What does one JSON-RPC message say, read so that no server behind us can read it differently?
//!
//! One pass over borrowed bytes. What decides something is read strictly; the rest stays bytes and is passed on unchanged.

mod error;
mod params;
mod target;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{DeserializeSeed, MapAccess};
use serde_json::value::RawValue;

pub use self::error::{EnvelopeError, MemberName, Place};
pub use self::params::{Meta, Params, Reference, Text};
pub use self::target::Target;

use self::params::ParamsMembers;
use crate::depth::is_too_deep;
use crate::method;
use crate::raw::RawJson;
use crate::splice::{Edit, range_within};
use crate::strict::{Members, Object, Refusal, read_members, read_object, take_raw};

/// Which of the four shapes of JSON-RPC a message has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Answers a request with an error.
    ErrorResponse,
    /// Has a method and no id.
    Notification,
    /// Has a method and an id.
    Request,
    /// Answers a request with a result.
    Response,
}

/// One JSON-RPC message, borrowed from the bytes it came in.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    raw: &'a str,
    kind: Kind,
    id: Option<RawJson<'a>>,
    method: Option<Cow<'a, str>>,
    params: Option<Params<'a>>,
    result: Option<RawJson<'a>>,
    error: Option<ErrorObject<'a>>,
}

impl<'a> Message<'a> {
    /// Reads `body`, which must hold exactly one message. White space around it is allowed.
    pub fn parse(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        Self::read(checked_text(body)?)
    }

    /// Which shape the message has.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The `id` as written: an integer or a string. None for notifications, and for errors that answer no known request.
    pub fn id(&self) -> Option<RawJson<'a>> {
        self.id
    }

    /// The method, decoded; None for responses.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// What is read of `params`.
    pub fn params(&self) -> Option<&Params<'a>> {
        self.params.as_ref()
    }

    /// `_meta` of `params`.
    pub fn meta(&self) -> Option<&Meta<'a>> {
        self.params.as_ref().and_then(Params::meta)
    }

    /// The result as written, unread.
    pub fn result(&self) -> Option<RawJson<'a>> {
        self.result
    }

    /// The error of an error response.
    pub fn error(&self) -> Option<&ErrorObject<'a>> {
        self.error.as_ref()
    }

    /// The whole text that was parsed, white space around the message included. Ranges count from its start.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// Where `part` stands in [`Message::raw`]. None when it was borrowed from another message.
    pub fn range_of(&self, part: RawJson<'_>) -> Option<Range<usize>> {
        range_within(self.raw, part.as_str())
    }

    /// The edit of [`Message::raw`] that puts `replacement` in the place of `part`. None as for [`Message::range_of`].
    pub fn replace(&self, part: RawJson<'_>, replacement: impl Into<Vec<u8>>) -> Option<Edit> {
        self.range_of(part).map(|range| Edit::new(range, replacement))
    }

    fn read(text: &'a str) -> Result<Self, EnvelopeError> {
        let members = read_object(text, EnvelopeMembers { text, ..EnvelopeMembers::default() })?;
        if members.version.and_then(RawJson::decode_string).as_deref() != Some("2.0") {
            return Err(EnvelopeError::Version);
        }
        let kind = members.kind()?;
        let id = members.checked_id(kind)?;
        let method = match members.method {
            Some(raw) => Some(raw.decode_string().ok_or(EnvelopeError::Method)?),
            None => None,
        };
        if id.is_none() && method.as_deref().is_some_and(method::is_client_request) {
            return Err(EnvelopeError::RequestWithoutId);
        }
        let error = members.error.map(ErrorObject::read).transpose()?;
        Ok(Self { raw: text, kind, id, method, params: members.params, result: members.result, error })
    }
}

/// `error` of a response.
#[derive(Clone, Debug)]
pub struct ErrorObject<'a> {
    raw: RawJson<'a>,
    code: i64,
    message: Cow<'a, str>,
    data: Option<RawJson<'a>>,
}

impl<'a> ErrorObject<'a> {
    fn read(raw: RawJson<'a>) -> Result<Self, EnvelopeError> {
        let [code, message, data] = read_members(raw.as_str(), Place::Error, &["code", "message", "data"])?;
        let code = code.and_then(RawJson::decode_integer).ok_or(EnvelopeError::ErrorWithoutCode)?;
        let message = message.and_then(RawJson::decode_string).ok_or(EnvelopeError::ErrorWithoutCode)?;
        Ok(Self { raw, code, message, data })
    }

    /// The error object as written.
    pub fn raw(&self) -> RawJson<'a> {
        self.raw
    }

    /// The JSON-RPC error code.
    pub fn code(&self) -> i64 {
        self.code
    }

    /// The text for a reader, decoded.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `data` as written, unread.
    pub fn data(&self) -> Option<RawJson<'a>> {
        self.data
    }
}

/// One HTTP body or one stdio line: a message, or the batch that MCP 2025-03-26 alone allows (the caller enforces that).
#[derive(Clone, Debug)]
pub enum Body<'a> {
    /// A JSON array of messages, in order; ranges of each count from its own start. Between 1 and [`MAX_BATCH`].
    Batch(Vec<Message<'a>>),
    /// One message.
    Single(Box<Message<'a>>),
}

impl<'a> Body<'a> {
    /// Reads `body`, which must hold one message or one array of messages and nothing else.
    pub fn parse(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        let text = checked_text(body)?;
        if !text.trim_ascii_start().starts_with('[') {
            return Message::read(text).map(|message| Self::Single(Box::new(message)));
        }
        let parts: Vec<&'a RawValue> =
            serde_json::from_str(text).map_err(|error| EnvelopeError::Malformed { line: error.line(), column: error.column() })?;
        if parts.is_empty() {
            return Err(EnvelopeError::EmptyBatch);
        }
        if parts.len() > MAX_BATCH {
            return Err(EnvelopeError::TooLongBatch);
        }
        let messages = parts.into_iter().map(|part| Message::read(part.get())).collect::<Result<Vec<_>, _>>()?;
        if messages.iter().any(|message| message.method() == Some(method::INITIALIZE)) {
            return Err(EnvelopeError::InitializeInBatch);
        }
        Ok(Self::Batch(messages))
    }
}

/// The most messages that a batch may have.
pub const MAX_BATCH: usize = 64;

fn checked_text(body: &[u8]) -> Result<&str, EnvelopeError> {
    let text = std::str::from_utf8(body).map_err(|_| EnvelopeError::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(EnvelopeError::ByteOrderMark);
    }
    if is_too_deep(body) {
        return Err(EnvelopeError::TooDeep);
    }
    Ok(text)
}

/// The members of the message while they are read.
#[derive(Default)]
struct EnvelopeMembers<'a> {
    text: &'a str,
    version: Option<RawJson<'a>>,
    id: Option<RawJson<'a>>,
    method: Option<RawJson<'a>>,
    params: Option<Params<'a>>,
    result: Option<RawJson<'a>>,
    error: Option<RawJson<'a>>,
}

impl EnvelopeMembers<'_> {
    fn kind(&self) -> Result<Kind, EnvelopeError> {
        match (self.method, self.result, self.error) {
            (Some(_), None, None) if self.id.is_some() => Ok(Kind::Request),
            (Some(_), None, None) => Ok(Kind::Notification),
            (None, None, None) => Err(EnvelopeError::Unknowable),
            (None, ..) if self.params.is_some() => Err(EnvelopeError::ParamsInResponse),
            (None, Some(_), None) => Ok(Kind::Response),
            (None, None, Some(_)) => Ok(Kind::ErrorResponse),
            _ => Err(EnvelopeError::Contradiction),
        }
    }
}

impl<'a> EnvelopeMembers<'a> {
    fn checked_id(&self, kind: Kind) -> Result<Option<RawJson<'a>>, EnvelopeError> {
        match self.id {
            None if kind == Kind::Response => Err(EnvelopeError::ResultWithoutId),
            None => Ok(None),
            // JSON-RPC 2.0 §5: an error that cannot be tied to a request has the id null.
            Some(id) if id.is_null() && kind == Kind::ErrorResponse => Ok(None),
            Some(id) if id.as_str().len() > error::MAX_ID_BYTES => Err(EnvelopeError::Id),
            Some(id) if id.is_integer() || id.decode_string().is_some() => Ok(Some(id)),
            Some(_) => Err(EnvelopeError::Id),
        }
    }
}

impl<'a> Members<'a> for EnvelopeMembers<'a> {
    const OPEN: bool = false;

    fn place(&self) -> Place {
        Place::Envelope
    }

    fn known(&self) -> &'static [&'static str] {
        &["jsonrpc", "id", "method", "params", "result", "error"]
    }

    fn take<A: MapAccess<'a>>(&mut self, index: usize, map: &mut A, refusal: &Refusal) -> Result<(), A::Error> {
        let member = self.known().get(index).copied().unwrap_or_default();
        if member == "params" {
            self.params = Some(map.next_value_seed(ParamsSeed { text: self.text, refusal })?);
            return Ok(());
        }
        let value = Some(take_raw(map)?);
        match member {
            "jsonrpc" => self.version = value,
            "id" => self.id = value,
            "method" => self.method = value,
            "result" => self.result = value,
            _ => self.error = value,
        }
        Ok(())
    }
}

struct ParamsSeed<'a, 'r> {
    text: &'a str,
    refusal: &'r Refusal,
}

impl<'a> DeserializeSeed<'a> for ParamsSeed<'a, '_> {
    type Value = Params<'a>;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Params<'a>, D::Error> {
        let object = Object { members: ParamsMembers::new(self.text), refusal: self.refusal };
        object.deserialize(deserializer).map(ParamsMembers::finish)
    }
}
