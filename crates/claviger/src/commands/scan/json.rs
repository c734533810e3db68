//! How does a program read findings? One object; the names stay what they are.

use serde_json::{Value, json};

use super::{Scan, Scanned};
use scan::Finding;

/// All findings as one object.
pub(super) fn write(scan: &Scan) -> String {
    let findings: Vec<Value> =
        scan.files.iter().flat_map(|file| file.examination.findings.iter().map(move |finding| one(file, finding))).collect();
    let unread: Vec<Value> =
        scan.unread.iter().map(|(path, why)| json!({"path": path.to_string_lossy(), "why": why.to_string()})).collect();
    format!("{:#}\n", json!({"version": 1, "files": scan.files.len(), "findings": findings, "unread": unread}))
}

fn one(file: &Scanned, finding: &Finding) -> Value {
    // Line 0 is the file as a whole.
    let (start, end) =
        if finding.span.is_empty() { ((0, 0), (0, 0)) } else { (file.position(finding.span.start), file.position(finding.span.end)) };
    json!({
        "path": file.path.to_string_lossy(),
        "line": start.0,
        "column": start.1,
        "endLine": end.0,
        "endColumn": end.1,
        "rule": finding.rule.id,
        "title": finding.rule.title,
        "severity": finding.severity,
        "category": finding.category,
        "message": finding.message,
        "advice": finding.rule.advice,
        "owasp": finding.rule.owasp,
        "cwe": finding.rule.cwe,
        "secret": finding.masked,
    })
}
