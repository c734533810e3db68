//! Is the checksum of a token right?

use super::exposed::{Exposed, remarks};
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "S017",
    title: "token with a wrong checksum",
    severity: Severity::Low,
    owasp: "MCP01:2025",
    cwe: 798,
    advice: "if it is an example, write `your-token`; if it is real, it was cut or mistyped",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"x","env":{"GITHUB_TOKEN":"ghp_1vUDh1zYalQab5UKuDlntUjKllqeOJ4OK9Hc"}}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"x","env":{"GITHUB_TOKEN":"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"}}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    remarks(case, Exposed::Doubtful, "this has the shape of a token and a wrong checksum")
}

/// Whether a token of GitHub is none: its last six characters are a checksum of those between (CRC-32 in base 62).
pub(super) fn is_doubtful(value: &str) -> bool {
    let body = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].iter().find_map(|prefix| value.strip_prefix(prefix));
    let Some((random, checksum)) = body.filter(|body| body.len() == 36).and_then(|body| body.split_at_checked(30)) else { return false };
    base62(crc32(random.as_bytes())) != checksum
}

fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

fn base62(mut number: u32) -> String {
    let mut digits = Vec::new();
    while digits.len() < 6 {
        digits.extend(DIGITS.chars().nth((number % 62) as usize));
        number /= 62;
    }
    digits.iter().rev().collect()
}

const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
