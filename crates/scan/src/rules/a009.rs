//! Do strangers' words, private data and freedom from questions come together?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Server;

pub(super) const RULE: Rule = Rule {
    id: "A009",
    title: "strangers' words beside private data, and no question",
    severity: Severity::Medium,
    owasp: "MCP06:2025",
    cwe: 441,
    advice: "take one of the three away: the server that reads the web, the one that has your data, or the approval",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"web":{"command":"uvx","args":["mcp-server-fetch==2025.4.7"],"autoApprove":["fetch"]},"db":{"command":"npx","args":["-y","@modelcontextprotocol/server-postgres@0.6.2","postgres://localhost/x"]}}}"#,
        good: r#"{"mcpServers":{"web":{"command":"uvx","args":["mcp-server-fetch==2025.4.7"]},"db":{"command":"npx","args":["-y","@modelcontextprotocol/server-postgres@0.6.2","postgres://localhost/x"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let servers = &case.model.servers;
    let is = |server: &Server<'_>, list: &[&str]| {
        let names = server.line.iter().take(8).map(|word| word.text.to_ascii_lowercase());
        let mut names = names.chain([server.name.to_ascii_lowercase()]).collect::<Vec<_>>().into_iter();
        names.any(|name| list.iter().any(|known| name.contains(known)))
    };
    let approved = servers.iter().find(|server| !server.approvals.is_empty() || trusts(server));
    let web = servers.iter().position(|server| is(server, STRANGERS));
    let private = servers.iter().position(|server| is(server, PRIVATE));
    match (approved, web, private) {
        (Some(approved), Some(web), Some(private)) if web != private => {
            let span = approved.approvals.first().map_or(0..0, |node| node.span.clone());
            let message = "a web page can ask for private data here, and nobody is asked before it leaves";
            vec![Remark::new(Category::ToxicSet, span, message)]
        }
        _ => Vec::new(),
    }
}

fn trusts(server: &Server<'_>) -> bool {
    server.node.member("trust").is_some_and(|entry| entry.node.text() == Some("true"))
}

const STRANGERS: &[&str] = &[
    "server-fetch",
    "mcp-fetch",
    "brave-search",
    "firecrawl",
    "tavily",
    "exa-mcp",
    "puppeteer",
    "playwright",
    "browser-use",
    "browsermcp",
    "perplexity",
    "duckduckgo",
    "reddit",
    "youtube",
];
const PRIVATE: &[&str] = &[
    "filesystem",
    "postgres",
    "sqlite",
    "mysql",
    "mongodb",
    "supabase",
    "gdrive",
    "gmail",
    "google-workspace",
    "outlook",
    "notion",
    "slack",
    "obsidian",
    "desktop-commander",
    "apple-",
    "whatsapp",
];
