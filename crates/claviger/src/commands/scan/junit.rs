//! How do build servers read findings? As a test report: each file is a test that passes, or fails once for each finding.

use std::fmt::Write as _;

use super::{Scan, text::word};

/// All findings as one suite.
pub(super) fn write(scan: &Scan) -> String {
    let mut cases = String::new();
    for file in &scan.files {
        if file.examination.findings.is_empty() {
            let _ = writeln!(cases, "  <testcase classname=\"{}\" name=\"clean\"/>", escaped(&file.name));
        }
        for finding in &file.examination.findings {
            let (line, column) = if finding.span.is_empty() { (0, 0) } else { file.position(finding.span.start) };
            let name = format!("{} at {line}:{column}", finding.rule.id);
            let message = format!("{}; {}", finding.message, finding.rule.advice);
            let _ = writeln!(
                cases,
                "  <testcase classname=\"{}\" name=\"{}\"><failure type=\"{}\" message=\"{}\"/></testcase>",
                escaped(&file.name),
                escaped(&name),
                word(finding.severity),
                escaped(&message)
            );
        }
    }
    for (path, why) in &scan.unread {
        let path = escaped(&path.display().to_string());
        let why = escaped(&why.to_string());
        let _ = writeln!(cases, "  <testcase classname=\"{path}\" name=\"read\"><error type=\"unread\" message=\"{why}\"/></testcase>");
    }
    let failures = scan.findings().count();
    let clean = scan.files.iter().filter(|file| file.examination.findings.is_empty()).count();
    let (errors, tests) = (scan.unread.len(), failures + clean + scan.unread.len());
    let suite = format!("<testsuite name=\"claviger scan\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{suite}\n{cases}</testsuite>\n")
}

/// As XML has it, without the characters that XML cannot have.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            character if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_text_of_a_finding_can_be_markup() {
        assert_eq!(escaped("a<b a=\"&\">\u{1b}\n"), "a&lt;b a=&quot;&amp;&quot;&gt;\u{fffd} ");
    }
}
