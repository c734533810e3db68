//! Does version control have a file that holds secrets?

use super::exposed::live;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S013",
    title: "file with secrets that version control has",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 538,
    advice: "revoke the secrets at their vendors: whoever has the repository has them; then move them (`claviger scan --fix`)",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"GH":"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"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"GH":"${GH}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    if case.source.tracked != Some(true) || live(case).next().is_none() {
        return Vec::new();
    }
    vec![Remark::new(Category::Committable, 0..0, "git tracks this file, and it holds a secret")]
}
