use super::{Client, Kept, Launcher, Move, Name, Plan, Reader, Unfit, Why, Wish, plan, taken_back};
use crate::{FingerprintKey, Policy, Source, examine};

const TOKEN: &str = "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";

fn launcher() -> Launcher {
    Launcher { program: "claviger".to_owned(), arguments: vec!["run".to_owned()] }
}

fn planned(folder: &str, name: &str, text: &str) -> Plan {
    let wish = Wish { name, text, client: Client::of(folder, name, text), prefers_launcher: false, policy: &Policy::USUAL };
    plan(&wish, &launcher(), &FingerprintKey::new(b"test"))
}

/// As a keeper would name them.
fn named(each: &Move) -> Name {
    let reference = format!("keychain://mcp/{}/{}", each.server.as_deref().unwrap_or("file"), each.name);
    Name { reference, variable: each.variable.clone().unwrap_or_default() }
}

/// The changed text; that it can be taken back, and that no secret is found in it, holds for all.
fn fixed(folder: &str, name: &str, text: &str) -> String {
    let plan = planned(folder, name, text);
    assert!(plan.left.is_empty(), "{:?}", plan.left.iter().map(|left| left.why).collect::<Vec<_>>());
    let names: Vec<Name> = plan.moves.iter().map(named).collect();
    let fixed = plan.carry_out(text, &names, &launcher()).unwrap();
    let kept: Vec<Kept> = plan.moves.iter().map(|each| Kept { value: each.value.clone(), as_written: each.as_written.clone() }).collect();
    assert_eq!(taken_back(&fixed.text, &fixed.reversals(), &kept).unwrap().as_str(), text);
    let again = examine(Source::of(name, &fixed.text), &FingerprintKey::new(b"test"));
    let secrets: Vec<_> = again.findings.iter().filter(|finding| finding.masked.is_some()).collect();
    assert!(secrets.is_empty(), "{secrets:?} in {}", *fixed.text);
    fixed.text.to_string()
}

