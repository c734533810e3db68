//! What is not sure is not done, and the file stays as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::home::{Home, read};

const URL: &str = "https://mcp.example.com/mcp";

#[test]
fn without_a_yes_nothing_changes() {
    let home = Home::new();
    let file = home.write(".cursor/mcp.json", "{}\n");
    let said = home.setup(&format!("cursor {URL}"));
    assert_eq!(said.code, 1);
    assert!(said.data.contains("+    \"example\": {\n"), "{}", said.data);
    assert!(said.talk.contains("there is nobody to ask"), "{}", said.talk);
    assert_eq!(read(&file), "{}\n");
    assert!(!home.at(".local").exists());
}

#[test]
fn a_file_that_somebody_changed_since_is_not_taken_back_and_what_changed_is_shown() {
    let home = Home::new();
    let file = home.write(".cursor/mcp.json", "{}\n");
    home.done(&format!("cursor {URL} --yes"));
    let changed = read(&file).replacen('{', "{\n  \"theme\": \"dark\",", 1);
    fs::write(&file, &changed).unwrap();
    let said = home.setup("cursor --undo");
    assert_eq!(said.code, 1);
    assert!(said.data.contains("+  \"theme\": \"dark\",\n"), "{}", said.data);
    assert!(said.talk.contains("it was changed since"), "{}", said.talk);
    assert_eq!(read(&file), changed);
    fs::remove_file(&file).unwrap();
    assert!(home.setup("cursor --undo").talk.contains("not there any more"));
}

#[test]
fn what_does_not_parse_is_refused_at_its_place() {
    let home = Home::new();
    for (client, place, text, expected) in [
        ("cursor", ".cursor/mcp.json", "{\n  \"mcpServers\": {,}\n}", "mcp.json:2:18: this is not JSON"),
        ("codex", ".codex/config.toml", "a = 1\nb = = 2\n", "config.toml:2:5: this is not TOML"),
        ("gemini", ".gemini/settings.json", "{\"mcpServers\": []}", "settings.json:1:16: a table is expected here"),
    ] {
        let file = home.write(place, text);
        let said = home.setup(&format!("{client} {URL} --yes"));
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.talk.contains(expected), "{}", said.talk);
        assert_eq!(read(&file), text);
    }
    let binary = home.at(".cursor/mcp.json");
    fs::write(&binary, b"\xff\xfe{}").unwrap();
    assert!(home.setup(&format!("cursor {URL} --yes")).talk.contains("it is no UTF-8 text"));
}

#[test]
fn another_server_of_the_name_stays_until_it_is_replaced() {
    let home = Home::new();
    let text = "{\"mcpServers\": {\"example\": {\"command\": \"mine\"}}}";
    let file = home.write(".cursor/mcp.json", text);
    let said = home.setup(&format!("cursor {URL} --yes"));
    assert!(said.talk.contains("mcp.json:1:17: there is another server of this name"), "{}", said.talk);
    assert_eq!(read(&file), text);
    home.done(&format!("cursor {URL} --yes --replace --direct"));
    assert_eq!(read(&file), "{\"mcpServers\": {\"example\": {\"url\": \"https://mcp.example.com/mcp\"}}}");
    home.done(&format!("cursor {URL} --yes --name other"));
    home.done("cursor --undo");
    home.done("cursor --undo");
    assert_eq!(read(&file), text);
}

#[test]
fn a_link_stays_and_what_it_leads_to_changes() {
    let home = Home::new();
    let real = home.write("dotfiles/cursor.json", "{}");
    fs::create_dir(home.at(".cursor")).unwrap();
    let link = home.at(".cursor/mcp.json");
    symlink(&real, &link).unwrap();
    let said = home.done(&format!("cursor {URL} --yes"));
    assert!(said.talk.contains(&format!("`{}` leads to `{}`\n", link.display(), real.display())), "{}", said.talk);
    assert!(link.is_symlink());
    assert!(read(&real).contains("\"example\""));
    home.done("cursor --undo");
    assert_eq!(read(&real), "{}");
    fs::remove_file(&real).unwrap();
    let said = home.setup(&format!("cursor {URL} --yes"));
    assert!(said.talk.contains("it is a link to something that is not there"), "{}", said.talk);
    assert!(!real.exists());
}

