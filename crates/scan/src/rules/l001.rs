//! Does a token live longer than it has to?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::name::words;
use crate::policy::Policy;

pub(super) const RULE: Rule = Rule {
    id: "L001",
    title: "a token lives too long",
    severity: Severity::Medium,
    owasp: "MCP01:2025",
    cwe: 613,
    advice: "an hour for access tokens, 30 days for refresh tokens, 90 days for keys",
    example: Example { file: ".env", bad: "AUTH_TOKEN_TTL=604800\n", good: "AUTH_TOKEN_TTL=900\nMYSQL_CACHE_TTL=604800\n" },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let settings = case.model.settings.iter().filter(|setting| setting.place != Place::Comment);
    settings
        .filter_map(|setting| {
            let name = words(&setting.name);
            let limit = limit(&name, case.source.policy)?;
            let seconds = seconds(&setting.text, &name)?;
            (seconds > limit).then(|| {
                Remark::new(Category::ExcessiveTtl, setting.span.clone(), format!("it lives {seconds} seconds; {limit} are enough"))
            })
        })
        .collect()
}

/// What is enough for a token of this name; `None` when the name is of something else.
fn limit(name: &[String], policy: &Policy) -> Option<u64> {
    let has = |list: &[&str]| name.iter().any(|word| list.contains(&word.as_str()));
    let lives = has(&["ttl", "expires", "expiry", "expiration", "expire", "lifetime", "validity", "duration"])
        || name.windows(2).any(|pair| pair == ["max", "age"]);
    let token = has(&["token", "jwt", "access", "auth", "refresh", "oauth", "bearer"])
        || name.join("_") == "expires_in"
        || name.windows(2).any(|pair| pair == ["api", "key"]);
    if !lives || !token || has(&["cache", "timeout"]) {
        return None;
    }
    Some(if has(&["refresh"]) {
        policy.refresh_token
    } else if name.windows(2).any(|pair| pair == ["api", "key"]) {
        policy.key
    } else {
        policy.access_token
    })
}

/// A number with its unit: behind it, or in the name.
fn seconds(text: &str, name: &[String]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let unit = if unit.trim().is_empty() { name.last().map_or("", String::as_str) } else { unit.trim() };
    match unit {
        "ms" | "msec" | "milliseconds" | "millis" => Some(number / 1000),
        "m" | "min" | "mins" | "minute" | "minutes" => number.checked_mul(60),
        "h" | "hr" | "hour" | "hours" => number.checked_mul(HOUR),
        "d" | "day" | "days" => number.checked_mul(24 * HOUR),
        "w" | "week" | "weeks" => number.checked_mul(7 * 24 * HOUR),
        "y" | "year" | "years" => number.checked_mul(365 * 24 * HOUR),
        // A moment, not a span.
        _ => (number < MOMENT).then_some(number),
    }
}

const HOUR: u64 = 3600;
const MOMENT: u64 = 1_500_000_000;
