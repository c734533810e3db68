//! Does a reference among the arguments put its secret where every user of the machine can list it?

use super::{Example, Rule};
use crate::Case;
use crate::classify::is_reference;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::name::{Promise, promise};

pub(super) const RULE: Rule = Rule {
    id: "S016",
    title: "reference among arguments that becomes visible",
    severity: Severity::Low,
    owasp: "MCP01:2025",
    cwe: 214,
    advice: "let the program read it from its environment",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","args":["--token","${TOKEN}"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","args":["--port","${PORT}"],"env":{"TOKEN":"${TOKEN}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let arguments = case.model.settings.iter().filter(|setting| setting.place == Place::Argument);
    arguments
        .filter(|setting| {
            matches!(promise(&setting.name), Promise::Key | Promise::Password | Promise::Wallet) && is_reference(&setting.text)
        })
        .map(|setting| {
            let message = "once the client has put the secret in, every user of the machine can list it";
            Remark::new(Category::Reference, setting.span.clone(), message)
        })
        .collect()
}
