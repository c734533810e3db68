//! Does a permission or a hook hold a secret?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S012",
    title: "secret in a permission or a hook",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "let the command read it from its environment",
    example: Example {
        file: "settings.json",
        bad: r#"{"permissions":{"allow":["Bash(curl -H 'Authorization: Bearer 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' https://api.github.com/user)"]}}"#,
        good: r#"{"permissions":{"allow":["Bash(curl -H 'Authorization: Bearer $GH' https://api.github.com/user)"]}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Permission, "a command that was approved holds a secret")
}
