//! Who looks after secrets? A person with a configuration, who types `claviger secrets …`.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::Ended;
use super::to_end;

/// Somebody with a folder of her own.
pub(crate) struct Person {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Person {
    pub(crate) fn new(configuration: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("claviger.toml"), configuration).expect("a file can be written");
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { folder, variables }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Types a command.
    pub(crate) fn types(&self, words: &[&str]) -> Ended {
        to_end(self.command(CLAVIGER).arg("secrets").args(words))
    }

    /// Pipes a value into a command.
    pub(crate) fn pipes(&self, value: &str, words: &[&str]) -> Ended {
        let script = r#"printf %s "$VALUE" | "$claviger" secrets "$@""#;
        let mut command = self.command("sh");
        to_end(command.args(["-c", script, "sh"]).args(words).env("VALUE", value).env("claviger", CLAVIGER))
    }

    pub(crate) fn puts(&self, reference: &str, value: &str) {
        let ended = self.pipes(value, &["put", reference]);
        assert!(ended.success, "{reference}: {}", ended.stderr);
    }

    pub(crate) fn finds(&self, reference: &str, value: &str) {
        let ended = self.types(&["get", reference]);
        assert_eq!(ended.stdout, value, "{reference}: {}", ended.stderr);
    }

    pub(crate) fn finds_nothing(&self, reference: &str) {
        let ended = self.types(&["get", reference]);
        let is_absent = ["there is no such secret", "has no such member"].iter().any(|words| ended.stderr.contains(words));
        assert!(!ended.success && is_absent, "{reference}: {}{}", ended.stdout, ended.stderr);
    }

    pub(crate) fn lists(&self, below: &str, expected: &[&str]) {
        let ended = self.types(&["list", below]);
        assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), expected, "{}", ended.stderr);
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder()).env("HOME", self.folder()).env("CLAVIGER_STATE", self.folder().join("state"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// What a person may expect of every place that is written to. `whole` and `document` name secrets that are not there; `below` is where they are listed, among `others`.
pub(crate) fn everything_that_writers_promise(person: &Person, whole: &str, document: &str, below: &str, others: &[&str]) {
    person.finds_nothing(whole);
    for value in ["first", "se\"cond\nline", "grüß Gott"] {
        person.puts(whole, value);
        person.finds(whole, value);
    }
    let member = |name: &str| format!("{document}#{name}");
    person.puts(&member("user"), "ann");
    person.puts(&member("password"), "old");
    person.puts(&member("password"), "new");
    person.finds(&member("user"), "ann");
    person.finds(&member("password"), "new");
    let mut names = [&[whole, document], others].concat();
    names.sort_unstable();
    person.lists(below, &names);

    let moved = person.types(&["migrate", &member("password"), whole]);
    assert!(!moved.success && moved.stderr.contains("holds another secret"), "{}", moved.stderr);
    let moved = person.types(&["migrate", &member("password"), "keychain://moved/password", "--delete"]);
    assert!(moved.success && moved.stderr.contains("is removed"), "{}", moved.stderr);
    person.finds("keychain://moved/password", "new");
    person.finds_nothing(&member("password"));
    person.finds(&member("user"), "ann");
    let moved = person.types(&["migrate", whole, "keychain://moved/whole", "--delete"]);
    assert!(moved.success, "{}", moved.stderr);
    person.finds("keychain://moved/whole", "grüß Gott");
    person.finds_nothing(whole);
    let again = person.types(&["migrate", "keychain://moved/whole", whole]);
    assert!(again.success, "{}", again.stderr);
    person.finds(whole, "grüß Gott");
}

const CLAVIGER: &str = env!("CARGO_BIN_EXE_claviger");
