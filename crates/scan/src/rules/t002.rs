//! Does a flag allow to talk in the clear?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "T002",
    title: "http is allowed by a flag",
    severity: Severity::Low,
    owasp: "MCP07:2025",
    cwe: 319,
    advice: "drop the flag and use https",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"npx","args":["mcp-remote@0.1.38","http://mcp.example.org","--allow-http"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"npx","args":["mcp-remote@0.1.38","https://mcp.example.org"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let words = case.model.servers.iter().flat_map(|server| &server.line);
    words
        .filter(|word| word.text == "--allow-http")
        .map(|word| Remark::new(Category::Reference, word.span.clone(), "this flag lets tokens travel in the clear"))
        .collect()
}
