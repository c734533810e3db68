//! Holds the architecture: arrows between our crates point down only, and the pure crates stay free of network and runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may lean on whom, by package name without `claviger-`; the binary is `claviger`. The order is that of ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("oauth", &[]),
    ("mcp", &[]),
    ("token", &["oauth"]),
    ("policy", &["oauth"]),
    ("scan", &[]),
    ("outbound", &["oauth"]),
    ("store", &[]),
    ("pages", &[]),
    ("audit", &["mcp", "oauth"]),
    ("broker", &["outbound", "store", "audit", "oauth", "policy"]),
    ("issuer", &["token", "outbound", "store", "audit", "oauth", "pages"]),
    ("gateway", &["broker", "policy", "token", "outbound", "store", "pages", "audit", "oauth", "mcp"]),
    ("servers", &[]),
    ("testkit", &[]),
    (
        "claviger",
        &["issuer", "pages", "gateway", "servers", "broker", "policy", "scan", "token", "outbound", "store", "audit", "oauth", "mcp"],
    ),
];

const PURE: &[&str] = &["oauth", "mcp", "token", "policy", "scan"];
const NEVER_IN_PURE: &[&str] = &["tokio", "hyper", "reqwest", "axum"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"),
        ])
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn noun(package: &str) -> &str {
    package.strip_prefix("claviger-").unwrap_or(package)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// For each package id: its name and the ids it depends on, development dependencies left out.
fn graph(metadata: &Value) -> BTreeMap<&str, (&str, Vec<&str>)> {
    let names: BTreeMap<&str, &str> =
        metadata["packages"].as_array().unwrap().iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| {
            let normal = |dependency: &&Value| dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
            let dependencies = node["deps"].as_array().unwrap().iter().filter(normal).map(|dependency| text(dependency, "pkg")).collect();
            (text(node, "id"), (names[text(node, "id")], dependencies))
        })
        .collect()
}

#[test]
fn arrows_point_down_only() {
    let metadata = metadata();
    let graph = graph(&metadata);
    let members: BTreeSet<&str> = metadata["workspace_members"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for member in &members {
        let (name, dependencies) = &graph[member];
        let may = allowed
            .get(noun(name))
            .unwrap_or_else(|| panic!("{name} has no place in the architecture: give it one in this test and in ARCHITECTURE.md"));
        for dependency in dependencies.iter().filter(|id| members.contains(*id)) {
            let to = noun(graph[dependency].0);
            assert!(may.contains(&to), "{name} must not depend on {to}");
        }
    }
    assert_eq!(members.len(), ARROWS.len(), "the table above names exactly the crates of the workspace");
}

#[test]
fn the_pure_crates_reach_no_network_and_no_runtime() {
    let metadata = metadata();
    let graph = graph(&metadata);
    for (id, (name, _)) in graph.iter().filter(|(_, (name, _))| PURE.contains(&noun(name)) && name.starts_with("claviger")) {
        let mut seen = BTreeSet::new();
        let mut open = vec![*id];
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(graph[next].1.iter().copied());
            }
        }
        for reached in seen.iter().map(|id| graph[id].0) {
            assert!(!NEVER_IN_PURE.contains(&reached), "{name} reaches {reached}");
        }
    }
}
