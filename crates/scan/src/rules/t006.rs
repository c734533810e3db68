//! Is a server called by the transport that MCP has given up?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "T006",
    title: "transport that is being given up",
    severity: Severity::Info,
    owasp: "MCP07:2025",
    cwe: 477,
    advice: "use Streamable HTTP: most servers have it at `/mcp`",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"type":"sse","url":"https://mcp.example.org/sse"}}}"#,
        good: r#"{"mcpServers":{"a":{"type":"http","url":"https://mcp.example.org/mcp"}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let named = case.model.servers.iter().filter_map(|server| {
        let kind = ["type", "transport", "transportType"].iter().find_map(|name| server.node.member(name))?;
        (kind.node.text() == Some("sse")).then_some(&kind.node)
    });
    let message = "HTTP with SSE is deprecated since the revision of 2025-03-26";
    named.map(|node| Remark::new(Category::DeprecatedTransport, node.span.clone(), message)).collect()
}
