//! How are members of one JSON object set and taken out without touching the others?
//!
//! By edits of its bytes. Which members there are was found by a strict reading before, so a name stands once; the spelling,
//! the order and the white space of everything else stay.

use std::ops::Range;

use crate::raw::RawJson;
use crate::splice::{Edit, range_within, splice};

/// What is to change in one object.
///
/// Members are pointed at by their values, which must be borrowed from the object: what is borrowed from elsewhere is left out.
pub(crate) struct Change<'a> {
    object: RawJson<'a>,
    /// New members as they will stand, without the commas around them.
    added: String,
    /// Where the values of the members stand that go.
    removed: Vec<Range<usize>>,
    edits: Vec<Edit>,
}

impl<'a> Change<'a> {
    /// Nothing is to change in `object` yet.
    pub(crate) fn of(object: RawJson<'a>) -> Self {
        Self { object, added: String::new(), removed: Vec::new(), edits: Vec::new() }
    }

    /// Nothing is to change yet in the object that a member has as its value; in a new object where it has none, or null.
    pub(crate) fn of_member(value: Option<RawJson<'a>>) -> Self {
        Self::of(value.filter(|value| !value.is_null()).unwrap_or(RawJson::trusted("{}")))
    }

    /// The object as it is now.
    pub(crate) fn object(&self) -> &'a str {
        self.object.as_str()
    }

    /// Gives the member `name`, which now has the value `now`, the value `value`. The name must need no escapes.
    pub(crate) fn set(&mut self, name: &str, now: Option<RawJson<'a>>, value: &str) {
        match now {
            Some(now) => self.replace(now, value),
            None => self.add(name, value),
        }
    }

    /// Gives the object the member `name` if it has none.
    pub(crate) fn set_missing(&mut self, name: &str, now: Option<RawJson<'a>>, value: &str) {
        if now.is_none() {
            self.add(name, value);
        }
    }

    /// Puts `value` in the place of the value `now`, which may stand anywhere in the object.
    pub(crate) fn replace(&mut self, now: RawJson<'a>, value: &str) {
        self.edits.extend(self.range_of(now).map(|range| Edit::new(range, value)));
    }

    /// Takes the member out that has this value.
    pub(crate) fn remove(&mut self, value: Option<RawJson<'a>>) {
        self.removed.extend(value.and_then(|value| self.range_of(value)));
    }

    /// Makes the changes of an object that stands in this one.
    pub(crate) fn nest(&mut self, inner: Change<'a>) {
        let object = inner.object;
        self.edit_within(object, inner.into_edits());
    }

    /// As [`Change::nest`]; a member that loses all that it holds goes as a whole.
    pub(crate) fn nest_or_remove(&mut self, inner: Change<'a>) {
        if inner.empties() { self.remove(Some(inner.object)) } else { self.nest(inner) }
    }

    /// Makes the changes of the object that is the value of `name`: of `now`, or of a new one ([`Change::of_member`]).
    pub(crate) fn nest_or_add(&mut self, name: &str, now: Option<RawJson<'a>>, inner: Change<'a>) {
        match now {
            Some(now) if now == inner.object => self.nest(inner),
            Some(now) => self.replace(now, &inner.apply()),
            None => self.add(name, &inner.apply()),
        }
    }

    /// Makes edits that count from the start of `part`.
    pub(crate) fn edit_within(&mut self, part: RawJson<'a>, edits: Vec<Edit>) {
        if let Some(range) = self.range_of(part) {
            self.edits.extend(edits.into_iter().map(|edit| edit.shifted(range.start)));
        }
    }

    /// Whether members go and none is left.
    pub(crate) fn empties(&self) -> bool {
        !self.removed.is_empty() && self.added.is_empty() && self.removals().1
    }

    /// The object as it is after the change.
    pub(crate) fn apply(self) -> String {
        let object = self.object.as_str();
        // What is put in is text, and so is what is left on both sides: edits stand between characters.
        String::from_utf8(splice(object.as_bytes(), &self.into_edits())).unwrap_or_default()
    }

    /// The edits, counted from the start of the object.
    pub(crate) fn into_edits(self) -> Vec<Edit> {
        let (ranges, leaves_nothing) = self.removals();
        let mut edits = self.edits;
        edits.extend(ranges.into_iter().map(|range| Edit::new(range, "")));
        if !self.added.is_empty() {
            let comma = if leaves_nothing { "" } else { "," };
            edits.push(Edit::new(1..1, self.added + comma));
        }
        edits
    }

    fn add(&mut self, name: &str, value: &str) {
        let comma = if self.added.is_empty() { "" } else { "," };
        for part in [comma, "\"", name, "\":", value] {
            self.added.push_str(part);
        }
    }

    fn range_of(&self, part: RawJson<'_>) -> Option<Range<usize>> {
        range_within(self.object.as_str(), part.as_str())
    }

    /// The bytes to take out, and whether no member is left then.
    ///
    /// A member that follows one that stays takes the comma before it along; one at the head takes the comma after it.
    fn removals(&self) -> (Vec<Range<usize>>, bool) {
        let text = self.object.as_str();
        let mut values = self.removed.clone();
        values.sort_by_key(|range| range.start);
        // Up to here nothing has stayed.
        let mut head = 1;
        let mut ranges = Vec::with_capacity(values.len());
        for value in values {
            let name = name_start(text, value.start);
            if is_blank(text, head..name) {
                head = after_comma(text, value.end);
                ranges.push(name..head);
            } else {
                ranges.push(before_comma(text, name)..value.end);
            }
        }
        let rest = text.get(head..).unwrap_or_default();
        (ranges, rest.trim_ascii_start().starts_with('}'))
    }
}

/// Where the name begins whose value begins at `value`.
fn name_start(text: &str, value: usize) -> usize {
    let before = text.get(..value).unwrap_or_default().trim_ascii_end().trim_end_matches(':').trim_ascii_end();
    let name = before.strip_suffix('"').unwrap_or(before);
    // Inside a name every quotation mark has an odd number of backslashes before it.
    let is_escaped = |at: usize| name.bytes().take(at).rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
    name.rmatch_indices('"').map(|(at, _)| at).find(|at| !is_escaped(*at)).unwrap_or(value)
}

/// The place of the comma before `end`.
fn before_comma(text: &str, end: usize) -> usize {
    let before = text.get(..end).unwrap_or_default().trim_ascii_end();
    before.len() - usize::from(before.ends_with(','))
}

/// The place after the comma that follows `start`; `start` if none follows.
fn after_comma(text: &str, start: usize) -> usize {
    let after = text.get(start..).unwrap_or_default();
    after.trim_ascii_start().strip_prefix(',').map_or(start, |rest| text.len() - rest.len())
}

fn is_blank(text: &str, range: Range<usize>) -> bool {
    text.get(range).is_none_or(|between| between.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests;
