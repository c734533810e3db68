//! PyPI's `mcp-server-git` as a child process; it speaks both eras, and the door finds that out.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Setup, git, to_end};

const ERAS: [(&str, &str); 2] = [("legacy", "2025-11-25"), ("auto", "2026-07-28")];

fn repository() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    run_git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]);
    run_git(
        folder.path(),
        &["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "-m", "first words"],
    );
    folder
}

fn run_git(folder: &Path, words: &[&str]) {
    let ended = to_end(Command::new("git").arg("-C").arg(folder).args(words));
    assert!(ended.success, "git {words:?}: {}", ended.stderr);
}

fn door(folder: &Path) -> Door {
    let writing = ["add", "commit", "reset", "create_branch", "checkout"];
    let setup = Setup::program("git", git(folder)).scope("*=git:read");
    writing.iter().fold(setup, |setup, verb| setup.scope(&format!("git_{verb}=git:write"))).open()
}

#[test]
fn the_log_is_read_in_both_eras() {
    let folder = repository();
    let door = door(folder.path());
    let token = door.token("git:read");
    for client in Client::ALL {
        for (era, version) in ERAS {
            let seen = client.tour(&door.url, &token, era, "git_log", &json!({"repo_path": folder.path()}));
            assert_eq!(seen["version"], version, "{client:?}");
            assert!(seen["text"].as_str().is_some_and(|text| text.contains("first words")), "{seen}");
            let tools = seen["tools"].as_array().expect("tools are listed");
            assert!(tools.contains(&json!("git_status")) && !tools.contains(&json!("git_commit")), "{era}: {tools:?}");
        }
    }
    door.close();
}

#[test]
fn a_commit_needs_more_than_reading() {
    let folder = repository();
    let door = door(folder.path());
    let reader = door.token("git:read");
    let writer = door.token("git:read git:write");
    let arguments = json!({"repo_path": folder.path(), "branch_name": "aside"});
    for (era, _) in ERAS {
        let seen = Client::TypeScript.attempt(
            &door.url,
            Some(&reader),
            "tour",
            &json!({"era": era, "tool": "git_create_branch", "arguments": arguments}),
        );
        assert_eq!(seen["refusals"][0]["status"], 403, "{era}: {seen}");
        assert_eq!(seen["error"]["name"], "InsufficientScopeError", "the SDK understood: {seen}");
    }
    let seen = Client::TypeScript.tour(&door.url, &writer, "auto", "git_create_branch", &arguments);
    assert_eq!(seen["failed"], false, "{seen}");
    let outcomes: Vec<Value> = door.calls_of("git_create_branch", 3).iter().map(|call| call["outcome"].clone()).collect();
    assert_eq!(outcomes, ["denied", "denied", "ok"]);
    door.close();
}

#[test]
fn two_people_work_at_once() {
    let folder = repository();
    let door = door(folder.path());
    let tokens = [door.token_of("ada", "git:read"), door.token_of("grace", "git:read")];
    for (era, _) in ERAS {
        std::thread::scope(|scope| {
            for (token, client) in tokens.iter().zip(Client::ALL) {
                let (door, folder) = (&door.url, folder.path());
                scope.spawn(move || {
                    let seen = client.tour(door, token, era, "git_status", &json!({"repo_path": folder}));
                    assert!(seen["text"].as_str().is_some_and(|text| text.contains("On branch main")), "{seen}");
                });
            }
        });
    }
    let mut subjects: Vec<Value> = door.calls_of("git_status", 4).iter().map(|call| call["subject"].clone()).collect();
    subjects.sort_by_key(Value::to_string);
    assert_eq!(subjects, ["ada", "ada", "grace", "grace"]);
    door.close();
}
