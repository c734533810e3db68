//! Will the client send the reference itself as the token?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::name::{Promise, promise};

pub(super) const RULE: Rule = Rule {
    id: "R001",
    title: "a reference that this client does not resolve",
    severity: Severity::Medium,
    owasp: "MCP01:2025",
    cwe: 1188,
    advice: "start the server by `claviger run --`, which resolves it",
    example: Example {
        file: "claude_desktop_config.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"TOKEN":"${TOKEN}"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"LEVEL":"info"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let name = case.source.name;
    let settings = case.model.settings.iter().filter(|setting| matches!(setting.place, Place::Environment | Place::Header));
    settings
        .filter(|setting| {
            matches!(promise(&setting.name), Promise::Key | Promise::Password)
                && is_interpolation(&setting.text)
                && !resolves(name, &setting.text)
        })
        .map(|setting| Remark::new(Category::Reference, setting.span.clone(), "this client sends the reference itself as the secret"))
        .collect()
}

fn is_interpolation(text: &str) -> bool {
    text.contains("${") || text.contains("{env:")
}

/// Which reference which client resolves, by the name of its file.
fn resolves(file: &str, text: &str) -> bool {
    match file {
        "claude_desktop_config.json" | "cline_mcp_settings.json" => false,
        ".mcp.json" => !text.contains("${env:") && !text.contains("${input:") && !text.contains("{env:"),
        _ => true,
    }
}
