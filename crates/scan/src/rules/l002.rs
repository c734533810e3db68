//! Does a signed token ever end?

use super::exposed::live;
use super::{Example, Rule};
use crate::Case;
use crate::classify::claims;
use crate::finding::{Category, Remark, Severity};
use crate::policy::DAY;

pub(super) const RULE: Rule = Rule {
    id: "L002",
    title: "signed token without an end, or with a late one",
    severity: Severity::Medium,
    owasp: "MCP01:2025",
    cwe: 613,
    advice: "have one issued that ends after 90 days at most, or one that is renewed by itself",
    example: Example {
        file: ".env",
        bad: "N8N_API_KEY=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI2MTdhMzQ1ZiIsImlzcyI6Im44biIsImlhdCI6MTc0MTc0MzAwM30.GVPJO5b-ti0JeqAlrIdJmXI2zWpNgZRdd7zQlKsYL9I\n",
        good: "N8N_API_KEY=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI2MTdhMzQ1ZiIsImlzcyI6Im44biIsImlhdCI6MTc0MTc0MzAwMywiZXhwIjoxNzQxNzQ2NjAzfQ.GVPJO5b-ti0JeqAlrIdJmXI2zWpNgZRdd7zQlKsYL9I\n",
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let tokens = live(case).filter_map(|secret| Some((secret, claims(&secret.value)?)));
    tokens
        .filter_map(|(secret, claims)| {
            let moment = |name: &str| claims.get(name).and_then(serde_json::Value::as_u64);
            let message = match (moment("iat"), moment("exp")) {
                (_, None) => "this token has no end: whoever has it once has it for ever".to_owned(),
                (Some(issued), Some(end)) if end.saturating_sub(issued) > case.source.policy.key => {
                    format!("this token lives {} days; {} are enough", (end - issued) / DAY, case.source.policy.key / DAY)
                }
                _ => return None,
            };
            Some(Remark::new(Category::UnendingToken, secret.span.clone(), message))
        })
        .collect()
}
