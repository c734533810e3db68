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
            let (name, version) = apart(fetched.name);
            let known = KNOWN.iter().find(|known| known.name == name)?;
            let remark = |message: String| Remark::new(Category::KnownVulnerable, fetched.span.clone(), message);
            let said = format!("{}: {}", known.advisory, known.what);
            match known.end {
                End::Malicious => Some(remark(said).with_severity(Severity::Critical)),
                End::Never => Some(remark(format!("{said}; nobody mends it"))),
                End::In(mended) => version
                    .filter(|version| is_before(version, mended) && !known.spared.contains(version))
                    .map(|_| remark(format!("{said}; mended in {mended}"))),
            }
        })
        .collect()
}

/// A package and its version, as npm (`@`) and Python (`==`) write them.
fn apart(text: &str) -> (&str, Option<&str>) {
    if let Some((name, version)) = text.split_once("==") {
        return (name, Some(version));
    }
    // The first character may be the sign of a scope.
    let at = text.char_indices().skip(1).filter(|(_, character)| *character == '@').last();
    at.map_or((text, None), |(at, _)| (text.get(..at).unwrap_or(text), text.get(at + 1..)))
}

/// Numbers between dots, compared as numbers; what is no version is none.
fn is_before(version: &str, other: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> { text.split(['.', '-']).map_while(|part| part.parse().ok()).collect() };
    let (version, other) = (numbers(version), numbers(other));
    !version.is_empty() && version < other
}

/// A package with a hole.
struct Known {
    name: &'static str,
    end: End,
    /// Earlier numbers that are mended, too: of a line that ended.
    spared: &'static [&'static str],
    advisory: &'static str,
    what: &'static str,
}

/// Until when it is one.
enum End {
    /// This version is mended.
    In(&'static str),
    /// It was made to do harm.
    Malicious,
    /// Nobody looks after it any more.
    Never,
}

impl Known {
    const fn new(name: &'static str, end: End, advisory: &'static str, what: &'static str) -> Self {
        Self { name, end, spared: &[], advisory, what }
    }
}

/// As of November 2026, by published lists of advisories and the reports of those who found them.
const KNOWN: &[Known] = &[
    Known::new("mcp-remote", End::In("0.1.16"), "CVE-2025-6514", "a server that it calls runs commands here"),
    Known {
        spared: &["0.6.3", "0.6.4"],
        ..Known::new(
            "@modelcontextprotocol/server-filesystem",
            End::In("2025.7.1"),
            "CVE-2025-53109, CVE-2025-53110",
            "it reads and writes outside of the folders that it was given",
        )
    },
    Known::new("@modelcontextprotocol/inspector", End::In("0.14.1"), "CVE-2025-49596", "a web page runs commands here"),
    Known::new("@mcpjam/inspector", End::In("1.4.3"), "CVE-2026-23744", "whoever reaches it runs commands here"),
    Known::new("figma-developer-mcp", End::In("0.6.3"), "CVE-2025-53967", RUNS),
    Known::new("@cyanheads/git-mcp-server", End::In("2.1.5"), "CVE-2025-53107", RUNS),
    Known::new(
        "mcp-server-kubernetes",
        End::In("3.6.0"),
        "CVE-2025-53355, CVE-2026-46519",
        "a tool's argument runs commands here, and tools that are switched off can be called",
    ),
    Known::new("gemini-mcp-tool", End::In("1.1.6"), "CVE-2026-0755", RUNS),
    Known::new("ios-simulator-mcp", End::In("1.3.3"), "CVE-2025-52573", RUNS),
    Known::new("node-code-sandbox-mcp", End::In("1.3.0"), "CVE-2025-53372", "what runs in the sandbox gets out"),
    Known::new("adb-mcp", End::Never, "CVE-2025-59834", RUNS),
    Known::new("@playwright/mcp", End::In("0.0.40"), "CVE-2025-9611", "a web page calls its tools"),
    Known::new(
        "mcp-server-git",
        End::In("2026.1.14"),
        "CVE-2025-68143, CVE-2025-68144, CVE-2025-68145, CVE-2026-27735",
        "it reads and writes outside of the repository that it was given",
    ),
    Known::new("mcp-atlassian", End::In("0.22.0"), "CVE-2026-73498", "a tool's argument reads files of this machine"),
    Known::new(
        "@modelcontextprotocol/server-postgres",
        End::Never,
        "reported by Datadog in 2025",
        "a query leaves the transaction that may only read",
    ),
    Known::new("mcp-server-sqlite", End::Never, "reported by Trend Micro in 2025", "what is stored becomes part of a query"),
    Known::new("postmark-mcp", End::Malicious, "withdrawn from npm in September 2025", "it sent every mail to its author, too"),
    Known::new("@lanyer640/mcp-runcommand-server", End::Malicious, "reported by Koi in 2025", BACKDOOR),
    Known::new("mcp-runcmd-server", End::Malicious, "reported by JFrog in October 2025", BACKDOOR),
    Known::new("mcp-runcommand-server", End::Malicious, "reported by JFrog in October 2025", BACKDOOR),
    Known::new("mcp-runcommand-server2", End::Malicious, "reported by JFrog in October 2025", BACKDOOR),
];
const RUNS: &str = "a tool's argument runs commands here";
const BACKDOOR: &str = "it opens a shell to its author";

#[cfg(test)]
mod tests {
    use crate::{FingerprintKey, Severity, Source, examine};

    fn severity(command: &str, package: &str) -> Option<Severity> {
        let text = format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"{command}\",\"args\":[\"{package}\"]}}}}}}");
        let found = examine(Source::of(".mcp.json", &text), &FingerprintKey::new(b"key")).findings;
        found.iter().find(|finding| finding.rule.id == "P005").map(|finding| finding.severity)
    }

    #[test]
    fn a_hole_ends_with_the_version_that_mends_it_however_that_is_written() {
        for (command, package, expected) in [
            ("uvx", "mcp-server-git==2025.7.1", Some(Severity::High)),
            ("uvx", "mcp-server-git@2025.12.18", Some(Severity::High)),
            ("uvx", "mcp-server-git@2026.1.14", None),
            ("npx", "@modelcontextprotocol/server-filesystem@0.6.2", Some(Severity::High)),
            ("npx", "@modelcontextprotocol/server-filesystem@0.6.4", None),
            ("npx", "@modelcontextprotocol/server-filesystem@2025.3.28", Some(Severity::High)),
            ("npx", "@modelcontextprotocol/server-filesystem@2025.8.21", None),
            ("npx", "@modelcontextprotocol/server-filesystem", None),
            ("npx", "@modelcontextprotocol/server-postgres@0.6.2", Some(Severity::High)),
            ("npx", "postmark-mcp", Some(Severity::Critical)),
        ] {
            assert_eq!(severity(command, package), expected, "{command} {package}");
        }
    }
}
