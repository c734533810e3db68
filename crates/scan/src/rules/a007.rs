//! Is authentication switched off?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::name::words;

pub(super) const RULE: Rule = Rule {
    id: "A007",
    title: "authentication is switched off",
    severity: Severity::High,
    owasp: "MCP07:2025",
    cwe: 489,
    advice: "remove the switch; use a token for development",
    example: Example { file: ".env", bad: "MCP_DEV_BYPASS=1\n", good: "MCP_DEV_BYPASS=0\n" },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let settings = case.model.settings.iter().filter(|setting| setting.place == Place::Environment);
    settings
        .filter(|setting| is_bypass(&words(&setting.name), &setting.text.to_ascii_lowercase()))
        .map(|setting| Remark::new(Category::OverbroadScope, setting.span.clone(), "everybody who can reach the server may use it"))
        .collect()
}

fn is_bypass(name: &[String], value: &str) -> bool {
    let has = |word: &str| name.iter().any(|part| part == word);
    let about = has("auth") || has("authentication") || has("oauth") || has("bypass");
    let yes = matches!(value, "1" | "true" | "yes" | "on");
    let no = matches!(value, "0" | "false" | "no" | "off" | "none");
    let off = has("disable") || has("disabled") || has("bypass") || has("skip") || has("no");
    let on = has("require") || has("required") || has("enabled") || has("enable");
    about && (off && yes || on && no)
}
