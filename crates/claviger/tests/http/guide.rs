//! A guided rotation that is stopped in the middle: by a signal, by force, by want of a person. Whatever happens, no key is lost, and the same command goes on.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use crate::support::{Finished, claviger, eventually, run};

const KEY: &str = "keychain://claviger/github";

/// A folder with a configuration and a secret that was put there.
async fn folder(inventory: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), inventory);
    assert_eq!(with_input(folder.path(), &["put", KEY], "key-old").await.code, Some(0));
    folder
}

fn configure(folder: &Path, inventory: &str) {
    let text = format!("[secrets.keychain]\nstore = \"file\"\n[secrets.inventory.{KEY:?}]\n{inventory}\n");
    std::fs::write(folder.join("claviger.toml"), text).unwrap();
}

fn secrets(folder: &Path, words: &[&str]) -> tokio::process::Command {
    let mut command = claviger(folder);
    command.arg("secrets").args(words).args(["--config", "claviger.toml", "--state", "state"]);
    command
}

async fn types(folder: &Path, words: &[&str]) -> Finished {
    run(secrets(folder, words)).await
}

async fn with_input(folder: &Path, words: &[&str], input: &str) -> Finished {
    let mut child = secrets(folder, words).stdin(Stdio::piped()).spawn().unwrap();
    // A command that says no at once reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

async fn guide(folder: &Path, more: &[&str]) -> Finished {
    types(folder, &[&["rotate", KEY, "--guide"], more].concat()).await
}

/// Nothing, where there is none.
async fn key(folder: &Path, reference: &str) -> String {
    types(folder, &["get", reference]).await.stdout
}

/// What lies in the place of the key, waits for it, and was there before.
async fn keys(folder: &Path) -> [String; 3] {
    let references = [KEY, "keychain://claviger.next/github", "keychain://claviger.previous/github"];
    let [current, next, previous] = references;
    [key(folder, current).await, key(folder, next).await, key(folder, previous).await]
}

#[tokio::test]
async fn a_guide_that_is_killed_anywhere_loses_no_key_and_goes_on() {
    let inventory = "create = [\"echo\", \"key-new\"]\ntest = [\"true\"]\nrevoke = [\"true\"]\noverlap = \"1h\"";
    for pause in (0..160).step_by(12) {
        let folder = folder(inventory).await;
        let mut child = secrets(folder.path(), &["rotate", KEY, "--guide"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        // Perhaps it has ended.
        let _ = child.start_kill();
        child.wait().await.unwrap();
        let left = keys(folder.path()).await;
        let [current, _, previous] = &left;
        assert!([current, previous].contains(&&"key-old".to_owned()), "after {pause} ms: {left:?}");
        let ended = guide(folder.path(), &["--now"]).await;
        assert_eq!(ended.code, Some(0), "after {pause} ms: {}", ended.stderr);
        let ended = if ended.stderr.contains("is rotated") { ended } else { guide(folder.path(), &["--now"]).await };
        assert_eq!(ended.code, Some(0), "after {pause} ms: {}", ended.stderr);
        assert_eq!(keys(folder.path()).await, ["key-new", "", ""], "after {pause} ms: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_guide_that_is_killed_anywhere_can_be_given_up() {
    let inventory = "create = [\"echo\", \"key-new\"]\noverlap = \"1h\"";
    for pause in (0..160).step_by(24) {
        let folder = folder(inventory).await;
        let mut child = secrets(folder.path(), &["rotate", KEY, "--guide"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let _ = child.start_kill();
        child.wait().await.unwrap();
        let ended = guide(folder.path(), &["--abort"]).await;
        assert!(ended.code == Some(0) || ended.stderr.contains("no guided rotation"), "after {pause} ms: {}", ended.stderr);
        assert_eq!(keys(folder.path()).await, ["key-old", "", ""], "after {pause} ms: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_signal_ends_the_test_of_a_key_and_the_key_waits() {
    let folder = folder("create = [\"echo\", \"key-new\"]\ntest = [\"sh\", \"-c\", \"echo $$ > testing; exec sleep 600\"]").await;
    let child = secrets(folder.path(), &["rotate", KEY, "--guide"]).spawn().unwrap();
    let tester = || std::fs::read_to_string(folder.path().join("testing")).ok().filter(|id| id.ends_with('\n'));
    let tester = eventually("the test to begin", tester).await;
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("interrupted"), "{said}");
    let is_gone = || std::fs::read_to_string(format!("/proc/{}/stat", tester.trim())).map_or(true, |stat| stat.contains(") Z "));
    eventually("the test to be ended", || is_gone().then_some(())).await;
    assert_eq!(keys(folder.path()).await, ["key-old", "key-new", ""]);
    configure(folder.path(), "create = [\"false\"]\ntest = [\"true\"]");
    let gone_on = guide(folder.path(), &[]).await;
    assert_eq!(gone_on.code, Some(0), "{}", gone_on.stderr);
    assert_eq!(keys(folder.path()).await, ["key-new", "", "key-old"]);
}

#[tokio::test]
async fn without_programs_and_without_a_terminal_flags_speak_for_a_person() {
    let folder = folder("owner = \"ann\"").await;
    let nothing = guide(folder.path(), &[]).await;
    assert!(nothing.code == Some(1) && nothing.stderr.contains("no new key was given"), "{}", nothing.stderr);
    assert_eq!(keys(folder.path()).await, ["key-old", "", ""]);
    let words = ["rotate", KEY, "--guide"];
    let early = with_input(folder.path(), &[&words[..], &["--revoked"]].concat(), "key-new\n").await;
    assert!(early.code == Some(1) && early.stderr.contains("no old key yet"), "{}", early.stderr);
    let same = with_input(folder.path(), &words, "key-old\n").await;
    assert!(same.code == Some(1) && same.stderr.contains("in use already"), "{}", same.stderr);
    let switched = with_input(folder.path(), &words, "key-new\n").await;
    assert_eq!(switched.code, Some(0), "{}", switched.stderr);
    let status = types(folder.path(), &["list"]).await;
    assert_eq!(status.stdout.lines().count(), 2, "{}", status.stdout);
    let waits = guide(folder.path(), &["--now"]).await;
    assert!(waits.code == Some(1) && waits.stderr.contains("--revoked"), "{}", waits.stderr);
    assert_eq!(keys(folder.path()).await, ["key-new", "", "key-old"]);
    let done = guide(folder.path(), &["--revoked"]).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(keys(folder.path()).await, ["key-new", "", ""]);
    let steps = std::fs::read_to_string(folder.path().join("state/audit/rotations.jsonl")).unwrap();
    let steps: Vec<Value> = steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(words, ["created", "tested", "switched", "revoked"]);
    assert!(!steps.iter().any(|step| step.to_string().contains("key-")), "{steps:?}");
}

#[tokio::test]
async fn what_somebody_else_has_put_there_is_not_written_over() {
    let folder = folder("create = [\"echo\", \"key-new\"]").await;
    for place in ["keychain://claviger.next/github", "keychain://claviger.previous/github"] {
        assert_eq!(with_input(folder.path(), &["put", place], "theirs").await.code, Some(0));
        let refused = guide(folder.path(), &[]).await;
        assert!(refused.code == Some(1) && refused.stderr.contains("holds a secret already"), "{}", refused.stderr);
        assert_eq!(key(folder.path(), place).await, "theirs");
        assert_eq!(types(folder.path(), &["migrate", place, &format!("{place}-aside"), "--delete"]).await.code, Some(0));
    }
    assert_eq!(guide(folder.path(), &[]).await.code, Some(0));
    // Somebody switches back by hand; then the old key must not be revoked.
    let back = types(folder.path(), &["migrate", "keychain://claviger.previous/github", KEY, "--replace"]).await;
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    let refused = guide(folder.path(), &["--revoked"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("holds the old key again"), "{}", refused.stderr);
    assert_eq!(guide(folder.path(), &["--abort"]).await.code, Some(0));
    assert_eq!(keys(folder.path()).await, ["key-old", "", ""]);
}
