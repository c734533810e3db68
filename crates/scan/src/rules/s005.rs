//! Is a secret folded into something else: base64, JSON in a string?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S005",
    title: "secret folded into another value",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "put it into a store (`claviger secrets put`) and write the reference that this client expands",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"url":"https://x.example","headers":{"Authorization":"Basic c3ZjLWJpbGxpbmc6Z3FrZDk3T1B0eTZ6YWsh"}}}}"#,
        good: r#"{"mcpServers":{"a":{"url":"https://x.example","headers":{"Authorization":"Basic ${PAIR}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Composite, "a secret is folded in here")
}
