//! How is one message rewritten, whatever is changed in it?

use super::Untranslatable;
use crate::depth::{MAX_DEPTH, is_deeper_than, is_too_deep};
use crate::envelope::{EnvelopeError, ErrorObject, Kind, Message, Place};
use crate::members::Change;
use crate::raw::RawJson;
use crate::splice::splice;
use crate::strict::read_members;

/// A message that is given another id and other members.
pub(super) struct Rewrite<'a> {
    text: &'a str,
    envelope: Change<'a>,
}

impl<'a> Rewrite<'a> {
    /// Begins with the id, which is raw JSON. A message of none of these kinds is refused.
    pub(super) fn with_id(message: &Message<'a>, kinds: &[Kind], id: &str) -> Result<Self, Untranslatable> {
        let mut rewrite = Self::of(message, kinds)?;
        let now = match message.id() {
            Some(id) => Some(id),
            // An error may have none, or null.
            None => read_members(rewrite.text, Place::Envelope, &["id"])?[0],
        };
        rewrite.envelope.set("id", now, id);
        Ok(rewrite)
    }

    /// Begins with no change. A message of none of these kinds is refused.
    pub(super) fn of(message: &Message<'a>, kinds: &[Kind]) -> Result<Self, Untranslatable> {
        if !kinds.contains(&message.kind()) {
            return Err(Untranslatable::Kind);
        }
        let text = message.raw().trim_ascii();
        Ok(Self { text, envelope: Change::of(RawJson::trusted(text)) })
    }

    /// The envelope, for changes of its members.
    pub(super) fn envelope(&mut self) -> &mut Change<'a> {
        &mut self.envelope
    }

    /// Gives `error` another code.
    pub(super) fn set_code(&mut self, error: &ErrorObject<'a>, code: i64) -> Result<(), Untranslatable> {
        let [now] = read_members(error.raw().as_str(), Place::Error, &["code"])?;
        let mut change = Change::of(error.raw());
        change.set("code", now, &code.to_string());
        self.envelope.nest(change);
        Ok(())
    }

    /// The message as it is now.
    pub(super) fn finish(self) -> Result<Vec<u8>, Untranslatable> {
        let message = splice(self.text.as_bytes(), &self.envelope.into_edits());
        if is_too_deep(&message) { Err(EnvelopeError::TooDeep.into()) } else { Ok(message) }
    }
}

/// Lets a result through that will stand in a message.
pub(super) fn checked_result(result: String) -> Result<String, Untranslatable> {
    if is_deeper_than(MAX_DEPTH - 1, result.as_bytes()) { Err(EnvelopeError::TooDeep.into()) } else { Ok(result) }
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
