//! Is there a login where a key is used?

use super::exposed::live;
use super::{Example, Rule};
use crate::Case;
use crate::document::{Node, Span, Value};
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "L004",
    title: "key of a vendor that has a login",
    severity: Severity::Low,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "use the address of the vendor, and log in: a token that is renewed by itself takes the place of the key",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","@supabase/mcp-server-supabase@0.5.5","--read-only","--project-ref=abc","--access-token","sbp_3bccd4daf315df02b1e9f43b98a93b687bae46cd"]}}}"#,
        good: r#"{"mcpServers":{"a":{"url":"https://mcp.supabase.com/mcp?project_ref=abc&read_only=true"}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let mut found = Vec::new();
    for server in &case.model.servers {
        let vendor = server.line.iter().find_map(|word| VENDORS.iter().find(|(package, _)| is_package(&word.text, package)));
        let Some((_, address)) = vendor else { continue };
        let inside = texts(server.node);
        let key = live(case).find(|secret| inside.contains(&secret.within));
        found.extend(key.map(|secret| {
            Remark::new(Category::StaticKey, secret.span.clone(), format!("this vendor's server at {address} needs no key"))
        }));
    }
    found
}

/// The package itself, with or without a version or a registry in front.
fn is_package(word: &str, package: &str) -> bool {
    let rest = word.rsplit_once(package).map(|(before, rest)| (before.is_empty() || before.ends_with('/'), rest));
    rest.is_some_and(|(begins, rest)| begins && (rest.is_empty() || rest.starts_with(['@', ':', '='])))
}

fn texts(node: &Node) -> Vec<Span> {
    match &node.value {
        Value::List(items) => items.iter().flat_map(texts).collect(),
        Value::Table(entries) => entries.iter().flat_map(|entry| texts(&entry.node)).collect(),
        Value::Text(_) | Value::Word(_) => vec![node.span.clone()],
    }
}

/// Packages that want a key, and the addresses at which their vendors let people log in, as of November 2026: some by the vendors' own pages, the others by catalogues of MCP servers.
const VENDORS: &[(&str, &str)] = &[
    ("@supabase/mcp-server-supabase", "https://mcp.supabase.com/mcp"),
    ("@modelcontextprotocol/server-github", "https://api.githubcopilot.com/mcp/"),
    ("github-mcp-server", "https://api.githubcopilot.com/mcp/"),
    ("linear-mcp-server", "https://mcp.linear.app/mcp"),
    ("mcp-linear", "https://mcp.linear.app/mcp"),
    ("@notionhq/notion-mcp-server", "https://mcp.notion.com/mcp"),
    ("@sentry/mcp-server", "https://mcp.sentry.dev/mcp"),
    ("mcp-atlassian", "https://mcp.atlassian.com/v1/mcp/authv2"),
    ("@stripe/mcp", "https://mcp.stripe.com"),
    ("@neondatabase/mcp-server-neon", "https://mcp.neon.tech/mcp"),
    ("figma-developer-mcp", "https://mcp.figma.com/mcp"),
    ("@mondaydotcomorg/monday-api-mcp", "https://mcp.monday.com/mcp"),
];
