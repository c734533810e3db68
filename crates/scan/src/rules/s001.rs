//! Does a secret stand in the file as it is?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S001",
    title: "literal secret in an environment, a header or a field",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "put it into a store (`claviger secrets put`) and write the reference that this client expands",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"GITHUB_TOKEN":"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"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"GITHUB_TOKEN":"${GITHUB_TOKEN}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Literal, "a secret stands here as it is")
}
