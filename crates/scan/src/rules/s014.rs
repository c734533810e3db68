//! Would version control take in a file that holds secrets?

use super::exposed::live;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S014",
    title: "file with secrets that version control would take in",
    severity: Severity::Medium,
    owasp: "MCP01:2025",
    cwe: 538,
    advice: "add the file to .gitignore",
    example: Example { file: ".env", bad: "GITHUB_TOKEN=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\n", good: "GITHUB_TOKEN=op://x/y/z\n" },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    if case.source.committable != Some(true) || live(case).next().is_none() {
        return Vec::new();
    }
    vec![Remark::new(Category::Committable, 0..0, "no .gitignore covers this file, and it holds a secret")]
}
