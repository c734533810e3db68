//! Does a default credential guard something?

use super::exposed::remark;
use super::{Example, Rule};
use crate::Case;
use crate::classify::Class;
use crate::finding::{Category, Remark, Severity};
use crate::name::{Promise, promise};

pub(super) const RULE: Rule = Rule {
    id: "S009",
    title: "credential that everybody tries first",
    severity: Severity::Medium,
    owasp: "MCP07:2025",
    cwe: 1392,
    advice: "choose one by chance, and keep it in a store",
    example: Example {
        file: ".env",
        bad: "MYSQL_HOST=db.example.org\nMYSQL_PASSWORD=root\n",
        good: "MYSQL_HOST=db.example.org\nMYSQL_PASSWORD=${MYSQL_PASSWORD}\n",
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let weak = case.secrets.iter().filter(|secret| secret.verdict.class == Class::WeakDefault);
    weak.filter(|secret| promise(&secret.name) == Promise::Password)
        .map(|secret| {
            let mut remark = remark(case, secret, "a default password");
            remark.category = Category::WeakCredential;
            if secret.host.as_deref().map_or_else(|| only_loopback(case), is_loopback) {
                remark.with_severity(Severity::Info)
            } else {
                remark
            }
        })
        .collect()
}

/// Whether every host that the file names is this machine.
fn only_loopback(case: &Case<'_>) -> bool {
    let hosts = case.model.settings.iter().filter(|setting| setting.name.to_ascii_lowercase().ends_with("host"));
    hosts.map(|setting| is_loopback(&setting.text)).reduce(|one, other| one && other).unwrap_or(false)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.starts_with("127.")
}
