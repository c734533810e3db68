//! Does a server listen on every network of the machine?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;

pub(super) const RULE: Rule = Rule {
    id: "T005",
    title: "listens to everybody",
    severity: Severity::Medium,
    owasp: "MCP07:2025",
    cwe: 1327,
    advice: "bind to 127.0.0.1 and put the server behind the door",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","args":["--host","0.0.0.0"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","args":["--host","127.0.0.1"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let arguments = case.model.settings.iter().filter(|setting| matches!(setting.place, Place::Argument | Place::Environment));
    arguments
        .filter(|setting| setting.name.to_ascii_lowercase().ends_with("host") || setting.name.to_ascii_lowercase().ends_with("bind"))
        .filter(|setting| matches!(&*setting.text, "0.0.0.0" | "::" | "[::]" | "*"))
        .map(|setting| Remark::new(Category::OpenListener, setting.span.clone(), "the server listens on every network of the machine"))
        .collect()
}
