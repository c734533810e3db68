//! Where does a client find the variables that its file refers to? In one file of references, never of secrets, for `claviger run --env-file`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use scan::fix::{Move, Reader};
use tempfile::NamedTempFile;

use crate::config::env_file;
use crate::voice::Report;

/// The variables, by name.
pub(super) struct Variables {
    file: PathBuf,
    known: BTreeMap<String, String>,
    is_changed: bool,
}

impl Variables {
    pub(super) fn read(state: &Path) -> Result<Self, Report> {
        let file = state.join(FILE);
        let entries = if file.exists() { env_file::read(&file, &file)? } else { Vec::new() };
        let known = entries.into_iter().map(|entry| (entry.name, entry.value.to_string())).collect();
        Ok(Self { file, known, is_changed: false })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn names(self) -> impl Iterator<Item = String> {
        self.known.into_keys()
    }

    /// The variable under which a client finds this reference; empty where the client is not who resolves it.
    pub(super) fn name_for(&mut self, each: &Move, reference: &str) -> String {
        let Some(wanted) = each.variable.as_deref().filter(|_| each.reader == Reader::Client) else { return String::new() };
        let mut names = std::iter::once(wanted.to_owned()).chain((2..).map(|number| format!("{wanted}_{number}")));
        let name = names.find(|name| self.known.get(name).is_none_or(|known| known == reference)).unwrap_or_default();
        self.is_changed |= self.known.insert(name.clone(), reference.to_owned()).is_none();
        name
    }

    /// Puts them on the disk, whole or not at all.
    pub(super) fn write(&self) -> io::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        writeln!(file, "# What the files of MCP clients refer to since `claviger scan --fix`: names of secrets, and no secret.")?;
        for (name, reference) in &self.known {
            writeln!(file, "{name}=\"{reference}\"")?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.file).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }
}

const FILE: &str = "clients.env";
