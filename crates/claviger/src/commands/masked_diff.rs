//! What is different between two texts of one file? A unified diff in which no secret can be read, on either side.

use std::fmt::Write as _;
use std::ops::Range;

use scan::{Examination, FingerprintKey, Policy, Source, Span, examine};
use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::scan::text::blanked;
use crate::voice::plain;

/// The diff of a file called `shown`; the last part of its path, `name`, says what it is, and the policy what else is secret.
pub(super) fn unified(shown: &str, name: &str, (before, after): (&str, &str), policy: &Policy) -> String {
    let (old, new) = (Side::read(name, before, policy), Side::read(name, after, policy));
    let shown = plain(shown);
    let mut lines = vec![format!("--- {shown}"), format!("+++ {shown}")];
    for hunk in group_diff_ops(changes(&old.lines, &new.lines), AROUND) {
        hunk_lines(&mut lines, &hunk, &old, &new);
    }
    let hidden = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    let mut text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
    if hidden > 0 {
        let _ = writeln!(text, "… and {hidden} lines more");
    }
    text
}

/// What there is to say about a text, wherever it may be kept.
pub(super) fn examined(name: &str, text: &str) -> Examination {
    examined_by(&Policy::USUAL, name, text)
}

fn examined_by(policy: &Policy, name: &str, text: &str) -> Examination {
    // No fingerprint is shown.
    examine(Source { policy, ..Source::of(name, text) }, &FingerprintKey::new(&[0; 32]))
}

/// One of the texts.
struct Side<'t> {
    /// With their ends.
    lines: Vec<&'t str>,
    /// Where they begin.
    starts: Vec<usize>,
    examination: Examination,
}

impl<'t> Side<'t> {
    fn read(name: &str, text: &'t str, policy: &Policy) -> Self {
        let examination = examined_by(policy, name, text);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut at = 0;
        let start = |line: &&str| {
            let start = at;
            at += line.len();
            start
        };
        Self { starts: lines.iter().map(start).collect(), lines, examination }
    }

    /// Lines as anybody may see them.
    fn shown(&self, sign: char, range: Range<usize>) -> impl Iterator<Item = String> {
        let lines = self.lines.iter().zip(&self.starts).take(range.end).skip(range.start);
        lines.map(move |(line, start)| {
            let bare = line.trim_end_matches(['\n', '\r']);
            let hidden: Vec<Span> = self.examination.hidden_in(bare, *start).collect();
            let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file" };
            format!("{sign}{}{end}", blanked(bare, &hidden))
        })
    }
}

/// Which lines became which.
fn changes(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let lead = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(lead..).unwrap_or_default(), new.get(lead..).unwrap_or_default());
    let trail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old_len, new_len) = (old_rest.len() - trail, new_rest.len() - trail);
    if old_len.max(new_len) < MOST_COMPARED {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    // A file that was written anew is not worth the time that finding what is left of it takes.
    vec![
        DiffOp::Equal { old_index: 0, new_index: 0, len: lead },
        DiffOp::Replace { old_index: lead, old_len, new_index: lead, new_len },
        DiffOp::Equal { old_index: lead + old_len, new_index: lead + new_len, len: trail },
    ]
}

fn hunk_lines(lines: &mut Vec<String>, hunk: &[DiffOp], old: &Side<'_>, new: &Side<'_>) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    // Of no lines, the one before is named.
    let side = |start: usize, end: usize| format!("{},{}", if start == end { start } else { start + 1 }, end - start);
    let (removed, added) = (side(first.old_range().start, last.old_range().end), side(first.new_range().start, last.new_range().end));
    lines.push(format!("@@ -{removed} +{added} @@"));
    for change in hunk {
        if matches!(change, DiffOp::Equal { .. }) {
            lines.extend(old.shown(' ', change.old_range()));
        } else {
            lines.extend(old.shown('-', change.old_range()));
            lines.extend(new.shown('+', change.new_range()));
        }
    }
}

/// Lines that are shown on either side of a change.
const AROUND: usize = 3;
/// A person reads no more.
const MOST_LINES: usize = 400;
/// Differing lines up to which they are compared one by one.
const MOST_COMPARED: usize = 4000;

#[cfg(test)]
mod tests {
    use scan::Policy;

    use super::unified;

    #[test]
    fn what_changes_is_shown_with_its_surroundings_and_without_secrets() {
        let before =
            "{\n  \"mcpServers\": {\n    \"a\": {\n      \"env\": { \"API_KEY\": \"q7Zk29xLm4Wv8Rt1Yp6Nc3Bd5Hs0Jf\" }\n    }\n  }\n}";
        let after = before.replace("    }\n  }", "    },\n    \"b\": {}\n  }");
        let diff = unified("a/mcp.json", "mcp.json", (before, &after), &Policy::USUAL);
        let expected = "--- a/mcp.json\n+++ a/mcp.json\n@@ -2,6 +2,7 @@\n   \"mcpServers\": {\n     \"a\": {\n       \"env\": { \"API_KEY\": \"{stars}\" }\n-    }\n+    },\n+    \"b\": {}\n   }\n }\n\\ No newline at end of file\n";
        assert_eq!(diff, expected.replace("{stars}", &"*".repeat(30)));
    }

    #[test]
    fn a_new_file_is_all_additions_and_a_rewritten_one_is_cut_short() {
        assert_eq!(unified("a", "a", ("", "x\n"), &Policy::USUAL), "--- a\n+++ a\n@@ -0,0 +1,1 @@\n+x\n");
        let lines = |sign: &str| (0..9000).map(|line| format!("{sign}{line}\n")).collect::<Vec<String>>().concat();
        let diff = unified("a", "a", (&lines(""), &lines("x")), &Policy::USUAL);
        assert_eq!(diff.lines().count(), 401);
        assert!(diff.ends_with("… and 17603 lines more\n"), "{}", diff.lines().last().unwrap());
    }
}
