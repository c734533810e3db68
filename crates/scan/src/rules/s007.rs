//! Was a secret left in a comment?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S007",
    title: "secret in a comment",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 615,
    advice: "delete the line: what is switched off still works",
    example: Example {
        file: ".env",
        bad: "# GITHUB_TOKEN=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\n",
        good: "# GITHUB_TOKEN=your-token-here\n",
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Comment, "a comment still holds a secret")
}
