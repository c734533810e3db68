//! Does a template hold a value that works?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S008",
    title: "live value in a template",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 540,
    advice: "write a placeholder; templates are published",
    example: Example {
        file: ".env.example",
        bad: "GITHUB_TOKEN=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\n",
        good: "GITHUB_TOKEN=your-token-here\n",
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Template, "a template holds a value that looks live")
}