#[test]
fn a_link_in_somebody_elses_folder_leads_no_change_out_of_it() {
    let home = Home::new();
    let own = home.write(".claude.json", "{}");
    symlink(&own, home.at("project/.mcp.json")).unwrap();
    fs::create_dir(home.at("elsewhere")).unwrap();
    symlink(home.at("elsewhere"), home.at("project/.codex")).unwrap();
    for client in ["claude-code", "codex"] {
        let said = home.setup(&format!("{client} {URL} --yes --scope project"));
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.talk.contains("leads out of this folder"), "{}", said.talk);
    }
    assert_eq!(read(&own), "{}");
    assert_eq!(fs::read_dir(home.at("elsewhere")).unwrap().count(), 0);
}

#[test]
fn the_mode_stays_unless_others_could_read_secrets() {
    let home = Home::new();
    let mode = |file: &std::path::Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    let open = home.write(".cursor/mcp.json", "{}");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    home.done(&format!("cursor {URL} --yes"));
    assert_eq!(mode(&open), 0o644);
    let text = "{\"mcpServers\": {\"a\": {\"command\": \"a\", \"env\": {\"API_KEY\": \"q7Zk29xLm4Wv8Rt1Yp6Nc3Bd5Hs0Jf\"}}}}";
    let secret = home.write(".gemini/settings.json", text);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let said = home.done(&format!("gemini {URL} --yes"));
    assert!(said.talk.contains("its mode is 0600 now"), "{}", said.talk);
    assert!(!said.data.contains("q7Zk"), "{}", said.data);
    assert_eq!(mode(&secret), 0o600);
    home.done("gemini --undo");
    assert_eq!((read(&secret).as_str(), mode(&secret)), (text, 0o600));
    // No backup lies open.
    home.done(&format!("gemini {URL} --yes"));
    for entry in fs::read_dir(home.at(".local/state/claviger/setups")).unwrap() {
        let path = entry.unwrap().path();
        assert!(!read(&path).contains("q7Zk"));
        assert_eq!(mode(&path), 0o600);
    }
}

#[test]
fn what_no_client_could_start_is_refused_before_anything_is_read() {
    let home = Home::new();
    for (words, code, expected) in [
        ("cursor http://mcp.example.com/mcp --yes", 64, "not sent over plain http"),
        ("cursor ftp://mcp.example.com/mcp --yes", 2, "begins with `https://`"),
        (
            "cursor https://mcp.example.com/mcp --yes -- --no-such-option",
            2,
            "the bridge would not start: unexpected argument '--no-such-option'",
        ),
        ("cursor https://mcp.example.com/mcp --yes --profile a/b", 2, "the bridge would not start"),
        ("claude-desktop https://mcp.example.com/mcp --yes --direct", 2, "has no word for a server behind an address"),
        ("windsurf https://mcp.example.com/mcp --yes --scope project", 2, "Windsurf has no file for a folder"),
        ("cursor https://mcp.example.com/mcp --yes --name a.b", 2, "1 to 64 letters"),
        ("cursor", 2, "required"),
    ] {
        let said = home.setup(words);
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.talk.contains(expected), "{}", said.talk);
    }
    assert!(!home.at(".cursor").exists());
}

#[test]
fn the_bridge_gets_the_options_that_stand_behind_two_dashes_and_the_state_that_is_not_the_usual_one() {
    let home = Home::new();
    let said = home.done(&format!("cursor {URL} --print --profile work --state elsewhere -- --ignore-tool delete_*"));
    let state = home.at("project/elsewhere");
    let expected = format!(
        "\"args\": [\"bridge\", \"{URL}\", \"--profile\", \"work\", \"--state\", \"{}\", \"--ignore-tool\", \"delete_*\"]",
        state.display()
    );
    assert!(said.data.contains(&expected), "{}", said.data);
    let shared = home.done(&format!("vscode {URL} --print --scope project --state elsewhere"));
    assert!(
        shared.data.contains("\"command\": \"claviger\",\n      \"args\": [\"bridge\", \"https://mcp.example.com/mcp\"]"),
        "{}",
        shared.data
    );
}
