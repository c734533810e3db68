//! How do tests make a configuration? A folder of files, variables and flags in; a draft or the faults as a person reads them out.

use std::path::Path;

use clap::Parser as _;
use tempfile::TempDir;

use super::draft::{Draft, draft};
use super::env::Surroundings;
use super::plan::Plan;
use crate::cli::{Cli, Command, ServeArguments};
use crate::voice::Report;

/// A folder with files in it, in which commands are pretended to be typed.
pub(super) struct Folder {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Folder {
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { folder, variables: vec![("HOME".to_owned(), "/home/ann".to_owned())] }
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn draft(&self, flags: &[&str]) -> Result<Draft, String> {
        draft(&serve(flags), &self.around()).map_err(|report| self.text(&report))
    }

    pub(super) fn plan(&self, flags: &[&str]) -> Result<Plan, String> {
        let draft = self.draft(flags)?;
        let (secrets, around) = (draft.secrets.clone(), self.around());
        let plan = secrets.lend(&around, async |resolver| Plan::of(draft, resolver).await);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(plan).map_err(|report| self.text(&report))
    }

    /// The `error:` lines alone.
    pub(super) fn errors(&self, flags: &[&str]) -> Vec<String> {
        let Err(text) = self.draft(flags) else { return Vec::new() };
        text.lines().filter(|line| line.contains("error:")).map(str::to_owned).collect()
    }

    fn around(&self) -> Surroundings {
        let variables: Vec<(&str, &str)> = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Surroundings::pretend(self.folder.path(), &variables)
    }

    fn text(&self, report: &Report) -> String {
        let text = anstream::adapter::strip_str(&report.render()).to_string();
        text.replace(&self.folder.path().display().to_string(), "HERE")
    }
}

fn serve(flags: &[&str]) -> ServeArguments {
    match Cli::try_parse_from(["claviger", "serve"].iter().chain(flags)).unwrap().command {
        Command::Serve(arguments) => *arguments,
        _ => panic!("not serve"),
    }
}
