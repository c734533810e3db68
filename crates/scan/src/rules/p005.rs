//! Is a package known to be bad?

use super::launch::fetched;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "P005",
    title: "package with a known hole",
    severity: Severity::High,
    owasp: "MCP04:2025",
    cwe: 1395,
    advice: "name a version that is mended",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","mcp-remote@0.1.15","https://x.example/mcp"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","mcp-remote@0.1.16","https://x.example/mcp"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let fetched = case.model.servers.iter().filter_map(fetched);
    fetched
        .filter_map(|fetched| {
            let (name, version) = fetched.name.get(1..).and_then(|rest| rest.rfind('@')).map_or((fetched.name, None), |at| {
                let (name, version) = fetched.name.split_at(at + 1);
                (name, version.strip_prefix('@'))
            });
            let known = KNOWN.iter().find(|known| known.name == name)?;
            let remark = |message: String| Remark::new(Category::KnownVulnerable, fetched.span.clone(), message);
            match (known.mended_in, version) {
                (None, _) => Some(remark(format!("{}: {}", known.advisory, known.what)).with_severity(Severity::Critical)),
                (Some(mended), Some(version)) if is_before(version, mended) => {
                    Some(remark(format!("{}: {}; mended in {mended}", known.advisory, known.what)))
                }
                _ => None,
            }
        })
        .collect()
}

/// Numbers between dots, compared as numbers; what is no version is none.
fn is_before(version: &str, other: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> { text.split(['.', '-']).map_while(|part| part.parse().ok()).collect() };
    let (version, other) = (numbers(version), numbers(other));
    !version.is_empty() && version < other
}

/// A package, and since when it can be used; `None`: never.
struct Known {
    name: &'static str,
    mended_in: Option<&'static str>,
    advisory: &'static str,
    what: &'static str,
}

/// As of November 2026.
const KNOWN: &[Known] = &[
    Known { name: "mcp-remote", mended_in: Some("0.1.16"), advisory: "CVE-2025-6514", what: "a server that it calls runs commands here" },
    Known {
        name: "@modelcontextprotocol/server-filesystem",
        mended_in: Some("2025.7.1"),
        advisory: "CVE-2025-53109, CVE-2025-53110",
        what: "it reads and writes outside of the folders that it was given",
    },
    Known {
        name: "@modelcontextprotocol/inspector",
        mended_in: Some("0.14.1"),
        advisory: "CVE-2025-49596",
        what: "a web page runs commands here",
    },
    Known {
        name: "figma-developer-mcp",
        mended_in: Some("0.6.3"),
        advisory: "CVE-2025-53967",
        what: "a tool's argument runs commands here",
    },
    Known {
        name: "@cyanheads/git-mcp-server",
        mended_in: Some("2.1.5"),
        advisory: "CVE-2025-53107",
        what: "a tool's argument runs commands here",
    },
    Known {
        name: "mcp-server-kubernetes",
        mended_in: Some("2.5.0"),
        advisory: "CVE-2025-53355",
        what: "a tool's argument runs commands here",
    },
    Known {
        name: "postmark-mcp",
        mended_in: None,
        advisory: "withdrawn from npm in September 2025",
        what: "it sent every mail to its author, too",
    },
];
