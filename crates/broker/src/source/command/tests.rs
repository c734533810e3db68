//! What programs print becomes a value, and whatever they do otherwise does not.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::reference::Reference;

/// A folder with this script in it, and a `program` to run it. (A script that is a program itself could still be open for writing in a child that another test
/// starts just then, and Linux starts no such file.)
fn folder(script: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("script"), script).unwrap();
    std::os::unix::fs::symlink("/bin/sh", folder.path().join("program")).unwrap();
    folder
}

async fn ask(folder: &TempDir, reference: &str) -> Result<String, Cause> {
    let variables = [("PATH", "/usr/bin:/bin"), ("OP_SESSION_my", "open")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let commands = Commands::new(variables.into_iter().collect(), folder.path().to_owned());
    let reference: Reference = reference.parse().unwrap();
    commands.fetch(reference.place()).await.map(|fetched| fetched.value.expose().to_owned())
}

async fn printed_by(script: &str) -> Result<String, Cause> {
    ask(&folder(script), "command://./program script").await
}

#[tokio::test]
async fn output_is_the_value_without_its_last_line_end() {
    assert_eq!(printed_by("echo hunter2").await.unwrap(), "hunter2");
    assert_eq!(printed_by("printf 'a\\r\\n'").await.unwrap(), "a");
    assert_eq!(printed_by("printf 'a\\n\\n'").await.unwrap(), "a\n");
    assert_eq!(printed_by("printf ' a '").await.unwrap(), " a ");
}

#[tokio::test]
async fn arguments_arrive_as_written_and_no_shell_reads_them() {
    let folder = folder("for word in \"$@\"; do printf '[%s]' \"$word\"; done");
    let printed = ask(&folder, "command://./program script a 'b c' '$HOME' '*' ';' 'op://v/i?attribute=otp'").await.unwrap();
    assert_eq!(printed, "[a][b c][$HOME][*][;][op://v/i?attribute=otp]");
}

#[tokio::test]
async fn program_has_the_operators_variables_and_her_folder_and_no_input() {
    assert_eq!(printed_by("echo $OP_SESSION_my").await.unwrap(), "open");
    assert_eq!(
        printed_by("env | grep -c -v -E '^(PATH|OP_SESSION_my|PWD|SHLVL|OLDPWD|_)='").await,
        Err(Cause::CommandFailed { code: Some(1) })
    );
    let folder = folder("basename $PWD; cat");
    let name = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(ask(&folder, "command://./program script").await.unwrap(), name);
}

#[tokio::test]
async fn bare_name_is_looked_up_in_the_path() {
    assert_eq!(ask(&folder(""), "command://printf hunter2").await.unwrap(), "hunter2");
    assert_eq!(ask(&folder(""), "command://program").await, Err(Cause::NotStarted(std::io::ErrorKind::NotFound)));
}

#[tokio::test]
async fn failure_gives_no_value_whatever_was_printed() {
    assert_eq!(printed_by("echo hunter2; exit 3").await, Err(Cause::CommandFailed { code: Some(3) }));
    assert_eq!(printed_by("echo hunter2; kill -9 $$").await, Err(Cause::CommandFailed { code: None }));
    assert_eq!(printed_by("exit 0").await, Err(Cause::Empty));
    assert_eq!(printed_by("printf '\\377'").await, Err(Cause::NotText));
}

#[tokio::test]
async fn output_over_64_kib_is_refused_and_the_program_is_not_waited_for() {
    assert_eq!(printed_by("head -c 65536 /dev/zero | tr '\\0' a; echo").await.unwrap().len(), 64 * 1024);
    assert_eq!(printed_by("head -c 65537 /dev/zero | tr '\\0' a").await, Err(Cause::TooLarge { limit: 64 * 1024 }));
    assert_eq!(printed_by("while :; do echo hunter2; done").await, Err(Cause::TooLarge { limit: 64 * 1024 }));
}

#[tokio::test]
async fn chatter_of_any_length_does_not_stop_it() {
    assert_eq!(printed_by("head -c 300000 /dev/zero >&2; echo hunter2").await.unwrap(), "hunter2");
}

#[tokio::test]
async fn program_given_up_is_killed_with_all_it_started() {
    let folder = folder("sleep 600 & echo $! > child; echo $$ > leader; wait");
    let reference: Reference = "command://./program script".parse().unwrap();
    let variables = std::iter::once(("PATH".to_owned(), "/usr/bin:/bin".to_owned()));
    let commands = Commands::new(variables.collect(), folder.path().to_owned());
    let fetching = commands.fetch(reference.place());
    let is_started = async {
        while !["child", "leader"].iter().all(|name| fs::read_to_string(folder.path().join(name)).is_ok_and(|text| text.ends_with('\n'))) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        outcome = fetching => panic!("it ended by itself: {outcome:?}"),
        () = is_started => {}
    }
    for name in ["child", "leader"] {
        let id = fs::read_to_string(folder.path().join(name)).unwrap();
        while is_alive(id.trim()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A dead process that nobody has asked after yet is dead.
fn is_alive(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn what_it_says_is_shown_without_what_it_printed() {
    assert_eq!(show(b"got hunter2, done\n", b"hunter2\n"), "got ****, done");
    assert_eq!(show(b"it is hunter2", br#"{"password":"hunter2","user":"on"}"#), "it is ****");
    assert_eq!(show(b"read MIIEvQIBADANBg", b"-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"), "read ****");
    assert_eq!(show(b"two\nlines\x1b[2J", b""), "two\\nlines\\u{1b}[2J");
    assert_eq!(show(&[b'a'; SAID_BYTES], b"").len(), SHOWN_BYTES);
}

#[test]
fn a_secret_that_was_cut_is_not_shown_in_part() {
    let mut said = vec![b' '; SAID_BYTES];
    said[SAID_BYTES - 4..].copy_from_slice(b"hunt");
    assert_eq!(show(&said, b"hunter2"), "");
}
