//! Would version control take a file in? As the `.gitignore` files of its repository say; git itself is not started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::index;

/// The rules of each folder that was met, read once.
#[derive(Default)]
pub(super) struct Repositories {
    roots: BTreeMap<PathBuf, Option<PathBuf>>,
    rules: BTreeMap<PathBuf, Gitignore>,
    tracked: BTreeMap<PathBuf, Option<BTreeSet<Vec<u8>>>>,
}

impl Repositories {
    /// `None` for a file that is in no repository.
    pub(super) fn would_take(&mut self, file: &Path) -> Option<bool> {
        let folder = file.parent()?.to_owned();
        let root = self.roots.entry(folder.clone()).or_insert_with(|| root_of(&folder)).clone()?;
        // The nearest file that says something decides.
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(&root)) {
            let rules = self.rules.entry(folder.to_owned()).or_insert_with(|| rules_of(folder, &root));
            let matched = rules.matched_path_or_any_parents(file, false);
            if !matched.is_none() {
                return Some(!matched.is_ignore());
            }
        }
        Some(true)
    }
}

impl Repositories {
    /// Whether the index of its repository has a file; `None` outside of one, and where the index cannot be read.
    pub(super) fn has(&mut self, file: &Path) -> Option<bool> {
        let folder = file.parent()?.to_owned();
        let root = self.roots.entry(folder.clone()).or_insert_with(|| root_of(&folder)).clone()?;
        let inside = file.strip_prefix(&root).ok()?.as_os_str().as_encoded_bytes().to_vec();
        let tracked = self.tracked.entry(root.clone()).or_insert_with(|| index::names(&root));
        tracked.as_ref().map(|names| names.contains(&inside))
    }
}

/// The folder of the repository that a folder is in.
pub(super) fn root_of(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// A line that is no pattern is passed over, as git does.
fn rules_of(folder: &Path, root: &Path) -> Gitignore {
    let mut builder = GitignoreBuilder::new(folder);
    let _ = builder.add(folder.join(".gitignore"));
    if folder == root {
        let _ = builder.add(root.join(".git/info/exclude"));
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Repositories;

    #[test]
    fn the_nearest_gitignore_decides() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repository");
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join(".gitignore"), ".env*\n").unwrap();
        fs::write(root.join("sub/.gitignore"), "!.env.example\n").unwrap();
        let mut repositories = Repositories::default();
        assert_eq!(repositories.would_take(&root.join(".env")), Some(false));
        assert_eq!(repositories.would_take(&root.join("sub/.env")), Some(false));
        assert_eq!(repositories.would_take(&root.join("sub/.env.example")), Some(true));
        assert_eq!(repositories.has(&root.join(".env")), Some(false));
        assert_eq!(repositories.has(&folder.path().join(".env")), None);
        assert_eq!(repositories.would_take(&root.join(".mcp.json")), Some(true));
        assert_eq!(repositories.would_take(&folder.path().join(".env")), None);
    }
}
