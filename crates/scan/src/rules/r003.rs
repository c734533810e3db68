//! Will a server start with a placeholder for a secret?

use super::{Example, Rule};
use crate::Case;
use crate::classify::{Class, classify};
use crate::finding::{Category, Remark, Severity};
use crate::name::{Promise, promise};

pub(super) const RULE: Rule = Rule {
    id: "R003",
    title: "a placeholder that nobody filled in",
    severity: Severity::Info,
    owasp: "MCP01:2025",
    cwe: 1188,
    advice: "fill it in with a reference, or disable the server",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"API_KEY":"your-api-key"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","disabled":true,"env":{"API_KEY":"your-api-key"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let enabled =
        case.model.servers.iter().filter(|server| server.node.member("disabled").is_none_or(|entry| entry.node.text() != Some("true")));
    enabled
        .flat_map(|server| server.environment.iter().chain(&server.headers))
        .filter(|entry| matches!(promise(&entry.name), Promise::Key | Promise::Password))
        .filter(|entry| entry.node.text().is_some_and(|text| classify(&entry.name, text).class == Class::Placeholder))
        .map(|entry| Remark::new(Category::Reference, entry.node.span.clone(), "the server starts and its first call fails"))
        .collect()
}
