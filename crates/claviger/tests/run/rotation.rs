//! What becomes of a running program when a value changes?

use rustix::process::Signal;

use crate::support::{Run, eventually};

#[test]
fn a_program_is_started_again_with_the_new_value() {
    let script = "trap 'echo end; exit 3' TERM; echo start $KEY; while :; do sleep 0.05; done";
    let mut run = Run::with_secret("first").shell(script);
    run.prints("start first\n");
    run.rotate("second");
    run.prints("end\nstart second\n");
    run.says("`KEY` has a new value: starting `/bin/sh` again");
    run.signal(Signal::TERM);
    assert_eq!(run.ended().code(), Some(3), "a program that ends by itself ends the run");
}

#[test]
fn a_value_that_is_away_at_a_change_leaves_the_program_alone() {
    let mut run = Run::with_secret("first").shell("echo start $KEY; read line; exit 5");
    run.prints("start first\n");
    std::fs::remove_file(run.folder.path().join("secret")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    run.rotate("first");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(run.printed(), "start first\n");
    run.ask("go");
    assert_eq!(run.ended().code(), Some(5));
}

#[test]
fn a_program_that_reads_again_gets_a_signal_and_a_file() {
    let script = r#"trap 'cat "$CLAVIGER_SECRETS_FILE"' USR1; stat -c %a "$CLAVIGER_SECRETS_FILE"; echo "$CLAVIGER_SECRETS_FILE"; cat "$CLAVIGER_SECRETS_FILE"; while :; do sleep 0.05; done"#;
    let mut run = Run::with_secret("first").flags(&["--on-rotation", "signal", "--signal", "USR1"]).shell(script);
    run.prints("{\"KEY\":\"first\"}\n");
    let printed = run.printed();
    let [mode, file, _] = printed.lines().collect::<Vec<_>>()[..] else { panic!("{printed}") };
    assert_eq!(mode, "600");
    run.rotate("second");
    run.prints("{\"KEY\":\"second\"}\n");
    run.signal(Signal::TERM);
    run.ended();
    assert!(!std::path::Path::new(file).exists(), "the file goes with the run");
}

#[test]
fn a_program_can_take_a_new_value_while_it_runs() {
    let program = std::fs::read_to_string(HAND_OVER).unwrap();
    let documented = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/hand-over.md")).unwrap();
    assert!(documented.contains(&program), "the program of the documents is the one that is tested");
    let mut run = Run::with_secret("first").flags(&["--on-rotation", "hand-over"]).start(&["python3", HAND_OVER]);
    run.ask("what is it?");
    run.prints("first\n");
    run.rotate("second \"quoted\"");
    eventually("the new value", || {
        run.ask("what is it?");
        run.printed().contains("second \"quoted\"\n").then_some(())
    });
    assert_eq!(run.said(), "", "the program did answer");
    run.close_input();
    assert!(run.ended().success());
}

#[test]
fn a_program_that_does_not_listen_is_told_about_and_left_alone() {
    let mut run = Run::with_secret("first").flags(&["--on-rotation", "hand-over"]).start(&[
        "/bin/bash",
        "-c",
        "eval \"exec $CLAVIGER_SECRETS_FD>&-\"; echo ready; read line; exit 6",
    ]);
    run.prints("ready\n");
    run.rotate("second");
    run.says("the program does not have the new value of `KEY`");
    assert!(!run.said().contains("second"));
    run.ask("go");
    assert_eq!(run.ended().code(), Some(6));
}

#[test]
fn an_argument_is_filled_in_anew() {
    let script = "echo $0; while :; do sleep 0.05; done";
    let mut run = Run::with_secret("first").start(&["/bin/sh", "-c", script, "${file://./secret?ttl=1}!"]);
    run.says("argument 3 of the program holds a secret");
    run.prints("first!\n");
    run.rotate("second");
    run.prints("second!\n");
    run.signal(Signal::TERM);
    assert_eq!(run.ended().code(), Some(143));
    assert!(!run.said().contains("first") && !run.said().contains("second"), "{}", run.said());
}

const HAND_OVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/run/peers/hand_over.py");
