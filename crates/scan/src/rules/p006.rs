//! Is a package named almost like one that everybody knows?

use super::launch::{Kind, fetched};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "P006",
    title: "package whose name is almost another",
    severity: Severity::High,
    owasp: "MCP04:2025",
    cwe: 1357,
    advice: "look whether it is the one that you mean",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","@modelcontextprotocol/server-filesystm@2025.8.21","./src"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","@modelcontextprotocol/server-filesystem@2025.8.21","./src"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let fetched = case.model.servers.iter().filter_map(fetched).filter(|fetched| matches!(fetched.kind, Kind::Npm | Kind::Python));
    fetched
        .filter_map(|fetched| {
            let name = bare(fetched.name).to_ascii_lowercase();
            let twin = KNOWN.iter().find(|known| is_one_edit_apart(&name, known)).filter(|_| !KNOWN.contains(&name.as_str()))?;
            Some(Remark::new(Category::LookalikePackage, fetched.span, format!("one letter is between this name and `{twin}`")))
        })
        .collect()
}

/// Without the version.
fn bare(name: &str) -> &str {
    let at = name.get(1..).and_then(|rest| rest.find(['@', '=', '<', '>', '[', '~'])).map(|at| at + 1);
    at.and_then(|at| name.get(..at)).unwrap_or(name)
}

/// One letter more, fewer, other, or two exchanged.
fn is_one_edit_apart(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let ahead = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let rest = |text: &[char], skip: usize| text.get(ahead + skip..).map(<[char]>::to_vec);
    let same = |skip_one, skip_other| rest(&one, skip_one).is_some_and(|left| Some(left) == rest(&other, skip_other));
    let exchanged = one.get(ahead) == other.get(ahead + 1) && one.get(ahead + 1) == other.get(ahead) && one.len() > ahead + 1 && same(2, 2);
    one != other && (same(1, 0) || same(0, 1) || same(1, 1) || exchanged)
}

const KNOWN: &[&str] = &[
    "@modelcontextprotocol/server-filesystem",
    "@modelcontextprotocol/server-github",
    "@modelcontextprotocol/server-memory",
    "@modelcontextprotocol/server-postgres",
    "@modelcontextprotocol/server-puppeteer",
    "@modelcontextprotocol/server-sequential-thinking",
    "@modelcontextprotocol/server-slack",
    "@modelcontextprotocol/server-brave-search",
    "@modelcontextprotocol/server-everything",
    "@modelcontextprotocol/inspector",
    "@playwright/mcp",
    "@upstash/context7-mcp",
    "@supabase/mcp-server-supabase",
    "@notionhq/notion-mcp-server",
    "@brave/brave-search-mcp-server",
    "@sentry/mcp-server",
    "@21st-dev/magic",
    "@smithery/cli",
    "@stripe/mcp",
    "@neondatabase/mcp-server-neon",
    "chrome-devtools-mcp",
    "figma-developer-mcp",
    "firecrawl-mcp",
    "tavily-mcp",
    "exa-mcp-server",
    "mcp-remote",
    "supergateway",
    "task-master-ai",
    "mcp-server-fetch",
    "mcp-server-git",
    "mcp-server-sqlite",
    "mcp-server-time",
    "mcp-atlassian",
    "awslabs.core-mcp-server",
];
