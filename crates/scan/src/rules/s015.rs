//! May others on the machine read a file that holds secrets?

use super::exposed::live;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S015",
    title: "file with secrets that others may read",
    severity: Severity::Medium,
    owasp: "MCP01:2025",
    cwe: 732,
    advice: "chmod 600",
    example: Example { file: ".env", bad: "GITHUB_TOKEN=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\n", good: "GITHUB_TOKEN=op://x/y/z\n" },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let Some(mode) = case.source.mode.filter(|mode| mode & OTHERS != 0) else { return Vec::new() };
    if live(case).next().is_none() {
        return Vec::new();
    }
    vec![Remark::new(Category::WorldReadable, 0..0, format!("it holds a secret and its mode is {:04o}", mode & 0o7777))]
}

const OTHERS: u32 = 0o077;
