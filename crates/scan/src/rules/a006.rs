//! Is more asked for than the tools need?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::name::words;

pub(super) const RULE: Rule = Rule {
    id: "A006",
    title: "an OAuth scope that allows everything",
    severity: Severity::Medium,
    owasp: "MCP02:2025",
    cwe: 250,
    advice: "ask for the scopes of the tools that are used",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"url":"https://x.example/mcp","scopes":["read","admin:*"]}}}"#,
        good: r#"{"mcpServers":{"a":{"url":"https://x.example/mcp","scopes":["read"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let settings = case.model.settings.iter().filter(|setting| setting.place != Place::Comment);
    settings
        .filter(|setting| words(&setting.name).last().is_some_and(|word| matches!(word.as_str(), "scope" | "scopes")))
        .filter(|setting| setting.text.split([' ', ',', '+']).any(is_broad))
        .map(|setting| Remark::new(Category::OverbroadScope, setting.span.clone(), "who steals this token may do everything"))
        .collect()
}

fn is_broad(scope: &str) -> bool {
    let scope = scope.trim().to_ascii_lowercase();
    let mut parts = scope.split([':', '.', '/']);
    let (first, last) = (parts.next().unwrap_or_default(), parts.next_back());
    EVERYTHING.contains(&scope.as_str())
        || first == "admin"
        || matches!(last, Some("*" | "admin"))
        || last == Some("all") && scope.contains("write")
}

const EVERYTHING: &[&str] = &[
    "*",
    "all",
    "delete_repo",
    "full-access",
    "full_access",
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/drive",
    "root",
    "site_admin",
    "sudo",
    "superuser",
];
