//! Do many servers have one token?

use std::collections::BTreeMap;

use super::{Example, Rule};
use crate::Case;
use crate::classify::{Class, classify, is_reference};
use crate::document::Span;
use crate::finding::{Category, Remark, Severity};
use crate::name::{Promise, promise};

pub(super) const RULE: Rule = Rule {
    id: "A008",
    title: "one token for many servers",
    severity: Severity::Low,
    owasp: "MCP02:2025",
    cwe: 653,
    advice: "give each server a token of its own, with only what it needs",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"GH_TOKEN":"${T}"}},"b":{"command":"x","env":{"GH_TOKEN":"${T}"}},"c":{"command":"x","env":{"GH_TOKEN":"${T}"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"GH_TOKEN":"${A}"}},"b":{"command":"x","env":{"GH_TOKEN":"${B}"}},"c":{"command":"x","env":{"GH_TOKEN":"${C}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    // By what stands there, live or by reference: the first place of each, and how many servers have it.
    let mut seen: BTreeMap<&str, (Vec<usize>, Span)> = BTreeMap::new();
    for (number, server) in case.model.servers.iter().enumerate() {
        for entry in server.environment.iter().chain(&server.headers) {
            let Some(text) = entry.node.text().filter(|text| is_secret(&entry.name, text)) else { continue };
            let (servers, _) = seen.entry(text).or_insert_with(|| (Vec::new(), entry.node.span.clone()));
            if !servers.contains(&number) {
                servers.push(number);
            }
        }
    }
    let many = seen.into_values().filter(|(servers, _)| servers.len() >= MANY);
    many.map(|(servers, span)| {
        Remark::new(
            Category::RepeatedSecret,
            span,
            format!("{} servers have the same token: each of them may do what all may", servers.len()),
        )
    })
    .collect()
}

fn is_secret(name: &str, text: &str) -> bool {
    let promises = matches!(promise(name), Promise::Key | Promise::Password);
    promises && (is_reference(text) || classify(name, text).class == Class::LiveLooking)
}

const MANY: usize = 3;
