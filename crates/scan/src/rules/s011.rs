//! Does one secret stand in several places?

use super::exposed::live;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::mask::Masked;
use crate::secrets::Secret;

pub(super) const RULE: Rule = Rule {
    id: "S011",
    title: "one secret in several places",
    severity: Severity::Low,
    owasp: "MCP01:2025",
    cwe: 1391,
    advice: "keep it once and refer to it: `claviger scan --fix` does",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"GH":"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"}},"b":{"command":"y","env":{"GITHUB_TOKEN":"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"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"GH":"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"}},"b":{"command":"y","env":{"GITHUB_TOKEN":"${GH}"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let secrets: Vec<&Secret> = live(case).collect();
    let mut found = Vec::new();
    for (number, secret) in secrets.iter().enumerate() {
        let same = |other: &&&Secret| other.value == secret.value;
        let count = secrets.iter().filter(same).count();
        let is_first = secrets.iter().take(number).filter(same).count() == 0;
        if count > 1 && is_first {
            let message = format!("the same secret stands in {count} places: each has to be found when it is revoked");
            let mut remark = Remark::new(Category::RepeatedSecret, secret.span.clone(), message);
            remark.masked = Some(Masked::of(&secret.value, case.key));
            found.push(remark);
        }
    }
    found
}
