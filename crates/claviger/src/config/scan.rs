//! What does the team want of a scan? From `[scan]` to the policy that the scanner takes.

use ::scan::{Pattern, Policy, rules};

use super::fault::closest;
use super::file;
use super::judge::Judge;
use super::tree::Path;
use super::units::duration;

/// Reads `[scan]`.
pub(crate) fn policy(written: &file::Scan, judge: &mut Judge<'_>) -> Policy {
    let path = Path::default().key("scan");
    for (index, name) in written.disabled.iter().enumerate().filter(|(_, name)| rules::ALL.iter().all(|rule| rule.id != **name)) {
        let hint = closest(name, rules::ALL.iter().map(|rule| rule.id))
            .map_or_else(|| "rules are called as in the reports, such as `P002`".to_owned(), |meant| format!("did you mean `{meant}`?"));
        judge.blame_with_hint(&path.key("disabled").index(index), format!("there is no rule `{name}`"), hint);
    }
    let pattern = |(name, expression): (&String, &String)| {
        let path = path.key("patterns").key(name);
        judge.accept(&path, Pattern::new(name, expression))
    };
    let patterns = written.patterns.iter().filter_map(pattern).collect();
    let mut seconds = |key: &str, text: &Option<String>, usual: u64| {
        let read = text.as_deref().and_then(|text| judge.accept(&path.key(key), duration(text)));
        read.map_or(usual, |read| read.as_secs().max(1))
    };
    Policy {
        access_token: seconds("longest_access_token", &written.longest_access_token, Policy::USUAL.access_token),
        refresh_token: seconds("longest_refresh_token", &written.longest_refresh_token, Policy::USUAL.refresh_token),
        key: seconds("longest_key", &written.longest_key, Policy::USUAL.key),
        disabled: written.disabled.clone(),
        patterns,
        model_hosts: written.model_hosts.clone(),
    }
}
