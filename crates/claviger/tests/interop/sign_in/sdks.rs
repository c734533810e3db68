//! The SDK clients with their own OAuth providers, as programs that are written with them log in.

use serde_json::{Value, json};

use super::{LETTER, Scene, TOOL, at_home, outcome_of};
use crate::support::{node, python, repository};

/// Signs in with this client, and tells what it saw.
fn sign_in(package: &str, is_python: bool) -> Value {
    let scene = Scene::open();
    let (mut command, script) = if is_python { (python(), "sign_in.py") } else { (node(), "sign_in.mjs") };
    command.arg(repository().join("interop/drivers").join(script));
    command.args([package, &scene.door.url, TOOL, &json!({"path": "letter.txt"}).to_string()]);
    let client = at_home(&mut command, scene.home());
    scene.signs_in(&client, &format!("Interop {package}"));
    let outcome = outcome_of(&client);
    for secret in outcome["secrets"].as_array().expect("a list") {
        scene.door.keep_secret(secret.as_str().expect("a text"));
    }
    let texts = outcome["texts"].as_array().expect("a list");
    assert!(texts.len() >= 2 && texts.iter().all(|text| text == LETTER), "{outcome:#}");
    assert_eq!(outcome["refreshed"], true, "{outcome:#}");
    scene.close(texts.len());
    outcome
}

/// The requests that it made until it had its first token; the drivers write them as one line each.
fn way_in(outcome: &Value) -> Vec<&str> {
    let requests = outcome["requests"].as_array().expect("a list").iter().map(|line| line.as_str().expect("a text"));
    let mut way: Vec<&str> = requests.collect();
    let token = way.iter().position(|line| *line == "POST /token authorization_code 200").expect("it got a token");
    way.truncate(token + 1);
    way
}

/// From nothing: the 401, who the server is, who its issuer is, a name of its own, a token. No guess, and no detour.
const STRAIGHT: [&str; 5] = [
    "POST /mcp/letters 401",
    "GET /.well-known/oauth-protected-resource/mcp/letters 200",
    "GET /.well-known/oauth-authorization-server 200",
    "POST /register 201",
    "POST /token authorization_code 200",
];

#[test]
fn the_typescript_sdk_logs_in_and_renews() {
    let outcome = sign_in("sdk", false);
    assert_eq!(way_in(&outcome), STRAIGHT);
    assert_eq!(outcome["state"], "as-it-was");
}

#[test]
fn the_typescript_client_logs_in_and_renews() {
    let outcome = sign_in("client", false);
    assert_eq!(way_in(&outcome), STRAIGHT);
    assert_eq!(outcome["state"], "as-it-was");
}

#[test]
fn the_python_sdk_logs_in_and_renews() {
    let outcome = sign_in("mcp", true);
    assert_eq!(way_in(&outcome), STRAIGHT);
    assert_eq!(outcome["version"], "2026-07-28");
}

// It looks at the page itself before it opens the browser, so that a registration that has ended is made anew.
#[test]
fn fastmcp_logs_in_and_renews() {
    sign_in("fastmcp", true);
}
