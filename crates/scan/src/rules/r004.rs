//! Does the file say to its client what its writer thinks?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R004",
    title: "a file that its client does not understand",
    severity: Severity::Medium,
    owasp: "MCP09:2025",
    cwe: 1288,
    advice: "mend the file: a client that cannot read it starts without it",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers": {"a": {"command": "x"}"#,
        good: r#"{"mcpServers": {"a": {"command": "x"}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let mut found = Vec::new();
    if let Some(broken) = &case.document.broken {
        found.push(Remark::new(Category::Reference, broken.span.clone(), broken.to_string()));
    }
    let strange = EXPECTED.iter().filter(|(file, _)| *file == case.source.name).flat_map(|(_, wrong)| *wrong);
    found.extend(
        strange
            .filter_map(|key| case.model.root.member(key))
            .map(|entry| Remark::new(Category::Reference, entry.key.clone(), format!("this client does not look at `{}`", entry.name))),
    );
    found
}

/// Keys of other clients, by the files in which they do nothing.
const EXPECTED: &[(&str, &[&str])] = &[
    ("claude_desktop_config.json", &["servers", "mcp_servers", "context_servers"]),
    ("cline_mcp_settings.json", &["servers", "mcp_servers", "context_servers"]),
    (".mcp.json", &["servers", "mcp_servers", "context_servers"]),
];
