//! Does a reference fall back to a secret?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S004",
    title: "secret as the default of a reference",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "leave the default empty: it is used whenever the variable is not there",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"GITHUB_TOKEN":"${GITHUB_TOKEN:-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}"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"GITHUB_TOKEN":"${GITHUB_TOKEN:-}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Default, "a reference falls back to a secret")
}
