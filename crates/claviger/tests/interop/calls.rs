//! `claviger call` before `server-everything`: arguments by its schemas, a bar for its progress, and its questions answered at a terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

use crate::support::{Running, loopback_server, node, peer, repository};

struct Everything {
    _server: Running,
    url: String,
    home: TempDir,
}

/// What a command printed, and what stood on its terminal.
struct Called {
    code: Option<i32>,
    printed: String,
    shown: String,
}

impl Everything {
    fn start() -> Self {
        let mut command = node();
        command.arg("--import").arg(repository().join("interop/servers/loopback.mjs"));
        command.arg(peer("npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js")).arg("streamableHttp");
        let (server, url) = loopback_server(command);
        let home = tempfile::tempdir().expect("there is a folder");
        // Never the keychain of whoever runs the tests.
        let accounts = home.path().join(".local/state/claviger/accounts");
        std::fs::create_dir_all(&accounts).expect("the folder can be made");
        std::fs::write(accounts.join("storage"), "file\n").expect("the file can be written");
        Self { _server: server, url, home }
    }

    fn call(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").env("BROWSER", "true");
        command.current_dir(self.home.path()).args(["call", &self.url]).args(words);
        command
    }

    fn piped(&self, words: &[&str]) -> Called {
        let output = self.call(words).stdin(Stdio::null()).output().expect("the command runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Called { code: output.status.code(), printed: text(&output.stdout), shown: text(&output.stderr) }
    }

    /// Somebody types ahead.
    fn typed(&self, words: &[&str], keys: &str) -> Called {
        let (mut person, terminal) = terminal();
        person.write_all(keys.as_bytes()).expect("a terminal can be typed at");
        let mut command = self.call(words);
        let stdin = terminal.try_clone().expect("a terminal can be shared");
        let child = command.stdin(stdin).stderr(terminal).stdout(Stdio::piped()).spawn().expect("the command starts");
        drop(command);
        let mut screen = Vec::new();
        // At its end a terminal is an error.
        let _ended = person.read_to_end(&mut screen);
        let output = child.wait_with_output().expect("the command ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Called { code: output.status.code(), printed: text(&output.stdout), shown: text(&screen) }
    }
}

/// The person's end, and the program's.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&person).expect("it is ours");
    unlockpt(&person).expect("it can be opened");
    let name = ptsname(&person, Vec::new()).expect("it has a name");
    let name = Path::new(name.to_str().expect("in letters")).to_owned();
    let program = OpenOptions::new().read(true).write(true).open(name).expect("it can be opened");
    (File::from(person), program)
}

#[test]
fn words_are_what_its_schemas_make_of_them() {
    let everything = Everything::start();
    let sum = everything.piped(&["get-sum", "--a", "2", "--b", "40"]);
    assert_eq!((sum.code, sum.printed.as_str()), (Some(0), "The sum of 2 and 40 is 42.\n"), "{}", sum.shown);
    let wrong = everything.piped(&["get-sum", "--a", "two", "--b", "40"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.shown.contains("`--a two`: the tool wants number"), "{}", wrong.shown);
    let lacking = everything.piped(&["get-sum", "--a", "2"]);
    assert!(lacking.shown.contains("the tool also wants `--b` (number)"), "{}", lacking.shown);
    let weather = everything.piped(&["get-structured-content", "--location", "New York", "--output", "table"]);
    assert_eq!(weather.printed, "conditions   Cloudy\nhumidity     82\ntemperature  33\n", "{}", weather.shown);
    let elsewhere = everything.piped(&["get-structured-content", "--location", "Bonn"]);
    assert!(elsewhere.shown.contains("the tool wants New York, Chicago, Los Angeles"), "{}", elsewhere.shown);
}

#[test]
fn its_progress_is_a_bar() {
    let everything = Everything::start();
    let called = everything.typed(&["trigger-long-running-operation", "--duration", "1", "--steps", "4"], "");
    assert_eq!(called.code, Some(0), "{}", called.shown);
    assert!(called.shown.contains("[############............]  50 %"), "{:?}", called.shown);
    assert!(called.printed.contains("Long running operation completed"), "{}", called.printed);
}

#[test]
fn its_form_is_filled_in() {
    let everything = Everything::start();
    // Everything as it stands there, but the name: by the alphabet seven before it, and five behind.
    let keys = format!("{}Ada Lovelace\n{}yes\n", "\n".repeat(7), "\n".repeat(5));
    let called = everything.typed(&["trigger-elicitation-request"], &keys);
    assert_eq!(called.code, Some(0), "{}", called.shown);
    assert!(called.shown.contains("String: Your full, legal name (text): "), "{}", called.shown);
    assert!(called.printed.contains("- Name: Ada Lovelace") && called.printed.contains("- Favorite Integer: 42"), "{}", called.printed);
}

#[test]
fn its_addresses_are_opened_only_with_a_yes() {
    let everything = Everything::start();
    let words = ["trigger-url-elicitation", "--url", "https://example.com/consent"];
    let opened = everything.typed(&words, "yes\n");
    assert!(opened.shown.contains("at example.com"), "{}", opened.shown);
    assert!(opened.printed.contains("User completed the URL elicitation flow"), "{}", opened.printed);
    let left = everything.typed(&words, "no\n");
    assert!(left.printed.contains("User declined to open the URL"), "{}", left.printed);
    // First as an error; then, called again, as a question.
    let again = everything.typed(&[&words[..], &["--error-path", "true"]].concat(), "yes\nyes\nyes\n");
    assert!(again.shown.contains("at modelcontextprotocol.io") && again.shown.contains("done there, and call again?"), "{}", again.shown);
    assert!(again.printed.contains("User completed the URL elicitation flow"), "{}", again.printed);
}
