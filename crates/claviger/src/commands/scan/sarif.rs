//! How do code hosts and editors read findings? As SARIF 2.1.0.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use scan::fix::{Launcher, Plan};
use scan::{Finding, FingerprintKey, Policy, Rule, Severity, Span, rules};
use serde_json::{Map, Value, json};

use super::{Scan, Scanned, fix};

/// All findings as one run of one tool.
pub(super) fn write(scan: &Scan) -> String {
    let results: Vec<Value> = scan.files.iter().flat_map(|file| results(scan, file)).collect();
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

fn results(scan: &Scan, file: &Scanned) -> Vec<Value> {
    let holds_secrets = file.examination.findings.iter().any(|finding| finding.masked.is_some());
    // What git has is no file that anybody could change.
    let plan = (holds_secrets && !scan.asked_git).then(|| plan(file, &scan.policy));
    file.examination.findings.iter().map(|finding| result(file, finding, plan.as_ref())).collect()
}

fn result(file: &Scanned, finding: &Finding, plan: Option<&Plan>) -> Value {
    let mut place = Map::new();
    place.insert("artifactLocation".to_owned(), artifact(file));
    if !finding.span.is_empty() {
        place.insert("region".to_owned(), region(file, &finding.span));
    }
    let fingerprints: Map<String, Value> =
        finding.masked.iter().map(|masked| ("clavigerSecret/v1".to_owned(), json!(masked.fingerprint))).collect();
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), json!(finding.rule.id));
    result.insert("level".to_owned(), json!(level(finding.severity)));
    result.insert("message".to_owned(), json!({"text": finding.message}));
    result.insert("locations".to_owned(), json!([{"physicalLocation": place}]));
    result.insert("partialFingerprints".to_owned(), json!(fingerprints));
    if let Some(fix) = plan.and_then(|plan| fix_of(file, finding, plan)) {
        result.insert("fixes".to_owned(), json!([fix]));
    }
    Value::Object(result)
}

/// The reference of the client in the place of a secret: a change of the text alone, for a tool that keeps nothing. Its words say so.
fn fix_of(file: &Scanned, finding: &Finding, plan: &Plan) -> Option<Value> {
    finding.masked.as_ref()?;
    let within = |outer: &Span| outer.start <= finding.span.start && finding.span.end <= outer.end && !finding.span.is_empty();
    let each = plan.moves.iter().find(|each| within(&each.span))?;
    let reference = plan.reference_alone(each)?;
    let replacement = json!({"deletedRegion": region(file, &each.span), "insertedContent": {"text": reference}});
    Some(json!({
        "description": {"text": "the reference that the client resolves; keep the value before: `claviger scan --fix` does both"},
        "artifactChanges": [{"artifactLocation": artifact(file), "replacements": [replacement]}],
    }))
}

fn plan(file: &Scanned, policy: &Policy) -> Plan {
    let launcher = Launcher { program: "claviger".to_owned(), arguments: vec!["run".to_owned()] };
    // No fingerprint of it is shown.
    fix::plan_of(file, policy, &launcher, false, &FingerprintKey::new(&[0; 32]))
}

fn artifact(file: &Scanned) -> Value {
    json!({"uri": utf8_percent_encode(&file.name, NOT_IN_PATHS).to_string()})
}

fn region(file: &Scanned, span: &Span) -> Value {
    let ((line, column), (end_line, end_column)) = (file.position(span.start), file.position(span.end));
    json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column})
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
