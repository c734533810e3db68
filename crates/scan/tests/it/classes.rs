//! Values by class: what is reported, and what is left alone.

use claviger_scan::{Category, FingerprintKey, Source, examine};

use crate::values::{
    BROAD, HARMLESS, HARMLESS_ADDRESSES, HARMLESS_ARGUMENTS, HARMLESS_FILES, LIVE, LIVE_ADDRESSES, LIVE_ARGUMENTS, LIVE_FILES, LONG_LIVED,
    NARROW, PINNED, SHORT_LIVED, TLS_OFF, TLS_ON, UNPINNED,
};

fn categories(name: &str, text: &str) -> Vec<(Category, usize)> {
    let source = Source { mode: Some(0o600), ..Source::of(name, text) };
    let examination = examine(source, &FingerprintKey::new(b"test"));
    examination.findings.iter().map(|finding| (finding.category, text[..finding.span.start].matches('\n').count() + 1)).collect()
}

fn is_secret(category: Category) -> bool {
    matches!(category, Category::HardcodedSecret | Category::SecretInArgs | Category::SecretInUrl)
}

/// How many secrets are seen in one file.
fn secrets(name: &str, text: &str) -> usize {
    categories(name, text).into_iter().filter(|(category, _)| is_secret(*category)).count()
}

fn server(fields: &str) -> String {
    format!(r#"{{"mcpServers":{{"a":{{{fields}}}}}}}"#)
}

fn env(name: &str, value: &str) -> String {
    server(&format!(r#""command":"x","env":{{"{name}":"{value}"}}"#))
}

fn arguments(list: &str) -> String {
    server(&format!(r#""command":"x","args":[{list}]"#))
}

#[test]
fn a_live_value_is_seen_under_any_name_that_promises_one() {
    let missed: Vec<&(&str, &str)> = LIVE.iter().filter(|(name, value)| secrets(".mcp.json", &env(name, value)) != 1).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn what_is_no_secret_is_left_alone() {
    let seen: Vec<&(&str, &str)> = HARMLESS.iter().filter(|(name, value)| secrets(".mcp.json", &env(name, value)) != 0).collect();
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn a_secret_is_seen_wherever_an_argument_may_hold_it() {
    let missed: Vec<&&str> = LIVE_ARGUMENTS.iter().filter(|list| secrets(".mcp.json", &arguments(list)) != 1).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn harmless_arguments_are_left_alone() {
    let seen: Vec<&&str> = HARMLESS_ARGUMENTS.iter().filter(|list| secrets(".mcp.json", &arguments(list)) != 0).collect();
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn a_secret_is_seen_however_a_client_or_a_tool_writes_its_files() {
    let missed: Vec<&(&str, &str)> = LIVE_FILES.iter().filter(|(name, text)| secrets(name, text) != 1).collect();
    let seen: Vec<&(&str, &str)> = HARMLESS_FILES.iter().filter(|(name, text)| secrets(name, text) != 0).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn a_secret_is_seen_in_an_address() {
    let of = |url: &str| secrets(".mcp.json", &server(&format!(r#""url":"{url}""#)));
    let missed: Vec<&&str> = LIVE_ADDRESSES.iter().filter(|url| of(url) != 1).collect();
    let seen: Vec<&&str> = HARMLESS_ADDRESSES.iter().filter(|url| of(url) != 0).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn the_check_of_certificates_is_seen_with_its_polarity() {
    let of = |(name, value): &&(&str, &str)| {
        categories(".env", &format!("{name}={value}\n")).iter().any(|(category, _)| *category == Category::TlsVerificationDisabled)
    };
    let missed: Vec<&(&str, &str)> = TLS_OFF.iter().filter(|pair| !of(pair)).collect();
    let seen: Vec<&(&str, &str)> = TLS_ON.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn a_credential_with_its_scheme_is_as_filled_in_as_it_is_without() {
    let of = |value: &str| {
        let text = server(&format!(r#""url":"https://mcp.corp.net/","headers":{{"Authorization":"{value}"}}"#));
        categories(".mcp.json", &text).iter().any(|(category, _)| *category == Category::Reference)
    };
    assert!(!of("Bearer 9d3f1c7ae25b4086bc1e7f5a90d2c483") && !of("Basic YXBwOjh4OGUwWjVPNHhQYw=="));
    assert!(of("Bearer YOUR_TOKEN"));
}

#[test]
fn a_value_that_no_rule_knows_is_hidden_where_it_looks_random() {
    let line = r#""command":"x","url":"http://mcp.corp.net/","note":"Zq81mVt4xPq7dK3mZpX91""#;
    let source = Source::of(".mcp.json", line);
    let examination = examine(source, &FingerprintKey::new(b"test"));
    let hidden: Vec<&str> = examination.hidden_in(line, 0).map(|place| &line[place]).collect();
    assert!(hidden.contains(&"Zq81mVt4xPq7dK3mZpX91"), "{hidden:?}");
}

#[test]
fn a_package_is_seen_through_shells_and_wrappers() {
    let of = |(command, list): &&(&str, &str)| {
        let text = server(&format!(r#""command":"{command}","args":[{list}]"#));
        categories(".mcp.json", &text).iter().any(|(category, _)| *category == Category::UnpinnedPackage)
    };
    let missed: Vec<&(&str, &str)> = UNPINNED.iter().filter(|pair| !of(pair)).collect();
    let seen: Vec<&(&str, &str)> = PINNED.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn a_lifetime_is_read_with_its_unit() {
    let of = |line: &&&str| categories(".env", line).iter().any(|(category, _)| *category == Category::ExcessiveTtl);
    let missed: Vec<&&str> = LONG_LIVED.iter().filter(|line| !of(line)).collect();
    let seen: Vec<&&str> = SHORT_LIVED.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn a_file_root_is_broad_when_it_holds_everything() {
    let of = |path: &&&str| {
        let text = arguments(&format!(r#""-y","@modelcontextprotocol/server-filesystem@2025.8.21","{path}""#));
        categories(".mcp.json", &text).iter().any(|(category, _)| *category == Category::BroadFilesystemRoot)
    };
    let missed: Vec<&&str> = BROAD.iter().filter(|path| !of(path)).collect();
    let seen: Vec<&&str> = NARROW.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn every_line_of_a_mnemonic_a_pem_and_a_nested_string_is_placed() {
    let text = "{\n\"mcpServers\":{\"a\":{\"command\":\"x\",\"env\":{\n\"W\":\"legal winner thank year wave sausage worth useful legal winner thank yellow\",\n\"C\":\"{\\\"token\\\":\\\"8x8e0Z5O4xPc7gHg9b\\\"}\"}}}}";
    let lines: Vec<usize> =
        categories(".mcp.json", text).into_iter().filter(|(category, _)| is_secret(*category)).map(|(_, line)| line).collect();
    assert_eq!(lines, [3, 4]);
}
