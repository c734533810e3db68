use std::path::Path;

use proptest::prelude::*;

use super::super::accept::Accept;
use super::super::fixture::Folder;

const SERVER: &str = "[servers.a]\nurl = \"http://127.0.0.1:1/mcp\"\n";

#[test]
fn nothing_to_serve_is_answered_with_what_to_type() {
    let text = Folder::with(&[]).draft(&[]).err().unwrap();
    assert!(text.starts_with("error: there is no server to put behind the door\nhint: try it with `claviger serve --demo`"), "{text}");
}

#[test]
fn the_demo_asks_for_one_scope() {
    let draft = Folder::with(&[]).draft(&["--demo"]).unwrap();
    let (name, server) = draft.servers.first_key_value().unwrap();
    assert_eq!((name.as_str(), server.rules.baseline().to_string().as_str()), ("filesystem", "filesystem:read"));
    assert!(matches!(draft.accept, Accept::Minted));
}

#[test]
fn one_server_is_named_and_ruled_by_flags() {
    let draft = Folder::with(&[]).draft(&["--scope", "resource:x?a=b=r w", "--scope", "*=true", "--", "uvx", "mcp-server-git"]).unwrap();
    let (name, server) = draft.servers.first_key_value().unwrap();
    let rows: Vec<String> = server.rules.rows().map(|(pattern, demand)| format!("{pattern}: {demand:?}")).collect();
    assert_eq!((name.as_str(), rows.len()), ("git", 2));
    assert!(rows[0].starts_with("resource:x?a=b: Scopes"), "{rows:?}");
    let named = Folder::with(&[]).draft(&["--name", "mine", "--url", "http://127.0.0.1:1/mcp"]).unwrap();
    assert_eq!(named.servers.keys().next().unwrap().as_str(), "mine");
}

#[test]
fn wrong_flags_are_faults_like_any_other() {
    let folder = Folder::with(&[]);
    for (flags, expected) in [
        (&["--name", "a/b", "--demo"][..], "error: `--name`: a server's name is 1 to 64"),
        (&["--demo", "--scope", "x"], "error: `--scope`: `x` has no `=`"),
        (&["--demo", "--scope", "x=a", "--scope", "x=b"], "error: `--scope`: `x` is given twice"),
        (&["--demo", "--scope", "x="], "error: `--scope`: no scope is named"),
        (&["--url", "http://example.com/mcp"], "error: `--url`: plain http is for servers on this machine"),
        (&["--demo", "--allow-origin", "x"], "error: `--allow-origin`: an origin such as"),
        (&["--demo", "--public-url", "ftp://x"], "error: `--public-url`: an https URL is expected"),
        (&["--demo", "--env", "A B"], "error: `--env`: an environment's name"),
        (&["--name", "a"], "error: `--name`, `--scope` and `--protocol` speak of one server"),
    ] {
        let errors = folder.errors(flags);
        assert!(errors.first().is_some_and(|error| error.starts_with(expected)), "{flags:?}: {errors:?}");
    }
}

#[test]
fn an_overlay_goes_over_the_file_and_is_blamed_by_its_own_name() {
    let own = format!("environment = \"staging\"\n[listen]\naddress = \"127.0.0.1:1\"\nallowed_hosts = [\"x\"]\n{SERVER}");
    let folder = Folder::with(&[
        ("claviger.toml", &own),
        ("claviger.staging.toml", "[listen]\naddress = \"127.0.0.1:2\"\n[limits]\nper_address = \"5/s\"\n"),
    ]);
    let draft = folder.draft(&[]).unwrap();
    assert_eq!((draft.listeners.door.address.port(), draft.listeners.door.allowed_hosts.len()), (2, 1));
    assert!(draft.limits.per_address.is_some());
    assert!(draft.watch.iter().any(|path| path.ends_with("claviger.staging.toml")));
    let development = folder.draft(&["--env", "development"]).unwrap();
    assert_eq!(development.listeners.door.address.port(), 1);
    assert!(development.watch.iter().any(|path| path.ends_with("claviger.development.toml")), "a file that may come is watched");

    std::fs::write(folder.path().join("claviger.staging.toml"), "environment = \"production\"\n[listen]\naddress = \"x\"\n").unwrap();
    let errors = folder.errors(&[]);
    assert_eq!(errors[0], "claviger.staging.toml:1:15: error: `environment`: this file is read in the environment `staging`");
    assert!(errors[1].starts_with("claviger.staging.toml:3:11: error: `listen.address`"), "{errors:?}");
}

