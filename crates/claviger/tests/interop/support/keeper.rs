//! How is it seen which value a child was given? A door before one keeper for each reference, and the fingerprints that they tell; nobody prints a value.

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use tempfile::TempDir;

use super::peers::{loopback_server, peer, python, repository, text};
use super::process::Ended;
use super::{Door, Running, Setup, eventually, to_end};

/// A door before keepers.
pub(crate) struct Keepers {
    door: Door,
    _server: Option<Running>,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Keepers {
    /// Opens a door with this text of configuration before one keeper for each name and reference: a child, which has the value in its environment.
    pub(crate) fn open(configuration: &str, references: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let command = [&*text(&peer("venv/bin/python")), &*text(&script()), "stdio"];
        let server =
            |(name, reference): &(&str, &str)| format!("[servers.{name}]\ncommand = {command:?}\nenv = {{ KEPT = \"{reference}\" }}\n");
        Self::before(None, configuration, &references.iter().map(server).collect::<String>(), variables)
    }

    /// The same before one keeper over HTTP, `rotated`, which is given the value with each call.
    pub(crate) fn open_for_each_call(configuration: &str, reference: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = python();
        command.arg(script()).arg("http");
        let (server, url) = loopback_server(command);
        let servers = format!("[servers.rotated]\nurl = \"{url}\"\nheaders = {{ Kept = \"{reference}\" }}\n");
        Self::before(Some(server), configuration, &servers, variables)
    }

    fn before(server: Option<Running>, configuration: &str, servers: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("claviger.toml");
        fs::write(&file, format!("{configuration}\n{servers}")).expect("a configuration can be written");
        let setup = variables.iter().fold(Setup::file(&file), |setup, (name, value)| setup.variable(name, value));
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { door: setup.open(), _server: server, folder, variables }
    }

    /// The folder of the door's configuration.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Types `claviger secrets …` beside the running door, as whom the door itself is.
    pub(crate) fn types(&self, words: &[&str]) -> Ended {
        let mut command = self.door.command(&["secrets"]);
        command.args(words).arg("--config").arg(self.folder().join("claviger.toml"));
        to_end(command.envs(self.variables.iter().map(|(name, value)| (name, value))))
    }

    /// The fingerprint of the value that this keeper was given last; an error says why the call failed.
    pub(crate) fn kept(&self, keeper: &str) -> Result<String, String> {
        self.door.call(keeper, "fingerprint", &json!({}))
    }

    /// This keeper has this value.
    pub(crate) fn has(&self, keeper: &str, value: &str) {
        self.door.keep_secret(value);
        assert_eq!(self.kept(keeper), Ok(fingerprint(value)), "{keeper}");
    }

    /// The keeper of [`Self::open_for_each_call`] has the first value, and before long the second, which is put there. Then the door is ended.
    pub(crate) fn follow(self, first: &str, second: &str, put: impl FnOnce(&str)) {
        self.has("rotated", first);
        self.door.keep_secret(second);
        put(second);
        assert!(eventually(|| self.kept("rotated").as_ref() == Ok(&fingerprint(second))), "it has still the first value");
        self.close();
    }

    /// This keeper gets no value. Its caller is told only that, and the door's own log says why in these words.
    pub(crate) fn has_none(&mut self, keeper: &str, why: &str) {
        let told = self.kept(keeper).expect_err("the call fails");
        assert!(told.contains("has no credential to work with") && !told.contains(why), "{told}");
        let logged = self.door.process().line("gives no credential");
        assert!(logged.contains(why), "{keeper}: {logged}");
    }

    /// Remembers what must not be written anywhere.
    pub(crate) fn never_writes(&self, secret: &str) {
        self.door.keep_secret(secret);
    }

    /// Ends the door and looks after it.
    pub(crate) fn close(self) {
        self.door.close();
    }
}

/// The SHA-256 of a value, in hexadecimal digits.
pub(crate) fn fingerprint(value: &str) -> String {
    digest(&SHA256, value.as_bytes()).as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn script() -> PathBuf {
    repository().join("interop/servers/keeper.py")
}
