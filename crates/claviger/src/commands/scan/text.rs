//! How does a person read findings? Each with its line and the place underlined; what may be a secret is blanked out, wherever it stands.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use scan::{Finding, Severity, Span};

use super::{Scan, Scanned};
use crate::voice::{self, BAD, CARE, plain};

/// All findings, file by file.
pub(super) fn write(scan: &Scan) -> String {
    let mut text = String::new();
    for file in &scan.files {
        for finding in &file.examination.findings {
            finding_text(&mut text, file, finding);
        }
    }
    text
}

/// How much there was, in one line.
pub(super) fn summary(scan: &Scan, accepted: usize) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    if scan.files.is_empty() && scan.unread.is_empty() {
        return "nothing to look at: there is no configuration of an MCP client and no `.env`; a file that is named is read whatever it is called\n".to_owned();
    }
    let found = count(scan.findings().count(), "finding");
    let ignored = accepted + scan.files.iter().map(|file| file.examination.ignored).sum::<usize>();
    let accepted = if ignored == 0 { String::new() } else { format!("; {ignored} more accepted") };
    let started = if scan.asked_git { "nothing but git was started" } else { "nothing was started" };
    format!("{found} in {}{accepted}; {started} and no connection opened\n", count(scan.files.len(), "file"))
}

fn finding_text(text: &mut String, file: &Scanned, finding: &Finding) {
    let style = if finding.severity >= Severity::High { BAD } else { CARE };
    let word = word(finding.severity);
    let message = plain(&finding.message);
    let place = if finding.span.is_empty() {
        file.name.clone()
    } else {
        let (line, column) = file.position(finding.span.start);
        format!("{}:{line}:{column}", file.name)
    };
    let _ = writeln!(text, "{place}: {style}{word}:{style:#} {message} [{}]", finding.rule.id);
    text.push_str(&snippet(file, &finding.span));
    if let Some(masked) = &finding.masked {
        let _ = writeln!(text, "  = {masked}");
    }
    let _ = writeln!(text, "{}\n", voice::hint_line(finding.rule.advice));
}

pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
    }
}

/// The first line of the place, underlined.
fn snippet(file: &Scanned, span: &Span) -> String {
    let number = file.position(span.start).0;
    let (line_start, line) = file.line(number);
    if span.is_empty() || line.len() > LONGEST_LINE || line.trim().is_empty() {
        return String::new();
    }
    let hidden: Vec<Span> = file.examination.hidden_in(line, line_start).collect();
    let shown = blanked(line, &hidden);
    let characters = |bytes: usize| line.get(..bytes).map_or(0, |before| before.chars().count());
    let from = span.start - line_start;
    let to = (span.end - line_start).clamp(from, line.len());
    let offset = |count: usize| shown.char_indices().nth(count).map_or(shown.len(), |(at, _)| at);
    let underlined = offset(characters(from))..offset(characters(to));
    let snippet = Snippet::source(shown.as_str()).line_start(number).annotation(AnnotationKind::Primary.span(underlined));
    format!("{}\n", Renderer::styled().render(&[Group::with_level(Level::ERROR).element(snippet)]).trim_end())
}

/// A line with a star for each character of a hidden place and for each that could drive a terminal.
pub(in crate::commands) fn blanked(line: &str, hidden: &[Span]) -> String {
    let covered = |at: usize| hidden.iter().any(|span| span.contains(&at));
    let star =
        |(at, character): (usize, char)| if covered(at) || plain(character.encode_utf8(&mut [0; 4])).len() > 4 { '*' } else { character };
    line.char_indices().map(star).collect()
}

const LONGEST_LINE: usize = 400;
