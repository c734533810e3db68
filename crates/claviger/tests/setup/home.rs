//! A person's home folder, and the binary in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A home folder with a project in it.
pub(crate) struct Home(TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) data: String,
    pub(crate) talk: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir(home.at("project")).unwrap();
        home
    }

    pub(crate) fn at(&self, place: &str) -> PathBuf {
        // Records name files without links, and temporary folders may be behind one.
        self.0.path().canonicalize().unwrap().join(place)
    }

    pub(crate) fn write(&self, place: &str, text: &str) -> PathBuf {
        let file = self.at(place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    /// `claviger setup` with the words of a line, in the project.
    pub(crate) fn setup(&self, words: &str) -> Said {
        let output = Command::new(program())
            .arg("setup")
            .args(words.split(' '))
            .current_dir(self.at("project"))
            .env_clear()
            .env("HOME", self.at(""))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said::of(&output)
    }

    /// As [`setup`](Self::setup), where it must succeed.
    pub(crate) fn done(&self, words: &str) -> Said {
        let said = self.setup(words);
        assert_eq!(said.code, 0, "{words}: {said:?}");
        said
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), data: text(&output.stdout), talk: text(&output.stderr) }
    }
}

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_claviger"))
}

pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}
