//! What would a fix change? A unified diff in which no secret can be read, on either side.

use std::fmt::Write as _;
use std::ops::Range;

use scan::fix::Fixed;
use scan::{FingerprintKey, Source, Span, examine};

use super::super::Scanned;
use super::super::text::blanked;
use crate::voice::plain;

/// The diff of one file.
pub(super) fn unified(file: &Scanned, fixed: &Fixed, key: &FingerprintKey) -> String {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let after = examine(Source::of(&name, &fixed.text), key);
    let masked = |text: &str, examination: &scan::Examination| -> Vec<String> {
        let mut start = 0;
        let line = |line: &str| {
            let bare = line.trim_end_matches(['\n', '\r']);
            let hidden: Vec<Span> = examination.hidden_in(bare, start).collect();
            start += line.len();
            blanked(bare, &hidden)
        };
        text.split_inclusive('\n').map(line).collect()
    };
    let (old, new) = (masked(&file.text, &file.examination), masked(&fixed.text, &after));
    let shown = plain(&file.name);
    let mut text = format!("--- {shown}\n+++ {shown}\n");
    for hunk in hunks(&changes(&file.text, fixed), old.len()) {
        hunk_text(&mut text, &hunk, &old, &new);
    }
    text
}

/// Lines that become other lines, counted from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    old: Range<usize>,
    new: Range<usize>,
}

/// Which lines change; edits of the same or of neighbouring lines are one change.
fn changes(before: &str, fixed: &Fixed) -> Vec<Change> {
    let lines = |text: &str| text.matches('\n').count();
    let mut found: Vec<Change> = Vec::new();
    let (mut at, mut old_line, mut new_line) = (0, 0, 0);
    for edit in &fixed.edits {
        let between = lines(before.get(at..edit.span.start).unwrap_or_default());
        (old_line, new_line) = (old_line + between, new_line + between);
        let (gone, come) = (lines(before.get(edit.span.clone()).unwrap_or_default()), lines(&edit.after));
        let change = Change { old: old_line..old_line + gone + 1, new: new_line..new_line + come + 1 };
        match found.last_mut().filter(|last| last.old.end >= change.old.start) {
            Some(last) => {
                last.old.end = last.old.end.max(change.old.end);
                last.new.end = last.new.end.max(change.new.end);
            }
            None => found.push(change),
        }
        (old_line, new_line, at) = (old_line + gone, new_line + come, edit.span.end);
    }
    found
}

/// Changes whose surroundings meet stand in one hunk.
fn hunks(changes: &[Change], lines: usize) -> Vec<Vec<Change>> {
    let mut found: Vec<Vec<Change>> = Vec::new();
    for change in changes {
        let near = |hunk: &Vec<Change>| hunk.last().is_some_and(|last| last.old.end + 2 * AROUND >= change.old.start);
        match found.last_mut().filter(|hunk| near(hunk)) {
            Some(hunk) => hunk.push(change.clone()),
            None => found.push(vec![change.clone()]),
        }
    }
    found.retain(|hunk| hunk.first().is_some_and(|first| first.old.start < lines));
    found
}

fn hunk_text(text: &mut String, hunk: &[Change], old: &[String], new: &[String]) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let lead = first.old.start.min(AROUND);
    let trail = old.len().saturating_sub(last.old.end).min(AROUND);
    let side = |start: usize, end: usize| format!("{},{}", start + 1 - lead, end - start + lead + trail);
    let _ = writeln!(text, "@@ -{} +{} @@", side(first.old.start, last.old.end), side(first.new.start, last.new.end));
    let mut lines = |sign: char, side: &[String], range: Range<usize>| {
        for line in side.get(range).unwrap_or_default() {
            let _ = writeln!(text, "{sign}{line}");
        }
    };
    lines(' ', old, first.old.start - lead..first.old.start);
    for (number, change) in hunk.iter().enumerate() {
        lines('-', old, change.old.clone());
        lines('+', new, change.new.clone());
        let next = hunk.get(number + 1).map_or(change.old.end + trail, |next| next.old.start);
        lines(' ', old, change.old.end..next);
    }
}

/// Lines that are shown on either side of a change.
const AROUND: usize = 3;
