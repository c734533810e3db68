//! The keychain of a Linux desktop, on a bus of its own, with `secret-tool` as a witness; and a person at a terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Running, eventually, to_end};

const CLAVIGER: &str = env!("CARGO_BIN_EXE_claviger");

/// A home of its own, in which a script finds `$claviger`.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(TempDir::new().expect("a folder can be made"));
        fs::create_dir(home.path().join("run")).expect("a folder can be made");
        fs::set_permissions(home.path().join("run"), fs::Permissions::from_mode(0o700)).expect("our own folder can be closed");
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A command with nothing around it but this home.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("HOME", self.path())
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("claviger", CLAVIGER);
        command
    }

    /// What a script prints on a session's bus, with its talk behind it.
    fn on_a_bus(&self, script: &str) -> (String, String) {
        let ended = to_end(self.command("dbus-run-session").args(["--", "sh", "-eu", "-c", script]));
        assert!(ended.success, "{}{}", ended.stdout, ended.stderr);
        (ended.stdout, ended.stderr)
    }
}

const UNLOCK: &str = "printf password | gnome-keyring-daemon --unlock --components=secrets >/dev/null\n";

#[test]
fn secrets_go_into_the_keychain_and_come_out_as_others_see_them() {
    let script = r#"
printf 'ours\n' | "$claviger" secrets put keychain://claviger/brave
secret-tool lookup service claviger username brave; echo
printf theirs | secret-tool store --label=theirs service theirs username ann
"$claviger" secrets get keychain://theirs; echo
"$claviger" secrets list keychain
"$claviger" secrets migrate keychain://theirs/ann file://./moved --delete
secret-tool lookup service theirs username ann || echo gone
cat moved; echo
"#;
    let (stdout, stderr) = Home::new().on_a_bus(&format!("{UNLOCK}{script}"));
    assert_eq!(stdout, "ours\ntheirs\nkeychain://claviger/brave\nkeychain://theirs/ann\ngone\ntheirs\n", "{stderr}");
    assert!(stderr.contains("`keychain://claviger/brave` keeps it: less than 8 bytes"), "{stderr}");
}

#[test]
fn locked_and_absent_keychains_are_told_apart() {
    let home = Home::new();
    home.on_a_bus(&format!("{UNLOCK}printf ours | \"$claviger\" secrets put keychain://claviger/brave"));
    let (stdout, stderr) = home.on_a_bus("code=0; \"$claviger\" secrets get keychain://claviger/brave || code=$?; echo $code");
    assert_eq!(stdout, "69\n", "{stderr}");
    assert!(stderr.contains("caused by: the keychain cannot be used: it is locked"), "{stderr}");
    let absent = to_end(home.command(CLAVIGER).args(["secrets", "get", "keychain://claviger/brave"]));
    assert!(!absent.success && absent.stdout.is_empty());
    assert!(absent.stderr.contains("no Secret Service answers on the session's bus"), "{}", absent.stderr);
}

#[test]
fn who_gives_up_waiting_ends_the_program_that_was_asked() {
    let home = Home::new();
    let waiting = Running::start(home.command(CLAVIGER).args(["secrets", "get", "command://sh -c 'echo $$ > leader; sleep 600; true'"]));
    let leader = || fs::read_to_string(home.path().join("leader")).unwrap_or_default();
    assert!(eventually(|| leader().ends_with('\n')), "the program was started");
    waiting.interrupt();
    waiting.line("given up");
    let is_gone = || fs::read_to_string(format!("/proc/{}/stat", leader().trim())).map_or(true, |stat| stat.contains(") Z "));
    assert!(eventually(is_gone), "it runs on");
}

/// `script` gives a program a terminal.
#[test]
fn secret_is_typed_unseen_and_told_only_on_demand() {
    let home = Home::new();
    fs::write(home.path().join("claviger.toml"), "[secrets.keychain]\nstore = \"file\"\n").expect("a file can be written");
    let at_a_terminal = |words: &str| {
        let mut command = home.command("script");
        command.args(["--quiet", "--return", "--command", &format!("\"$claviger\" secrets {words}"), "/dev/null"]);
        command
    };
    let mut put = Running::start(&mut at_a_terminal("put keychain://claviger/brave"));
    put.line("Enter ends it");
    put.type_line("typed-unseeX\u{7f}n");
    put.line("keeps it: 8 to 15 bytes");
    assert!(!put.said().contains("unsee"), "{}", put.said());

    let told = Running::start(&mut at_a_terminal("get keychain://claviger/brave"));
    told.line("`keychain://claviger/brave` is there: 8 to 15 bytes");
    told.line("`--reveal` prints it here");
    assert!(!told.said().contains("unseen"), "{}", told.said());
    let revealed = Running::start(&mut at_a_terminal("get --reveal keychain://claviger/brave"));
    assert_eq!(revealed.line("typed").trim(), "typed-unseen");

    let mut interrupted = Running::start(&mut at_a_terminal("put keychain://claviger/brave"));
    interrupted.line("Enter ends it");
    interrupted.type_line("other\u{3}");
    interrupted.line("given up; nothing was put there");
    let kept = to_end(home.command(CLAVIGER).args(["secrets", "get", "keychain://claviger/brave"]));
    assert_eq!(kept.stdout, "typed-unseen", "{}", kept.stderr);
}

#[test]
fn a_person_is_led_through_a_rotation_at_a_terminal() {
    let home = Home::new();
    fs::write(home.path().join("claviger.toml"), "[secrets.keychain]\nstore = \"file\"\n").expect("a file can be written");
    let put = to_end(home.command("sh").args(["-c", "printf typed-old | \"$claviger\" secrets put keychain://claviger/brave"]));
    assert!(put.success, "{}", put.stderr);
    let mut command = home.command("script");
    let words = "\"$claviger\" secrets rotate keychain://claviger/brave --guide --now";
    let mut guide = Running::start(command.args(["--quiet", "--return", "--command", words, "/dev/null"]));
    guide.line("make a new key for `keychain://claviger/brave` at its provider");
    guide.line("Enter ends it");
    guide.type_line("typed-new");
    guide.line("is not tried");
    guide.line("has the new key; the old one is in `keychain://claviger.previous/brave`");
    guide.line("no door is running");
    guide.line("no door is running");
    guide.type_line("yes");
    guide.line("`keychain://claviger/brave` is rotated");
    assert!(guide.said().contains("has the old key been revoked at its provider? [yes/no]"), "{}", guide.said());
    assert!(!guide.said().contains("typed-new"), "{}", guide.said());
    let kept = to_end(home.command(CLAVIGER).args(["secrets", "get", "keychain://claviger/brave"]));
    assert_eq!(kept.stdout, "typed-new", "{}", kept.stderr);
}
