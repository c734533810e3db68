//! Will a server start with a placeholder for a secret?

use std::borrow::Cow;

use super::{Example, Rule};
use crate::Case;
use crate::classify::{Class, classify};
use crate::document::Entry;
use crate::finding::{Category, Remark, Severity};
use crate::model::{Place, Setting};
use crate::name::{Promise, promise};
use crate::secrets::unfold::unfold;

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
        .filter(|entry| is_unfilled(entry))
        .map(|entry| Remark::new(Category::Reference, entry.node.span.clone(), "the server starts and its first call fails"))
        .collect()
}

/// Judged as what its reader will make of it: `Bearer X` is as filled in as `X` is.
fn is_unfilled(entry: &Entry) -> bool {
    let Some(text) = entry.node.text() else { return false };
    let (name, span) = (Cow::Borrowed(entry.name.as_str()), entry.node.span.clone());
    let setting = Setting { name, text: Cow::Borrowed(text), span, place: Place::Environment };
    unfold(&setting).iter().any(|candidate| {
        let promises = matches!(promise(&candidate.name), Promise::Key | Promise::Password);
        promises && classify(&candidate.name, &candidate.value).class == Class::Placeholder
    })
}
