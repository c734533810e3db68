//! How is a message changed without touching the rest of it?
//!
//! Only by replacing ranges of its bytes. Re-serialising would lose number spelling, member order and unknown members.

use std::ops::Range;

/// Replace these bytes by those.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edit {
    /// The bytes to take out, counted from the start of the text that is spliced. Empty inserts.
    pub range: Range<usize>,
    /// The bytes to put in their place. Empty deletes.
    pub replacement: Vec<u8>,
}

impl Edit {
    /// Replaces `range` by `replacement`.
    pub fn new(range: Range<usize>, replacement: impl Into<Vec<u8>>) -> Self {
        Self { range, replacement: replacement.into() }
    }

    /// The same edit for a text in which this one's text begins at byte `offset`.
    #[must_use]
    pub fn shifted(self, offset: usize) -> Self {
        Self { range: self.range.start.saturating_add(offset)..self.range.end.saturating_add(offset), ..self }
    }
}

/// Applies `edits` to `text`, in any order; every byte outside their ranges is copied unchanged.
///
/// Ranges must lie inside `text` and apart from each other, as those made by this crate do. A range that breaks this is cut
/// to what is left of `text` after the edit before it; its replacement is still put in.
pub fn splice(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    ordered.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let added: usize = edits.iter().map(|edit| edit.replacement.len()).sum();
    let mut output = Vec::with_capacity(text.len() + added);
    let mut done = 0;
    for edit in ordered {
        let start = edit.range.start.clamp(done, text.len());
        let end = edit.range.end.clamp(start, text.len());
        output.extend_from_slice(text.get(done..start).unwrap_or_default());
        output.extend_from_slice(&edit.replacement);
        done = end;
    }
    output.extend_from_slice(text.get(done..).unwrap_or_default());
    output
}

/// Where `part`, a slice borrowed from `whole`, lies in it. None when it was not borrowed from `whole`.
pub fn range_within(whole: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::{Edit, range_within, splice};

    #[test]
    fn edits_apply_in_any_order() {
        let edits = [Edit::new(4..5, "EE"), Edit::new(0..1, ""), Edit::new(2..2, "+")];
        assert_eq!(splice(b"abcdef", &edits), b"b+cdEEf");
    }

    #[test]
    fn no_edits_give_the_same_bytes() {
        assert_eq!(splice(b"abc", &[]), b"abc");
    }

    #[test]
    fn ranges_that_overlap_or_overreach_are_cut() {
        let edits = [Edit::new(1..4, "x"), Edit::new(2..5, "y"), Edit::new(90..99, "z")];
        assert_eq!(splice(b"abcdef", &edits), b"axyfz");
    }

    #[test]
    fn a_shifted_edit_applies_to_the_outer_text() {
        assert_eq!(splice(b"[abc]", &[Edit::new(1..2, "B").shifted(1)]), b"[aBc]");
    }

    #[test]
    fn a_foreign_slice_has_no_range() {
        let whole = String::from("hello world");
        let other = String::from("world");
        assert_eq!(range_within(&whole, &whole[6..]), Some(6..11));
        assert_eq!(range_within(&whole[..5], &whole[6..]), None);
        assert_eq!(range_within(&whole, &other), None);
    }
}
