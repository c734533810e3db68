//! Does a tool that changes things, or brings in the words of strangers, run without a question?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::name::words;

pub(super) const RULE: Rule = Rule {
    id: "A003",
    title: "a tool that changes things runs without a question",
    severity: Severity::High,
    owasp: "MCP02:2025",
    cwe: 863,
    advice: "take it off the list; approve it each time, or decide by policy at the door",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","autoApprove":["read_file","execute_sql"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","autoApprove":["read_file","list_tables"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let approvals = case.model.servers.iter().flat_map(|server| &server.approvals);
    let mut found: Vec<Remark> = approvals.filter(|node| node.text().is_some_and(acts)).map(|node| remark(node.span.clone())).collect();
    let trusted = case.model.servers.iter().filter_map(|server| server.node.member("trust"));
    found.extend(trusted.filter(|entry| entry.node.text() == Some("true")).map(|entry| remark(entry.node.span.clone())));
    found
}

fn remark(span: crate::document::Span) -> Remark {
    Remark::new(Category::OverbroadScope, span, "a sentence in a web page or an issue is enough to make it act")
}

/// By the verbs in its name.
fn acts(tool: &str) -> bool {
    tool == "*" || tool == "all" || words(tool).iter().any(|word| VERBS.contains(&word.as_str()))
}

const VERBS: &[&str] = &[
    "add",
    "apply",
    "approve",
    "append",
    "bash",
    "call",
    "cancel",
    "click",
    "close",
    "commit",
    "create",
    "delete",
    "deploy",
    "drop",
    "edit",
    "eval",
    "evaluate",
    "exec",
    "execute",
    "fetch",
    "fill",
    "import",
    "insert",
    "install",
    "kill",
    "merge",
    "modify",
    "move",
    "patch",
    "pause",
    "pay",
    "post",
    "publish",
    "push",
    "put",
    "remove",
    "rename",
    "replace",
    "reset",
    "restore",
    "run",
    "save",
    "scrape",
    "send",
    "set",
    "shell",
    "start",
    "stop",
    "submit",
    "terminal",
    "transfer",
    "type",
    "uninstall",
    "update",
    "upload",
    "upsert",
    "write",
    "overwrite",
    "restart",
    "trigger",
    "invoke",
    "command",
];
