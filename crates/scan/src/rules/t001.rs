//! Does something travel to another machine in the clear?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::secrets::address::Address;

pub(super) const RULE: Rule = Rule {
    id: "T001",
    title: "http to another machine",
    severity: Severity::Medium,
    owasp: "MCP07:2025",
    cwe: 319,
    advice: "use https, or a tunnel that ends on this machine",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"url":"http://mcp.example.org/mcp"}}}"#,
        good: r#"{"mcpServers":{"a":{"url":"http://127.0.0.1:8080/mcp"}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let addresses = case.model.settings.iter().filter(|setting| setting.place != Place::Comment && !is_exempt(&setting.name));
    addresses
        .filter_map(|setting| {
            let text = setting.text.trim();
            let from = text.find("http://").or_else(|| text.find("ws://"))?;
            let address = Address::read(text.get(from..)?)?;
            let clear = matches!(address.scheme, "http" | "ws") && !address.is_loopback() && !address.host.is_empty();
            let known = !address.host.starts_with(['$', '{', '%']);
            (clear && known).then(|| {
                Remark::new(Category::InsecureHttp, setting.span.clone(), "what travels to this address can be read and changed on its way")
            })
        })
        .collect()
}

/// Proxies are spoken to in the clear by design; names of schemas are no addresses.
fn is_exempt(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("proxy")
        || name == "$schema"
        || name.contains("namespace")
        || name.contains("xmlns")
        || DESCRIPTIONS.iter().any(|word| name.contains(word))
}

const DESCRIPTIONS: &[&str] = &["description", "comment", "instruction", "origin", "cors", "issuer"];
