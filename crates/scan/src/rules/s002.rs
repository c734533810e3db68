//! Does a secret stand among the arguments of a program?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S002",
    title: "secret among the arguments of a program",
    severity: Severity::High,
    owasp: "MCP01:2025",
    cwe: 214,
    advice: "hand it over in the environment: every user of the machine can list arguments",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","args":["--token","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"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","args":["--token","${TOKEN}"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Argument, "a secret stands among the arguments")
}
