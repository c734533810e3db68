//! How do code hosts and editors read findings? As SARIF 2.1.0.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use scan::{Finding, Rule, Severity, rules};
use serde_json::{Map, Value, json};

use super::{Scan, Scanned};

/// All findings as one run of one tool.
pub(super) fn write(scan: &Scan) -> String {
    let results: Vec<Value> =
        scan.files.iter().flat_map(|file| file.examination.findings.iter().map(move |finding| result(file, finding))).collect();
    let notifications: Vec<Value> = scan
        .unread
        .iter()
        .map(|(path, why)| json!({"level": "error", "message": {"text": format!("`{}` was not read: {why}", path.display())}}))
        .collect();
    let driver = json!({
        "name": "claviger",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules::ALL.iter().map(rule).collect::<Vec<Value>>(),
    });
    let run = json!({
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": scan.unread.is_empty(), "toolExecutionNotifications": notifications}],
        "results": results,
    });
    format!("{:#}\n", json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}))
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.advice},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"tags": ["security", rule.owasp, format!("external/cwe/cwe-{}", rule.cwe)], "security-severity": score(rule.severity)},
    })
}

fn result(file: &Scanned, finding: &Finding) -> Value {
    let mut place = Map::new();
    place.insert("artifactLocation".to_owned(), json!({"uri": utf8_percent_encode(&file.name, NOT_IN_PATHS).to_string()}));
    if !finding.span.is_empty() {
        let (line, column) = file.position(finding.span.start);
        let (end_line, end_column) = file.position(finding.span.end);
        let region = json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column});
        place.insert("region".to_owned(), region);
    }
    let fingerprints: Map<String, Value> =
        finding.masked.iter().map(|masked| ("clavigerSecret/v1".to_owned(), json!(masked.fingerprint))).collect();
    json!({
        "ruleId": finding.rule.id,
        "level": level(finding.severity),
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": fingerprints,
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Info | Severity::Low => "note",
    }
}

/// As code hosts sort by it.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Info => "1.0",
        Severity::Low => "3.0",
        Severity::Medium => "5.5",
    }
}

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const NOT_IN_PATHS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'\\').add(b'`').add(b'{').add(b'}');
