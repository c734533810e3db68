//! Does the file open a wallet?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S006",
    title: "key or words of a wallet",
    severity: Severity::Critical,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "move what the wallet holds to a new one, and sign where the key never leaves",
    example: Example {
        file: ".env",
        bad: "DEPLOYER_PRIVATE_KEY=0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318\n",
        good: "DEPLOYER_PRIVATE_KEY=op://vault/deployer/key\n",
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Wallet, "this opens a wallet")
}
