//! One person, several commands: log in once, and every program has it; log out, and none has.

use serde_json::Value;

use super::{Machine, allows, open, plan};
use crate::support::{Door, Running, run};

async fn logged_in(door: &Door, machine: &Machine) {
    let login = Running::start(machine.command(&["login", &door.resource()]));
    let sent_to = machine.sent_to(machine.opened().len() + 1).await;
    assert_eq!(allows(door, &sent_to).await, 200);
    let finished = login.finished().await;
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("logged in to"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_person_logs_in_once_and_every_command_has_it_until_they_log_out() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let status = run(machine.command(&["status", "--json"])).await;
    let accounts: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(accounts[0]["server"], door.resource());
    assert_eq!(accounts[0]["is_renewable"], true);
    let called = run(machine.command(&["call", &door.resource(), "--list"])).await;
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    assert!(called.stdout.contains("test_simple_text"), "{}", called.stdout);
    // Nobody is asked twice.
    let again = run(machine.command(&["login", &door.resource()])).await;
    assert_eq!((again.code, machine.opened().len()), (Some(0), 1), "{}", again.stderr);
    let left = run(machine.command(&["logout", &door.resource()])).await;
    assert!(left.stderr.contains("its tokens were taken back"), "{}", left.stderr);
    assert_eq!(run(machine.command(&["status", "--json"])).await.stdout.trim(), "[]");
    let refused = run(machine.command(&["call", &door.resource(), "--list"])).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("claviger login"), "{}", refused.stderr);
}

#[tokio::test]
async fn no_file_that_a_log_in_leaves_holds_a_token_in_clear() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let mut folders = vec![machine.folder().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if std::os::unix::fs::FileTypeExt::is_socket(&path.symlink_metadata().unwrap().file_type()) {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            // Every token of our issuer is a JWT or has its mark.
            assert!(!text.contains("eyJ"), "{}", path.display());
            assert!(!text.contains("\"refresh\""), "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 4, "{files}");
    let mode = |path: &std::path::Path| std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777;
    for path in machine.kept("account.", "json") {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn two_accounts_at_one_server_are_kept_apart() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let other = run(machine.command(&["call", &door.resource(), "--list", "--profile", "work"])).await;
    assert_eq!(other.code, Some(1), "{}", other.stderr);
    let login = Running::start(machine.command(&["login", &door.resource(), "--profile", "work"]));
    assert_eq!(allows(&door, &machine.sent_to(2).await).await, 200);
    assert_eq!(login.finished().await.code, Some(0));
    let left = run(machine.command(&["logout", &door.resource()])).await;
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let other = run(machine.command(&["call", &door.resource(), "--list", "--profile", "work"])).await;
    assert_eq!(other.code, Some(0), "{}", other.stderr);
}

#[tokio::test]
async fn somebody_whose_browser_is_elsewhere_pastes_where_it_ended() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let mut command = machine.command(&["login", &door.resource(), "--paste"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stderr.take().unwrap()));
    let address = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(address) = line.strip_prefix("  http") {
            break url::Url::parse(&format!("http{address}")).unwrap();
        }
    };
    let mut browser = super::Browser::new(&door);
    let page = browser.get(&format!("{}?{}", address.path(), address.query().unwrap())).await;
    let page = browser.sign_in(&page).await;
    let done = browser.answer(&page, "allow").await;
    let back = done.header("refresh").unwrap().strip_prefix("0;url=").unwrap().to_owned();
    tokio::io::AsyncWriteExt::write_all(&mut child.stdin.take().unwrap(), format!("nonsense\n{back}\n").as_bytes()).await.unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert!(machine.opened().is_empty());
    assert_eq!(run(machine.command(&["call", &door.resource(), "--list"])).await.code, Some(0));
}

#[tokio::test]
async fn somebody_who_says_no_is_told_so_and_nothing_is_kept() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let login = Running::start(machine.command(&["login", &door.resource()]));
    let sent_to = machine.sent_to(1).await;
    let mut browser = super::Browser::new(&door);
    let page = browser.get(&format!("{}?{}", sent_to.path(), sent_to.query().unwrap())).await;
    let page = browser.sign_in(&page).await;
    let done = browser.answer(&page, "deny").await;
    super::goes_back(done.header("refresh").unwrap().strip_prefix("0;url=").unwrap()).await;
    let finished = login.finished().await;
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("says no"), "{}", finished.stderr);
    assert!(machine.kept("account.", "json").is_empty());
}

#[tokio::test]
async fn a_grant_that_was_ended_there_is_noticed_and_asked_for_again() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let ended = door.claviger(&["grants", "revoke", "--all", "-c", "claviger.toml", "--state", "state"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let refused = run(machine.command(&["call", &door.resource(), "--list"])).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("log in first"), "{}", refused.stderr);
    logged_in(&door, &machine).await;
    assert_eq!(run(machine.command(&["call", &door.resource(), "--list"])).await.code, Some(0));
    // It is known there already: nobody registers anew.
    assert_eq!(machine.kept("client.", "known").len(), 1);
}

#[tokio::test]
async fn the_doctor_names_the_first_step_that_fails_and_the_mend() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let before = run(machine.command(&["doctor", &door.resource()])).await;
    assert_eq!(before.code, Some(17), "{}", before.stdout);
    assert!(before.stdout.contains(&format!("claviger login {}", door.resource())), "{}", before.stdout);
    logged_in(&door, &machine).await;
    let after = run(machine.command(&["doctor", &door.resource()])).await;
    assert!(after.stdout.contains("tools on the first page"), "{}", after.stdout);
    assert_eq!(after.code, Some(0), "{}", after.stdout);
    let nobody = run(machine.command(&["doctor", "http://127.0.0.1:1/mcp"])).await;
    assert_eq!(nobody.code, Some(12), "{}", nobody.stdout);
    let nowhere = run(machine.command(&["doctor", &format!("{}/register", door.public_url)])).await;
    assert_eq!(nowhere.code, Some(13), "{}", nowhere.stdout);
}
