//! For how long has nobody touched a file with secrets?

use super::exposed::live;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::policy::DAY;

pub(super) const RULE: Rule = Rule {
    id: "L003",
    title: "secrets that nobody has renewed",
    severity: Severity::Low,
    owasp: "MCP01:2025",
    cwe: 262,
    advice: "renew them: a key that nobody renews is one that nobody misses when it is stolen",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"GH":"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"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"GH":"${GH}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let enough = case.source.policy.key / DAY;
    let Some(days) = case.source.days_unchanged.filter(|days| *days > enough) else { return Vec::new() };
    if live(case).next().is_none() {
        return Vec::new();
    }
    let message = format!("its secrets are the same since {days} days at least; {enough} are enough");
    vec![Remark::new(Category::StaleSecret, 0..0, message)]
}
