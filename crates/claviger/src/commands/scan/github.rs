//! How does a workflow on GitHub show findings beside the lines? By one command for each on stdout.

use std::fmt::Write as _;

use scan::Severity;

use super::Scan;

/// All findings, a line each.
pub(super) fn write(scan: &Scan) -> String {
    let mut text = String::new();
    for file in &scan.files {
        for finding in &file.examination.findings {
            let word = match finding.severity {
                Severity::Critical | Severity::High => "error",
                Severity::Medium => "warning",
                Severity::Info | Severity::Low => "notice",
            };
            let mut place = format!("file={}", property(&file.name));
            if !finding.span.is_empty() {
                let ((line, column), (end_line, end_column)) = (file.position(finding.span.start), file.position(finding.span.end));
                let _ = write!(place, ",line={line},endLine={end_line}");
                // Columns of several lines are refused.
                if line == end_line {
                    let _ = write!(place, ",col={column},endColumn={end_column}");
                }
            }
            let title = property(&format!("{} {}", finding.rule.id, finding.rule.title));
            let message = data(&format!("{}; {}", finding.message, finding.rule.advice));
            let _ = writeln!(text, "::{word} {place},title={title}::{message}");
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn no_text_of_a_finding_can_be_a_command() {
        assert_eq!(data("50%\n::error::x"), "50%25%0A::error::x");
        assert_eq!(property("a,line=1:2"), "a%2Cline=1%3A2");
    }
}