#[test]
fn every_fault_of_every_section_is_told_at_once() {
    let own = "[listen]\nadress = \"x\"\n[limits]\nper_address = \"x\"\n[timeouts]\ncall = \"x\"\n[audit]\nretention_days = 0\n[[accept]]\n[servers.a]\nurl = \"x\"\n[store]\nurl = \"http://x\"\n";
    let text = Folder::with(&[("claviger.toml", own)]).draft(&[]).err().unwrap();
    for path in ["listen.adress", "limits.per_address", "timeouts.call", "audit.retention_days", "accept[0]", "servers.a.url", "store.url"]
    {
        assert!(text.contains(&format!("error: `{path}`: ")), "{path} is missing in\n{text}");
    }
    assert!(text.ends_with("error: 7 faults in the configuration; nothing was started\n"), "{text}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_cause() {
    let folder = Folder::with(&[("claviger.toml", "a = [\n"), ("binary.toml", "x")]);
    std::fs::write(folder.path().join("binary.toml"), [0xff, 0xfe]).unwrap();
    std::fs::write(folder.path().join("huge.toml"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let broken = folder.draft(&[]).err().unwrap();
    assert!(broken.starts_with("claviger.toml:") && broken.contains("error: this is not TOML: "), "{broken}");
    for (file, expected) in
        [("missing.toml", "caused by: "), ("binary.toml", "caused by: "), ("huge.toml", "hint: a configuration has at most")]
    {
        let text = folder.draft(&["-c", file]).err().unwrap();
        assert!(text.starts_with(&format!("error: cannot read the configuration `{file}`\n{expected}")), "{text}");
    }
}

#[test]
fn a_file_that_is_missing_is_told_with_its_place_and_with_what_named_it() {
    let folder = Folder::with(&[]).variable("CLAVIGER_CONFIG", "own.toml");
    for (flags, expected) in [
        (&["-c", "a/b.toml"][..], "hint: it was looked for at `HERE/a/b.toml`: write it there, or name another with `--config`\n"),
        (&["--mcp", ".mcp.json"], "hint: it was looked for at `HERE/.mcp.json`: write it there, or name another with `--mcp`\n"),
        (&[], "hint: it was looked for at `HERE/own.toml`: write it there, or name another with `CLAVIGER_CONFIG`\n"),
    ] {
        let text = folder.draft(flags).err().unwrap();
        assert!(text.ends_with(expected), "{text}");
    }
}

#[test]
fn variables_stand_in_for_flags() {
    let folder = Folder::with(&[("other/own.toml", SERVER)])
        .variable("CLAVIGER_CONFIG", "other/own.toml")
        .variable("CLAVIGER_STATE", "state")
        .variable("CLAVIGER_ENV", "staging");
    let draft = folder.draft(&[]).unwrap();
    assert_eq!(draft.secrets.folder(), folder.path().join("other"));
    assert_eq!(draft.state, folder.path().join("state"));
    assert_eq!(draft.environment.as_str(), "staging");
    assert_eq!(draft.record.file, folder.path().join("state/audit/mcp_calls.jsonl"));
    assert_eq!(folder.draft(&["--demo", "--env", "test"]).unwrap().environment.as_str(), "test");
}

/// Every example of the project is right as it stands.
#[test]
fn the_examples_are_right() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut checked = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let folder = Folder::with(&[("claviger.toml", &text), ("tls.crt", "x"), ("tls.key", "x")]);
        if let Err(report) = folder.draft(&[]) {
            panic!("{}:\n{report}", path.display());
        }
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} examples found");
}

/// The schema in the documents is the one that the program prints.
#[test]
fn the_committed_schema_is_current() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/claviger.schema.json");
    let committed = std::fs::read_to_string(committed).unwrap_or_default();
    assert_eq!(committed, super::schema::text(), "run `claviger config schema > docs/reference/claviger.schema.json`");
}

const OWN: &str = include_str!("../../../../../examples/production.toml");
const CLIENTS: &str =
    r#"{"mcpServers": {"a": {"command": "x", "args": ["${A:-b}"], "env": {"K": "env://K"}}, "ů": {"url": "http://127.0.0.1:1/"}}}"#;

/// The text with the characters between two shares of its length replaced.
fn damaged(text: &str, from: f64, length: usize, patch: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small length")]
    let from = (characters.len() as f64 * from) as usize;
    let to = (from + length).min(characters.len());
    characters[..from].iter().copied().chain(patch.chars()).chain(characters[to..].iter().copied()).collect()
}

proptest! {
    /// Whatever stands in a file, the answer is a configuration or a report of faults.
    #[test]
    fn no_damage_to_a_file_is_more_than_a_fault(from in 0.0..1.0f64, length in 0usize..40, patch in "[\\PC\n\t\0]{0,12}|[\\[\\]{}\"'=,.$#\\\\]{0,6}") {
        let folder = Folder::with(&[("claviger.toml", &damaged(OWN, from, length, &patch)), ("mcp.json", &damaged(CLIENTS, from, length, &patch))]);
        for flags in [&["-c", "claviger.toml"][..], &["--mcp", "mcp.json"]] {
            if let Err(text) = folder.draft(flags) {
                prop_assert!(text.contains("error: "), "{}", text);
                prop_assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{:?}", text);
            }
        }
    }
}

#[test]
fn a_server_that_demands_bound_tokens_needs_somebody_who_binds_them() {
    let server = format!("{SERVER}dpop = \"require\"\n");
    let secret = "[[accept]]\nshared_secret = \"env://SECRET\"\n";
    let errors = Folder::with(&[("claviger.toml", &format!("{secret}{server}"))]).errors(&[]);
    assert!(errors.iter().any(|error| error.contains("`servers.a.dpop`: nobody could come in")), "{errors:?}");
    let issuer = "[[accept]]\nissuer = \"https://issuer.example\"\n";
    for accept in [format!("{secret}{issuer}{server}"), format!("[issuer]\n{secret}{server}"), server] {
        let draft = Folder::with(&[("claviger.toml", &accept)]).draft(&[]);
        assert!(draft.is_ok(), "{accept}: {:?}", draft.err());
    }
}
