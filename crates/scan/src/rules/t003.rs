//! Is the check of certificates switched off?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::{Place, Setting};
use crate::secrets::address::Address;

pub(super) const RULE: Rule = Rule {
    id: "T003",
    title: "nobody checks certificates",
    severity: Severity::High,
    owasp: "MCP07:2025",
    cwe: 295,
    advice: "trust the certificate instead, by NODE_EXTRA_CA_CERTS or SSL_CERT_FILE",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"NODE_TLS_REJECT_UNAUTHORIZED":"0"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"NODE_TLS_REJECT_UNAUTHORIZED":"1"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let settings = case.model.settings.iter().filter(|setting| setting.place != Place::Comment);
    settings
        .filter(|setting| {
            let inner = setting.text.split_once('=').filter(|_| setting.name.is_empty() || setting.name.starts_with('-'));
            is_off(&setting.name, &setting.text)
                || inner.is_some_and(|(name, value)| is_off(name, value))
                || is_flag(setting)
                || in_address(&setting.text)
        })
        .map(|setting| Remark::new(Category::TlsVerificationDisabled, setting.span.clone(), "whoever stands in between is believed"))
        .collect()
}

/// A switch, and the side that it stands on: `VERIFY_SSL=false` and `SKIP_TLS_VERIFY=true` are the same.
fn is_off(name: &str, value: &str) -> bool {
    // The sides of a switch are short words.
    if value.len() > LONGEST_SIDE || name.is_empty() {
        return false;
    }
    let name = name.trim_start_matches('-').to_ascii_lowercase().replace(['-', '.'], "_");
    let value = value.trim().trim_matches('"').to_ascii_lowercase();
    let no = matches!(value.as_str(), "0" | "false" | "no" | "off" | "none" | "disabled" | "disable");
    let yes = matches!(value.as_str(), "1" | "true" | "yes" | "on");
    let squeezed = name.replace('_', "");
    let transport = ["ssl", "tls", "https", "cert"].iter().any(|word| squeezed.contains(word));
    let check = transport && ["verify", "verification", "validate", "check", "strict"].iter().any(|word| squeezed.contains(word))
        || squeezed.contains("rejectunauthorized");
    let negated = NEGATIONS.iter().any(|word| squeezed.contains(word));
    let skips = negated && (transport || squeezed.ends_with("insecure") || squeezed.contains("skipverify"));
    (check && !negated && no)
        || (skips && yes)
        || matches!(squeezed.as_str(), "pythonhttpsverify" | "verifyssl" | "sslverify") && no
        || squeezed == "trustservercertificate" && yes
        || squeezed.ends_with("sslmode") && UNCHECKED.contains(&value.as_str())
        || transport && squeezed.ends_with("certreqs") && no
}

fn is_flag(setting: &Setting<'_>) -> bool {
    setting.place == Place::Argument && [&*setting.name, &*setting.text].iter().any(|word| FLAGS.contains(word))
}

/// Databases are told in their address.
fn in_address(text: &str) -> bool {
    if !text.contains('=') {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let local = Address::read(text).is_some_and(|address| address.is_loopback());
    !local
        && (lower.contains("trustservercertificate=true")
            || lower.contains("trustservercertificate=yes")
            || lower.contains("://") && UNCHECKED.iter().any(|mode| lower.contains(&format!("sslmode={mode}"))))
}

const LONGEST_SIDE: usize = 16;
const NEGATIONS: &[&str] =
    &["skip", "insecure", "disable", "ignore", "noverify", "allowselfsigned", "allowinvalid", "trustall", "acceptinvalid"];
const UNCHECKED: &[&str] = &["disable", "allow", "prefer"];
const FLAGS: &[&str] = &[
    "--insecure",
    "--no-verify-ssl",
    "--no-check-certificate",
    "--skip-tls-verify",
    "--insecure-skip-tls-verify",
    "--no-ssl-verify",
    "--ignore-https-errors",
    "--ignore-certificate-errors",
    "--no-tls-verify",
    "--disable-ssl-verification",
    "--no-verify",
    "--tls-skip-verify",
];
