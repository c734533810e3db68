//! Is the report SARIF 2.1.0? By the schema of the standard itself, and by what a tool would do with it.

use std::fs;
use std::path::Path;
use std::process::Command;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

const TOKEN: &str = "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";
const PASSWORD: &str = "Zq81mVt4xPq7dK3mZpX91";

/// The report on some files of a folder, judged by the schema.
fn report(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.current_dir(folder).env("HOME", folder);
    let said = command.args(["scan", "--format", "sarif"]).args(arguments).output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains(TOKEN) && !said.contains(PASSWORD), "a value is in the report");
    let report: Value = serde_json::from_str(&said).unwrap();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("sarif.json", serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).unwrap()).unwrap();
    let schema = compiler.compile("sarif.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(&report, schema) {
        panic!("{error:#}");
    }
    report
}

fn results(report: &Value) -> &[Value] {
    report["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn a_report_with_everything_in_it_is_valid_and_holds_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    put(
        ".mcp.json",
        format!(
            "{{\"mcpServers\": {{\n  \"ü ✓\": {{\"command\": \"npx\", \"args\": [\"-y\", \"x\"], \"env\": {{\"GITHUB_TOKEN\": \"{TOKEN}\"}}}}\n}}}}"
        ),
    );
    put("mcp config #1%.json", format!("{{\"mcpServers\": {{\"a\": {{\"url\": \"http://u:{PASSWORD}@x.example/mcp\"}}}}}}"));
    put("mcp.toml", "not = [toml".to_owned());
    fs::write(folder.path().join("mcp-binary.json"), b"\xff\xfe").unwrap();
    let report = report(folder.path(), &["."]);
    assert!(results(&report).len() > 5, "{report:#}");
    let unread = &report["runs"][0]["invocations"][0];
    assert_eq!(unread["executionSuccessful"], false);
    assert!(unread["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap().contains("mcp-binary.json"));
    let fingerprinted = results(&report).iter().filter(|result| result["partialFingerprints"]["clavigerSecret/v1"].is_string());
    assert!(fingerprinted.count() >= 2);
}

#[test]
fn a_report_without_a_finding_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    assert!(results(&report(folder.path(), &["."])).is_empty());
}

#[test]
fn a_fix_writes_the_reference_of_the_client_and_what_it_leaves_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".vscode")).unwrap();
    let text = format!("{{\"servers\": {{\"ü\": {{\"command\": \"x\", \"env\": {{\n    \"GITHUB_TOKEN\": \"{TOKEN}\"}}}}}}}}");
    fs::write(folder.path().join(".vscode/mcp.json"), &text).unwrap();
    let report = report(folder.path(), &["."]);
    let fixed: Vec<&Value> = results(&report).iter().filter(|result| result["ruleId"] == "S001").collect();
    let [fixed] = fixed.as_slice() else { panic!("{report:#}") };
    let change = &fixed["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], ".vscode/mcp.json");
    assert_eq!(change["replacements"][0]["insertedContent"], json!({"text": "${env:GITHUB_TOKEN}"}));
    assert_eq!(applied(&text, &change["replacements"][0]), text.replace(TOKEN, "${env:GITHUB_TOKEN}"));
}

#[test]
fn where_the_text_alone_would_not_do_no_fix_is_offered() {
    let folder = tempfile::tempdir().unwrap();
    let server = |name: &str, value: &str| format!("\"{name}\": {{\"command\": \"x\", \"env\": {{\"API_TOKEN\": \"{value}\"}}}}");
    // One variable cannot be two secrets.
    fs::write(folder.path().join(".mcp.json"), format!("{{\"mcpServers\": {{{}, {}}}}}", server("a", TOKEN), server("b", PASSWORD)))
        .unwrap();
    // Nobody but a launcher resolves references for this client.
    fs::write(folder.path().join("claude_desktop_config.json"), format!("{{\"mcpServers\": {{{}}}}}", server("a", TOKEN))).unwrap();
    fs::write(folder.path().join(".env"), format!("API_TOKEN={TOKEN}\n")).unwrap();
    let report = report(folder.path(), &["."]);
    assert!(results(&report).iter().filter(|result| result["ruleId"] == "S001").count() >= 4, "{report:#}");
    assert!(results(&report).iter().all(|result| result.get("fixes").is_none()), "{report:#}");
}

/// What a tool makes of a replacement: lines and columns from one, columns in characters.
fn applied(text: &str, replacement: &Value) -> String {
    let place = |line: &str, column: &str| {
        let number = |name: &str| usize::try_from(replacement["deletedRegion"][name].as_u64().unwrap()).unwrap() - 1;
        let before: usize = text.split_inclusive('\n').take(number(line)).map(str::len).sum();
        before + text[before..].char_indices().nth(number(column)).map_or(text.len() - before, |(at, _)| at)
    };
    let (start, end) = (place("startLine", "startColumn"), place("endLine", "endColumn"));
    format!("{}{}{}", &text[..start], replacement["insertedContent"]["text"].as_str().unwrap(), &text[end..])
}