#[test]
fn each_client_gets_the_reference_that_it_resolves() {
    for (folder, name, reference) in [
        ("project", ".mcp.json", "${GITHUB_TOKEN}"),
        (".cursor", "mcp.json", "${env:GITHUB_TOKEN}"),
        (".gemini", "settings.json", "${GITHUB_TOKEN}"),
    ] {
        let text = format!(r#"{{"mcpServers":{{"github":{{"command":"x","env":{{"GITHUB_TOKEN":"{TOKEN}"}}}}}}}}"#);
        assert_eq!(fixed(folder, name, &text), text.replace(TOKEN, reference));
    }
    let text = format!(
        "{{\n  \"servers\": {{ // ü\n    'a': {{ \"url\": \"https://x.example/\", \"headers\": {{ \"Authorization\": \"Bearer {TOKEN}\" }}, }},\n  }}\n}}\n"
    );
    assert_eq!(fixed(".vscode", "mcp.json", &text), text.replace(TOKEN, "${env:A_AUTHORIZATION}"));
    let text = format!(r#"{{"mcp":{{"a":{{"type":"local","command":["x"],"environment":{{"GITHUB_TOKEN":"{TOKEN}"}}}}}}}}"#);
    assert_eq!(fixed("", "opencode.json", &text), text.replace(TOKEN, "{env:GITHUB_TOKEN}"));
}

#[test]
fn a_client_that_resolves_nothing_starts_the_launcher() {
    let text = format!(
        "{{\r\n  \"mcpServers\": {{\r\n    \"github\": {{\r\n      \"command\": \"npx\",\r\n      \"args\": [\r\n        \"-y\",\r\n        \"server\"\r\n      ],\r\n      \"env\": {{ \"GITHUB_TOKEN\": \"{TOKEN}\" }}\r\n    }}\r\n  }}\r\n}}"
    );
    assert_eq!(
        fixed("Claude", "claude_desktop_config.json", &text),
        text.replace("\"npx\"", "\"claviger\"")
            .replace(TOKEN, "keychain://mcp/github/GITHUB_TOKEN")
            .replace("[\r\n        \"-y\"", "[\r\n        \"run\",\r\n        \"--\",\r\n        \"npx\",\r\n        \"-y\"")
    );
}

#[test]
fn a_command_without_arguments_a_list_of_lines_and_a_table_get_the_launcher_too() {
    let text = format!("[mcp_servers.a]\ncommand = \"node server.js\" # ü\nenv = {{ TOKEN = '{TOKEN}' }}\n");
    assert_eq!(
        fixed(".codex", "config.toml", &text),
        "[mcp_servers.a]\ncommand = \"claviger\"\nargs = [\"run\", \"--\", \"node\", \"server.js\"] # ü\nenv = { TOKEN = 'keychain://mcp/a/TOKEN' }\n"
    );
    let text =
        format!("mcpServers:\n  - name: a\n    command: npx\n    args:\n      - -y\n      - server\n    env:\n      TOKEN: {TOKEN}\n");
    assert_eq!(
        fixed(".continue", "config.yaml", &text),
        "mcpServers:\n  - name: a\n    command: \"claviger\"\n    args:\n      - \"run\"\n      - \"--\"\n      - \"npx\"\n      - -y\n      - server\n    env:\n      TOKEN: \"keychain://mcp/a/TOKEN\"\n"
    );
    let text = format!(r#"{{"context_servers":{{"a":{{"command":{{"path":"npx","args":["--token","{TOKEN}"]}}}}}}}}"#);
    assert_eq!(
        fixed(".zed", "settings.json", &text),
        r#"{"context_servers":{"a":{"command":{"path":"claviger","args":["run", "--", "npx", "--token","keychain://mcp/a/token"]}}}}"#
    );
}

#[test]
fn what_is_folded_in_is_kept_as_a_whole_and_what_stands_alone_by_itself() {
    let text = r#"{"mcpServers":{"a":{"command":"npx","args":["--config","{\"API_KEY\":\"d7d21d857a17a2044024742e482fa791efb9a64f1ab2a6420a978ee878072812\"}"]}}}"#;
    // Cursor would take our braces for its own, so the whole is kept there; Cline hands them on.
    let plan = planned(".cursor", "mcp.json", text);
    assert_eq!(plan.moves[0].value.as_str(), r#"{"API_KEY":"d7d21d857a17a2044024742e482fa791efb9a64f1ab2a6420a978ee878072812"}"#);
    assert_eq!((plan.moves[0].name.as_str(), plan.moves[0].as_written.as_ref()), ("API_KEY", None));
    assert!(fixed(".cursor", "mcp.json", text).contains(r#""--config","keychain://mcp/a/API_KEY"]"#));
    assert!(fixed("", "cline_mcp_settings.json", text).contains(r#""{\"API_KEY\":\"${keychain://mcp/a/API_KEY}\"}""#));

    let text = format!(r#"{{"mcpServers":{{"a":{{"command":"npx","args":["--token={TOKEN}","-e","KEY={TOKEN}"]}}}}}}"#);
    let fixed = fixed("", "cline_mcp_settings.json", &text);
    assert!(fixed.contains(r#""--token=${keychain://mcp/a/token}","-e","KEY=${keychain://mcp/a/KEY}"]"#), "{fixed}");
}

#[test]
fn what_cannot_be_written_again_from_its_value_is_kept_as_it_was_written() {
    let text = r#"{"mcpServers":{"a":{"command":"npx","env":{"DB_PASSWORD":"Zq81\u0021mVt4\/xPq7dK3"}}}}"#;
    let plan = planned("", "cline_mcp_settings.json", text);
    assert_eq!(plan.moves[0].value.as_str(), "Zq81!mVt4/xPq7dK3");
    assert_eq!(plan.moves[0].as_written.as_ref().unwrap().as_str(), r#""Zq81\u0021mVt4\/xPq7dK3""#);
    assert!(fixed("", "cline_mcp_settings.json", text).contains(r#""keychain://mcp/a/DB_PASSWORD""#));
}

#[test]
fn a_file_of_variables_is_for_the_launcher_and_addresses_stay_readable() {
    let blanks = "API_KEY=q7dK3mZpX91LwTnV4cRb8yHs2Gf\nDRIVER={ODBC Driver 17}\n";
    assert_eq!(fixed("project", ".env", blanks), "API_KEY=keychain://mcp/file/API_KEY\nDRIVER=\"{ODBC Driver 17}\"\n");
    let text = "# ü\nDATABASE_URL=\"postgres://app:8x8e0Z5O4xPc7gHg9b@db.corp.example/app?sslmode=require\"\nexport API_KEY=q7dK3mZpX91LwTnV4cRb8yHs2Gf # live\n";
    assert_eq!(
        fixed("project", ".env", text),
        "# ü\nDATABASE_URL=\"postgres://app:${keychain://mcp/file/DATABASE_URL_PASSWORD}@db.corp.example/app?sslmode=require\"\nexport API_KEY=keychain://mcp/file/API_KEY # live\n"
    );
    assert!(planned("project", ".env", text).moves.iter().all(|each| each.reader == Reader::EnvironmentFile));
}

#[test]
fn an_address_in_toml_becomes_a_bridge_too() {
    let lines = format!(
        "# ü\n[mcp_servers.a]\nurl = \"https://x.example/mcp\" # ours\nhttp_headers = {{ \"X-Api-Key\" = \"{TOKEN}\" }}\ntool_timeout_sec = 60\n"
    );
    let called = "[\"run\", \"--env\", \"CLAVIGER_SECRET_1=keychain://mcp/a/X-Api-Key\", \"--\", \"claviger\", \"bridge\", \"https://x.example/mcp\", \"--header\", \"X-Api-Key: ${CLAVIGER_SECRET_1}\"]";
    let expected = format!("# ü\n[mcp_servers.a]\ncommand = \"claviger\"\nargs = {called} # ours\ntool_timeout_sec = 60\n");
    assert_eq!(fixed(".codex", "config.toml", &lines), expected);
    let flow = format!("mcp_servers = {{ a = {{ url = \"https://x.example/mcp\", http_headers = {{ \"X-Api-Key\" = \"{TOKEN}\" }} }} }}\n");
    let expected = format!("mcp_servers = {{ a = {{ command = \"claviger\", args = {called} }} }}\n");
    assert_eq!(fixed(".codex", "config.toml", &flow), expected);
    let apart = format!("[mcp_servers.a]\nurl = \"https://x.example/mcp\"\n[mcp_servers.a.http_headers]\nX-Api-Key = \"{TOKEN}\"\n");
    let plan = planned(".codex", "config.toml", &apart);
    assert_eq!(plan.left.iter().map(|left| left.why).collect::<Vec<_>>(), [Why::Address]);
}

#[test]
fn a_server_behind_an_address_is_called_by_the_bridge_where_its_client_resolves_nothing() {
    let text = format!(
        "{{\n  \"mcpServers\": {{\n    \"a\": {{\n      \"type\": \"streamableHttp\",\n      \"url\": \"https://x.example/mcp\",\n      \"headers\": {{\n        \"Authorization\": \"Bearer {TOKEN}\",\n        \"X-Team\": \"blue\"\n      }},\n      \"disabled\": false\n    }}\n  }}\n}}\n"
    );
    assert_eq!(
        fixed("", "cline_mcp_settings.json", &text),
        "{\n  \"mcpServers\": {\n    \"a\": {\n      \"type\": \"stdio\",\n      \"command\": \"claviger\",\n      \"args\": [\"run\", \"--env\", \"CLAVIGER_SECRET_1=keychain://mcp/a/Authorization\", \"--\", \"claviger\", \"bridge\", \"https://x.example/mcp\", \"--header\", \"Authorization: Bearer ${CLAVIGER_SECRET_1}\", \"--header\", \"X-Team: blue\"],\n      \"disabled\": false\n    }\n  }\n}\n"
    );
    let text = r#"{"mcpServers":{"a":{"headers":{"X-Api-Key":"q7dK3mZpX91LwTnV4cRb8yHs2Gf"},"serverUrl":"https://x.example/mcp?api_key=ebaec200-1b91-4386-a8d0-898e5828982d"}}}"#;
    assert_eq!(
        fixed("Claude", "claude_desktop_config.json", text),
        r#"{"mcpServers":{"a":{"command": "claviger", "args": ["run", "--env", "CLAVIGER_SECRET_1=keychain://mcp/a/X-Api-Key", "--", "claviger", "bridge", "https://x.example/mcp?api_key=${keychain://mcp/a/api_key}", "--header", "X-Api-Key: ${CLAVIGER_SECRET_1}"]}}}"#
    );
}

#[test]
fn the_door_resolves_its_own_references() {
    let text = format!(
        "[servers.a]\ncommand = [\"npx\", \"--token={TOKEN}\"]\nenv = {{ GH = \"{TOKEN}\" }}\n\n[servers.b]\nurl = \"https://x.example/\"\nheaders = {{ Authorization = \"Bearer {TOKEN}\" }}\n"
    );
    assert_eq!(
        fixed("project", "claviger.toml", &text),
        "[servers.a]\ncommand = [\"npx\", \"--token=${keychain://mcp/a/token}\"]\nenv = { GH = \"keychain://mcp/a/GH\" }\n\n[servers.b]\nurl = \"https://x.example/\"\nheaders = { Authorization = \"Bearer ${keychain://mcp/b/Authorization}\" }\n"
    );
}

#[test]
fn a_comment_loses_its_secret_and_stays_a_comment() {
    let text = format!("{{ \"servers\": {{ // \"GITHUB_TOKEN\": \"{TOKEN}\"\n \"a\": {{ \"url\": \"https://x.example/\" }} }} }}");
    assert_eq!(fixed(".vscode", "mcp.json", &text), text.replace(TOKEN, "keychain://mcp/file/GITHUB_TOKEN"));
}

#[test]
fn what_nobody_would_resolve_stays_and_says_why() {
    let why = |folder: &str, name: &str, text: &str| {
        let plan = planned(folder, name, text);
        assert!(plan.moves.is_empty());
        plan.left.first().map(|left| left.why)
    };
    let of = |server: &str| format!(r#"{{"mcpServers":{{"a":{}}}}}"#, server.replace("TOKEN", TOKEN));
    let cline = "cline_mcp_settings.json";
    assert_eq!(why("", cline, &of(r#"{"url":"https://x.example/sse","headers":{"Authorization":"Bearer TOKEN"}}"#)), Some(Why::Address));
    assert_eq!(why("", cline, &of(r#"{"url":"https://x.example/","oauth":{"clientSecret":"TOKEN"}}"#)), Some(Why::Address));
    assert_eq!(
        why("", cline, &of(r#"{"url":"https://x.example/","headers":{"X":"$X","Authorization":"Bearer TOKEN"}}"#)),
        Some(Why::Address)
    );
    assert_eq!(why("", cline, &of(r#"{"command":"npx server --token TOKEN"}"#)), Some(Why::Command));
    assert_eq!(why("", cline, &of(r#"{"command":"x","env":{"GH":"TOKEN","DATA":"file:///data"}}"#)), Some(Why::ForeignReference));
    assert_eq!(why("", cline, &of(r#"{"command":"x","env":{"GH":"TOKEN"}"#)), Some(Why::NotParsed));
    assert_eq!(why(".claude", "settings.json", &format!(r#"{{"env":{{"GITHUB_TOKEN":"{TOKEN}"}}}}"#)), Some(Why::NoReader));
}

#[test]
fn a_server_that_is_launched_already_is_not_launched_twice() {
    let text = format!(r#"{{"mcpServers":{{"a":{{"command":"claviger","args":["run","--","x"],"env":{{"GH":"{TOKEN}"}}}}}}}}"#);
    assert_eq!(fixed("", "cline_mcp_settings.json", &text), text.replace(TOKEN, "keychain://mcp/a/GH"));
    let wish =
        Wish { name: "cline_mcp_settings.json", text: &text, client: Client::Verbatim, prefers_launcher: false, policy: &Policy::USUAL };
    let other = Launcher { program: "claviger".to_owned(), arguments: vec!["run".to_owned(), "--keychain".to_owned(), "file".to_owned()] };
    assert_eq!(plan(&wish, &other, &FingerprintKey::new(b"test")).left[0].why, Why::OtherLauncher);
}

#[test]
fn a_reference_that_would_change_the_file_is_refused() {
    let text = format!("[mcp_servers.a]\ncommand = \"x\"\nenv = {{ TOKEN = '{TOKEN}' }}\n");
    let plan = planned(".codex", "config.toml", &text);
    let name = Name { reference: "keychain://it's".to_owned(), variable: String::new() };
    assert_eq!(plan.carry_out(&text, &[name], &launcher()).err(), Some(Unfit::Meaning));
}
