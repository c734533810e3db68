//! Which `claviger.toml` counts, in which environment, and with what laid over it?

use std::path::{Path as FilePath, PathBuf};

use super::Drafter;
use crate::config::env;
use crate::config::judge::Judge;
use crate::config::listen::EnvironmentName;
use crate::config::tree::{Node, Path};
use crate::voice::{Exit, Report};

/// `claviger.toml` as read: the tree, with the environment's overlay laid over it, and where relative paths start.
pub(super) struct Written {
    pub(super) root: Option<Node>,
    pub(super) folder: PathBuf,
    pub(super) environment: EnvironmentName,
}

impl Drafter<'_> {
    /// Reads `claviger.toml` and lays the environment's overlay over it. `None` when it is not TOML.
    pub(super) fn own_file(&mut self) -> Result<Option<Written>, Report> {
        let outside = self.environment_outside()?;
        let Some(location) = self.own_location() else {
            let folder = self.around.folder().to_owned();
            return Ok(Some(Written { root: None, folder, environment: outside.unwrap_or_default() }));
        };
        let named_by = if self.arguments.config.is_some() { "--config" } else { env::CONFIG.name };
        let Some(mut root) = self.read_toml(&location, named_by)? else { return Ok(None) };
        let environment = match outside {
            Some(environment) => environment,
            None => self.environment_of(&root),
        };
        let overlay = overlay_of(&location, &environment);
        if self.around.folder().join(&overlay).is_file() {
            let Some(above) = self.read_toml(&overlay, env::ENV.name)? else { return Ok(None) };
            self.judge_overlay(&above, &environment);
            root.overlay(above);
        } else {
            self.watch.push(self.around.folder().join(&overlay));
        }
        let folder = self.around.folder().join(&location);
        let folder = folder.parent().unwrap_or(FilePath::new("/")).to_owned();
        Ok(Some(Written { root: Some(root), folder, environment }))
    }

    /// The flag, the variable; without either and without servers from elsewhere, `claviger.toml` here.
    fn own_location(&self) -> Option<PathBuf> {
        let arguments = self.arguments;
        if let Some(flag) = &arguments.config {
            return Some(flag.clone());
        }
        if arguments.mcp.is_some() || arguments.url.is_some() || arguments.demo || !arguments.program.is_empty() {
            return None;
        }
        if let Some(variable) = self.around.value(env::CONFIG) {
            return Some(PathBuf::from(variable));
        }
        Some(PathBuf::from(OWN_FILE)).filter(|own| self.around.folder().join(own).is_file())
    }

    fn environment_outside(&self) -> Result<Option<EnvironmentName>, Report> {
        let (name, text) = match (&self.arguments.environment, self.around.value(env::ENV)) {
            (Some(flag), _) => ("--env", flag.as_str()),
            (None, Some(variable)) => (env::ENV.name, variable),
            (None, None) => return Ok(None),
        };
        EnvironmentName::parse(text).map(Some).map_err(|error| Report::new(Exit::Configuration, format!("`{name}`: {error}")))
    }

    fn environment_of(&mut self, root: &Node) -> EnvironmentName {
        let text = root.member("environment").and_then(Node::text);
        let mut judge = Judge::new(Some(root), &mut self.faults);
        text.and_then(|text| judge.accept(&Path::default().key("environment"), EnvironmentName::parse(text))).unwrap_or_default()
    }

    fn judge_overlay(&mut self, above: &Node, environment: &EnvironmentName) {
        let path = Path::default().key("environment");
        let differs = above.member("environment").and_then(Node::text).is_some_and(|text| text != environment.as_str());
        if differs {
            let what = format!("this file is read in the environment `{}`", environment.as_str());
            Judge::new(Some(above), &mut self.faults).blame_with_hint(&path, what, "remove the line");
        }
    }
}

/// `claviger.toml` in `production` is overlaid with `claviger.production.toml` beside it.
fn overlay_of(location: &FilePath, environment: &EnvironmentName) -> PathBuf {
    let stem = location.file_stem().unwrap_or_default().to_string_lossy();
    let extension = location.extension().map_or_else(|| "toml".into(), |extension| extension.to_string_lossy());
    location.with_file_name(format!("{stem}.{}.{extension}", environment.as_str()))
}

const OWN_FILE: &str = "claviger.toml";
