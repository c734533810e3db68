//! May a server change a whole database?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "A005",
    title: "database without a border",
    severity: Severity::Medium,
    owasp: "MCP02:2025",
    cwe: 250,
    advice: "let it read only, and one project only",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","@supabase/mcp-server-supabase@0.5.5"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","@supabase/mcp-server-supabase@0.5.5","--read-only","--project-ref=abc"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let mut found = Vec::new();
    for server in &case.model.servers {
        let says = |word: &str| server.line.iter().any(|each| each.text.split('=').next() == Some(word));
        let supabase = server.line.iter().find(|word| word.text.starts_with("@supabase/mcp-server-supabase"));
        let open = supabase.filter(|_| !says("--read-only") || !says("--project-ref"));
        let message = "a sentence in the data is enough to change or to read all of it";
        found.extend(open.map(|word| Remark::new(Category::DatabaseAuthority, word.span.clone(), message)));
        let address = server.node.entries().iter().find(|entry| entry.node.text().is_some_and(|text| text.contains("//mcp.supabase.com/")));
        let is_bounded = |text: &str| text.contains("read_only=true") && text.contains("project_ref=");
        let open = address.filter(|entry| !entry.node.text().is_some_and(is_bounded));
        found.extend(open.map(|entry| Remark::new(Category::DatabaseAuthority, entry.node.span.clone(), message)));
        let words = server.line.iter().filter(|word| OPEN.contains(&&*word.text));
        found.extend(words.map(|word| Remark::new(Category::DatabaseAuthority, word.span.clone(), message)));
        let variables = server.environment.iter().filter(|entry| {
            WRITING.contains(&entry.name.as_str()) && entry.node.text().is_some_and(|text| matches!(text, "true" | "1" | "yes"))
        });
        found.extend(variables.map(|entry| Remark::new(Category::DatabaseAuthority, entry.node.span.clone(), message)));
    }
    found
}

const OPEN: &[&str] = &["--access-mode=unrestricted", "unrestricted", "--allow-write", "--dangerously-allow-write-ops", "--allow-ddl"];
const WRITING: &[&str] = &[
    "ALLOW_INSERT_OPERATION",
    "ALLOW_UPDATE_OPERATION",
    "ALLOW_DELETE_OPERATION",
    "ALLOW_DDL_OPERATION",
    "DANGEROUSLY_ALLOW_WRITE_OPS",
    "MYSQL_ALLOW_WRITE",
    "ALLOW_WRITE",
];
