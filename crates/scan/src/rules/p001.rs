//! Is what runs tomorrow the package that runs today?

use super::launch::{Kind, fetched};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "P001",
    title: "package without an exact version",
    severity: Severity::Medium,
    owasp: "MCP04:2025",
    cwe: 1357,
    advice: "name the exact version that you have read",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","some-server@latest"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","some-server@1.2.3"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let fetched = case.model.servers.iter().filter_map(fetched);
    fetched
        .filter(|fetched| fetched.kind != Kind::Image && !fetched.is_source() && !fetched.is_pinned())
        .map(|fetched| {
            Remark::new(Category::UnpinnedPackage, fetched.span, "whoever publishes the next version runs it here, with these secrets")
        })
        .collect()
}
