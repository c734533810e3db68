//! Does an address carry a secret?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S003",
    title: "secret in an address",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 598,
    advice: "send it in a header, or put the server behind the door: addresses are logged everywhere",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"url":"https://mcp.example.org/sse?api_key=ebaec200-1b91-4386-a8d0-898e5828982d"}}}"#,
        good: r#"{"mcpServers":{"a":{"url":"https://mcp.example.org/sse?api_key=${KEY}"}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Address, "an address carries a secret")
}
