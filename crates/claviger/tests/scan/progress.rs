//! Does a long scan say how far it is, and only to a person?

use std::fs;
use std::path::Path;
use std::process::Command;

fn folder_of(files: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..files {
        fs::write(folder.path().join(format!("{number}.env")), "A=1\n").unwrap();
    }
    folder
}

/// In a terminal of its own, by script(1) of util-linux.
fn on_a_terminal(folder: &Path) -> String {
    let line = format!("'{}' scan '{}'", env!("CARGO_BIN_EXE_claviger"), folder.display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", "xterm").env("HOME", folder);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_long_scan_draws_a_line_on_a_terminal_and_takes_it_away() {
    let said = on_a_terminal(folder_of(400).path());
    let (before, after) = said.rsplit_once(" of 400 files").expect("it says how far it is");
    assert!(!before.contains("findings in"), "{said:?}");
    assert!(after.contains("\u{1b}[2K"), "the line is cleared: {after:?}");
    assert!(after.contains("0 findings in 400 files"), "{after:?}");
}

#[test]
fn a_short_scan_draws_none() {
    let said = on_a_terminal(folder_of(20).path());
    assert!(!said.contains(" of 20 files") && said.contains("0 findings in 20 files"), "{said:?}");
}

#[test]
fn into_a_pipe_nothing_is_drawn() {
    let folder = folder_of(400);
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    let ran = command.args(["scan", "."]).current_dir(folder.path()).env("HOME", folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "");
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.ends_with("0 findings in 400 files; nothing was started and no connection opened\n"), "{said:?}");
    assert!(!said.contains(" of 400 files") && !said.contains('\u{1b}'), "{said:?}");
}
