//! Each client's file takes the entry in the client's own way, keeps everything else, and comes back byte for byte.

use crate::home::{Home, program, read};

/// What the client is called, where its file is, the file, and what it is then.
struct Host {
    client: &'static str,
    options: &'static str,
    place: &'static str,
    before: &'static str,
    after: &'static str,
}

macro_rules! host {
    ($client:literal, $options:literal, $place:literal, $folder:literal, $name:literal) => {
        Host {
            client: $client,
            options: $options,
            place: $place,
            before: include_str!(concat!("hosts/", $folder, "/before/", $name)),
            after: include_str!(concat!("hosts/", $folder, "/after/", $name)),
        }
    };
}

#[cfg(target_os = "macos")]
const DESKTOP: &str = "Library/Application Support/Claude/claude_desktop_config.json";
#[cfg(not(target_os = "macos"))]
const DESKTOP: &str = ".config/Claude/claude_desktop_config.json";

fn hosts() -> Vec<Host> {
    let mut hosts = vec![
        host!("claude-code", "", ".claude.json", "claude-code", "claude.json"),
        host!("claude-code", " --scope project --profile work", "project/.mcp.json", "claude-code-project", "mcp.json"),
        host!("codex", "", ".codex/config.toml", "codex", "config.toml"),
        host!("codex", " --direct --scope project", "project/.codex/config.toml", "codex-project", "config.toml"),
        host!("cursor", "", ".cursor/mcp.json", "cursor", "mcp.json"),
        host!("gemini", " --direct", ".gemini/settings.json", "gemini", "settings.json"),
        host!("vscode", " --scope project", "project/.vscode/mcp.json", "vscode", "mcp.json"),
        host!("windsurf", " --direct", ".codeium/windsurf/mcp_config.json", "windsurf", "mcp_config.json"),
    ];
    hosts.push(Host { place: DESKTOP, ..host!("claude-desktop", "", "", "claude-desktop", "claude_desktop_config.json") });
    hosts
}

fn with_program(text: &str) -> String {
    text.replace("/usr/local/bin/claviger", program().to_str().unwrap())
}

#[test]
fn each_client_gets_the_entry_in_its_own_words_and_its_file_back() {
    for newline in ["\n", "\r\n"] {
        for host in hosts() {
            let home = Home::new();
            // An empty file says nothing about its line ends.
            let newline = if host.before.is_empty() { "\n" } else { newline };
            let (before, after) = (host.before.replace('\n', newline), with_program(host.after).replace('\n', newline));
            let file = home.write(host.place, &before);
            home.done(&format!("{} https://mcp.example.com/mcp --yes{}", host.client, host.options));
            assert_eq!(read(&file), after, "{} in {}", host.client, host.place);
            let again = home.done(&format!("{} https://mcp.example.com/mcp --yes{}", host.client, host.options));
            assert!(again.talk.ends_with("already\n"), "{again:?}");
            home.done(&format!("{} --undo", host.client));
            assert_eq!(read(&file), before, "{} in {}", host.client, host.place);
            assert_eq!(home.setup(&format!("{} --undo", host.client)).code, 1);
        }
    }
}

#[test]
fn a_client_without_a_file_gets_one_and_loses_it_again() {
    for host in hosts() {
        let home = Home::new();
        let file = home.at(host.place);
        home.done(&format!("{} https://mcp.example.com/mcp --yes{}", host.client, host.options));
        let said = read(&file);
        let printed = home.done(&format!("{} https://mcp.example.com/mcp --print{}", host.client, host.options));
        assert_eq!(printed.data, said);
        home.done(&format!("{} --undo", host.client));
        assert!(!file.exists());
        let left = walk(&home.at(""));
        assert!(left.iter().all(|path| path.contains(".local")), "folders are left behind: {left:?}");
    }
}

#[test]
fn a_long_history_comes_back_too() {
    let home = Home::new();
    // More than is sealed at once.
    let projects: Vec<String> =
        (0..20_000).map(|number| format!("    \"/home/ann/{number}\": {{ \"lastCost\": 0.{number}, \"é\": [] }}")).collect();
    let text = format!("{{\n  \"projects\": {{\n{}\n  }}\n}}\n", projects.join(",\n"));
    let file = home.write(".claude.json", &text);
    home.done("claude-code https://mcp.example.com/mcp --yes");
    assert_eq!(read(&file).len() - text.len(), ENTRY.len() + program().to_str().unwrap().len());
    home.done("claude-code --undo");
    assert!(read(&file) == text);
}

const ENTRY: &str = ",\n  \"mcpServers\": {\n    \"example\": {\n      \"type\": \"stdio\",\n      \"command\": \"\",\n      \"args\": [\"bridge\", \"https://mcp.example.com/mcp\"]\n    }\n  }";

fn walk(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !path.ends_with("project") || std::fs::read_dir(path).unwrap().count() > 0);
    entries.flat_map(|path| [vec![path.display().to_string()], if path.is_dir() { walk(&path) } else { Vec::new() }].concat()).collect()
}
