//! What must hold of any text under the scanner, whichever of its readers reads it?

use scan::{FingerprintKey, Format, Source, Span, examine, values};

/// Reads, judges and holds the reader to its word.
///
/// # Panics
///
/// When a value stands on bytes that are not the file's or not whole characters, when it is far longer than what is written there, and when a report
/// could show a secret.
pub fn hold(name: &str, text: &str) {
    let format = Format::of(name);
    for (span, value) in values(text, format) {
        let written = text.get(span.clone()).unwrap_or_else(|| panic!("{span:?} is no part of the text"));
        assert!(value.len() <= LONGER * written.len() + NUMBER, "{} bytes came of {}", value.len(), written.len());
    }
    let source = Source { mode: Some(0o644), committable: Some(true), ..Source::of(name, text) };
    let examination = examine(source, &FingerprintKey::new(b"a key of the fuzzer"));
    let mut end = 0;
    for span in &examination.hidden {
        assert!(text.get(span.clone()).is_some() && span.start >= end, "{span:?} is no place of its own");
        end = span.end;
    }
    let is_hidden = |span: &Span| examination.hidden.iter().any(|hidden| hidden.start <= span.start && span.end <= hidden.end);
    for finding in &examination.findings {
        assert!(text.get(finding.span.clone()).is_some(), "{} points outside", finding.rule.id);
        assert!(finding.masked.is_none() || is_hidden(&finding.span), "{} would be shown", finding.rule.id);
    }
}

/// `\\L` of YAML is two bytes and means three.
const LONGER: usize = 2;
/// `1e9` of TOML is a number of ten digits.
const NUMBER: usize = 24;
