//! Is a variable set that a file refers to?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R002",
    title: "reference to a variable that is not set",
    severity: Severity::Info,
    owasp: "MCP09:2025",
    cwe: 456,
    advice: "set it where the client is started, such as by `claviger run --env-file`",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"API_KEY":"${NOT_SET_ANYWHERE}"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"API_KEY":"${NOT_SET_ANYWHERE:-}","HOME":"${HOME}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let Some(known) = case.source.variables else { return Vec::new() };
    let entries = case.model.servers.iter().flat_map(|server| server.environment.iter().chain(&server.headers));
    entries
        .filter_map(|entry| {
            let name = variable(entry.node.text()?)?;
            (!known.contains(name)).then(|| Remark::new(Category::Reference, entry.node.span.clone(), format!("`{name}` is not set here")))
        })
        .collect()
}

/// The variable that a text refers to, if there is no default.
fn variable(text: &str) -> Option<&str> {
    let inside = text.split_once("${")?.1.split_once('}')?.0;
    let name = inside.strip_prefix("env:").unwrap_or(inside);
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty();
    let is_own = ["workspaceFolder", "workspaceFolderBasename", "userHome", "pathSeparator"].contains(&name);
    (is_name && !is_own).then_some(name)
}
