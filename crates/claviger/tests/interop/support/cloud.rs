//! Who plays the cloud? A program under interop/servers/, and beside it the client of the cloud's own maker, which writes the secrets and so shows that it plays
//! well.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::peers::{cloud_python, repository, text};
use super::{Running, fingerprint, to_end};

/// A cloud, and a folder for what one shows to it.
pub(crate) struct Cloud {
    name: &'static str,
    _process: Running,
    told: Value,
    folder: TempDir,
}

impl Cloud {
    /// Starts interop/servers/NAME.py in the folder.
    pub(crate) fn start(name: &'static str, folder: TempDir, arguments: &[&Path]) -> Self {
        let script = repository().join(format!("interop/servers/{name}.py"));
        let process = Running::start(cloud_python().arg(script).args(arguments).current_dir(&folder));
        let told = serde_json::from_str(&process.line("\"url\"")).expect("it tells JSON");
        Self { name, _process: process, told, folder }
    }

    /// What it told about itself.
    pub(crate) fn told(&self, name: &str) -> &str {
        self.told[name].as_str().expect("it tells that")
    }

    /// The path of a file in its folder.
    pub(crate) fn file(&self, name: &str) -> String {
        text(&self.folder.path().join(name))
    }

    /// What the maker's client saw, with this file of the folder.
    pub(crate) fn sdk(&self, file: &str, words: &[&str]) -> Value {
        let script = repository().join(format!("interop/drivers/{}_sdk.py", self.name));
        let ended = to_end(cloud_python().arg(script).args([self.told("url"), &self.file(file)]).args(words));
        assert!(ended.success, "{words:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).expect("the driver prints JSON")
    }

    /// A new version of a secret by the maker's client, and what that saw of it.
    pub(crate) fn put(&self, file: &str, name: &str, value: &str) -> Value {
        let seen = self.sdk(file, &["put", name, value]);
        assert_eq!(seen["sha256"], fingerprint(value), "{seen}");
        seen
    }
}
