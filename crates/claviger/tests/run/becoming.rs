//! Where nothing can change, `claviger run` becomes the program.

use crate::support::{Run, eventually, is_alive};

#[test]
fn it_is_the_program_where_no_value_can_change() {
    let mut run = Run::new().variable("KEY", "hunter2").flags(&["--env", "COPY=<${KEY}>"]).shell("echo $$ $COPY; exit 42");
    let status = run.ended();
    let own = run.id();
    eventually("its words", || (run.printed() == format!("{own} <hunter2>\n")).then_some(()));
    assert_eq!(status.code(), Some(42));
}

#[test]
fn it_is_the_program_where_values_are_left_alone() {
    let mut run = Run::with_secret("first").flags(&["--on-rotation", "leave"]).shell("echo $$ $KEY");
    assert!(run.ended().success());
    let own = run.id();
    eventually("its words", || (run.printed() == format!("{own} first\n")).then_some(()));
}

#[test]
fn a_program_is_as_dumpable_and_as_limited_as_it_would_be_without_us() {
    let facts = "ulimit -S -c; grep ^CoreDumping /proc/$$/status; stat -c %U /proc/$$/environ; ls -l /proc/$$/fd >/dev/null && echo fd";
    let bare = std::process::Command::new("/bin/sh").args(["-c", facts]).output().unwrap();
    let bare = String::from_utf8(bare.stdout).unwrap();
    for flags in [&["--on-rotation", "leave"], &["--on-rotation", "restart"]] {
        let mut run = Run::with_secret("first").flags(flags).shell(facts);
        assert!(run.ended().success());
        eventually("its words", || (run.printed() == bare).then_some(()));
    }
}

#[test]
fn what_is_missing_is_named_and_nothing_is_started() {
    let mut run = Run::new().flags(&["--env", "A=env://NOT_SET", "--env", "B=file://./absent"]).shell("echo started");
    assert_eq!(run.ended().code(), Some(64));
    run.says("`A` has no value; nothing was started");
    run.says("`env://NOT_SET` gives no credential");
    run.says("`file://./absent` gives no credential");
    assert_eq!(run.printed(), "");
}

#[test]
fn only_the_bare_environment_is_passed_on_where_so_asked() {
    let run = Run::new().variable("VAULT_TOKEN", "root").variable("KEY", "env://VAULT_TOKEN").variable("KEY_ID_VAULT", "env://HOME");
    let mut run = run.variable("KEY_ID_OAUTH_TTL", "60").flags(&["--no-inherit", "--env", "MORE=1"]).start(&["/usr/bin/env"]);
    assert!(run.ended().success());
    let home = run.folder.path().display().to_string();
    let expected =
        [format!("HOME={home}"), "KEY=root".into(), format!("KEY_ID={home}"), "MORE=1".into(), "PATH=/usr/local/bin:/usr/bin:/bin".into()];
    let sorted = || {
        let mut lines: Vec<String> = run.printed().lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    eventually("its environment", || (sorted() == expected).then_some(()));
}

#[test]
fn the_program_does_not_outlive_a_supervisor_that_was_killed() {
    let mut run = Run::with_secret("first").shell("echo $$; exec sleep 60");
    let program = eventually("its number", || run.printed().strip_suffix('\n').map(str::to_owned));
    assert!(is_alive(&program) && program != run.id().to_string());
    run.signal(rustix::process::Signal::KILL);
    run.ended();
    eventually("the end of the program", || (!is_alive(&program)).then_some(()));
}
