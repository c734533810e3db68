//! Does the repository bring the program that is started?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "P007",
    title: "program that the repository brings",
    severity: Severity::Low,
    owasp: "MCP04:2025",
    cwe: 426,
    advice: "start it by a path outside of the repository, or read it at each pull: whoever changes the file runs it here",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"./tools/server.sh"}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"/usr/local/bin/server","args":["./data"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let programs = case.model.servers.iter().filter_map(|server| server.line.first());
    programs
        .filter(|word| STARTS.iter().any(|start| word.text.starts_with(start)))
        .map(|word| Remark::new(Category::RelativeCommand, word.span.clone(), "whoever can change the repository says what runs here"))
        .collect()
}

const STARTS: &[&str] = &["./", "../", ".\\", "..\\", "${workspaceFolder}/", ".venv/", "venv/", "node_modules/", "bin/", "scripts/"];
