//! Signals and exit codes, as if nobody stood between.

use std::io::Write as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{Run, eventually, follow, is_alive};

#[test]
fn signals_reach_the_program() {
    let traps = "for s in HUP INT QUIT USR1 USR2 WINCH TERM; do trap \"echo got $s\" $s; done; echo ready; while :; do sleep 0.05; done";
    let mut run = Run::with_secret("first").start(&["/bin/bash", "-c", traps]);
    run.prints("ready\n");
    for (signal, name) in [
        (Signal::HUP, "HUP"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::WINCH, "WINCH"),
        (Signal::TERM, "TERM"),
    ] {
        run.signal(signal);
        run.prints(&format!("got {name}\n"));
    }
    assert_eq!(run.printed().matches("got").count(), 7, "{}", run.printed());
    run.signal(Signal::KILL);
    run.ended();
}

#[test]
fn a_code_is_kept_and_a_signal_becomes_one() {
    for (script, code) in [("exit 0", 0), ("exit 1", 1), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] {
        assert_eq!(Run::with_secret("first").shell(script).ended().code(), Some(code), "{script}");
    }
}

#[test]
fn stopping_stops_both_and_continuing_continues_both() {
    let mut run = Run::with_secret("first").shell("echo $$; while :; do sleep 0.05; done");
    let program = eventually("its number", || run.printed().strip_suffix('\n').map(str::to_owned));
    let own = run.id().to_string();
    let state = |process: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    run.signal(Signal::TSTP);
    eventually("both have stopped", || (state(&program) == Some('T') && state(&own) == Some('T')).then_some(()));
    run.signal(Signal::CONT);
    eventually("both go on", || (state(&program) != Some('T') && state(&own) != Some('T')).then_some(()));
    run.signal(Signal::TERM);
    assert_eq!(run.ended().code(), Some(143));
    assert!(!is_alive(&program));
}

/// `script` gives the program a terminal, as a person has it.
#[test]
fn on_a_terminal_an_interrupt_reaches_the_program_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "first").unwrap();
    let inner = "trap 'echo got INT' INT; echo ready; while [ ! -e go ]; do sleep 0.05; done; tty >/dev/null && echo done";
    // `exec`, for a shell that stays between would be interrupted too.
    let line = format!("exec {} run --env KEY=file://./secret -- /bin/bash -c \"{inner}\"", env!("CARGO_BIN_EXE_claviger"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(folder.path());
    let mut terminal = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let shown = follow(terminal.stdout.take().unwrap());
    let shows = |text: &str| eventually(text, || shown.lock().unwrap().contains(text).then_some(()));
    shows("ready");
    // What Ctrl-C types.
    terminal.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    shows("got INT");
    std::fs::write(folder.path().join("go"), "").unwrap();
    shows("done");
    assert!(terminal.wait().unwrap().success());
    assert_eq!(shown.lock().unwrap().matches("got INT").count(), 1, "{shown:?}");
}
