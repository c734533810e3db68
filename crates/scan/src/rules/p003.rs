//! Is what is built tomorrow the source of today?

use super::launch::fetched;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "P003",
    title: "source without a commit",
    severity: Severity::Medium,
    owasp: "MCP04:2025",
    cwe: 1357,
    advice: "name the commit",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"uvx","args":["--from","git+https://github.com/x/y","y"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"uvx","args":["--from","git+https://github.com/x/y@0123456789012345678901234567890123456789","y"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let fetched = case.model.servers.iter().filter_map(fetched);
    fetched
        .filter(|fetched| fetched.is_source() && !fetched.is_pinned())
        .map(|fetched| {
            Remark::new(Category::UnpinnedPackage, fetched.span, "whoever pushes to this repository runs it here, with these secrets")
        })
        .collect()
}
