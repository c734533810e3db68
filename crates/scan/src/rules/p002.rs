//! Is the image that runs tomorrow the one that runs today?

use super::launch::{Kind, fetched};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "P002",
    title: "image without digest or exact version",
    severity: Severity::Medium,
    owasp: "MCP04:2025",
    cwe: 1357,
    advice: "name the digest",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"docker","args":["run","-i","--rm","some/image:latest"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"docker","args":["run","-i","--rm","some/image@sha256:00"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let fetched = case.model.servers.iter().filter_map(fetched);
    fetched
        .filter(|fetched| fetched.kind == Kind::Image && !fetched.is_pinned())
        .map(|fetched| {
            Remark::new(Category::UnpinnedPackage, fetched.span, "whoever pushes the next image runs it here, with these secrets")
        })
        .collect()
}
