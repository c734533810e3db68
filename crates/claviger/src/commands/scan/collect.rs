//! Which files are looked at? Those that are named; in folders, and in the home of a person, those that clients read.

use std::fs;
use std::path::{Path, PathBuf};

use super::read::Unread;
use crate::config::env::Surroundings;
use crate::known_clients;

/// What there is to read, and what could not even be listed.
pub(super) struct Collected {
    pub(super) files: Vec<PathBuf>,
    pub(super) unread: Vec<(PathBuf, Unread)>,
    /// Whether every file counts, whatever it is called.
    all: bool,
}

/// The files behind the paths; without paths, those of the working folder and of every client that is known.
pub(super) fn collect(paths: &[PathBuf], all: bool, around: &Surroundings) -> Collected {
    let mut collected = Collected { files: Vec::new(), unread: Vec::new(), all };
    let mut left = MOST_ENTRIES;
    for path in paths {
        let path = around.folder().join(path);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => collected.walk(&path, 0, &mut left),
            Ok(_) => collected.files.push(path),
            Err(error) => collected.unread.push((path, Unread::System(error))),
        }
    }
    if paths.is_empty() {
        collected.walk(around.folder(), 0, &mut left);
        collected.files.extend(known_clients::user_files(around).into_iter().filter(|file| file.is_file()));
    }
    collected.files.sort();
    collected.files.dedup();
    collected
}

impl Collected {
    /// Links are not followed: they may lead out, and round in circles.
    fn walk(&mut self, folder: &Path, depth: usize, left: &mut usize) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unread.push((folder.to_owned(), Unread::System(error))),
        };
        for entry in entries.flatten() {
            let Some(fewer) = left.checked_sub(1) else {
                return self.unread.push((folder.to_owned(), Unread::TooMany));
            };
            *left = fewer;
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_file() && (self.all || is_configuration(&name, folder)) {
                self.files.push(entry.path());
            } else if kind.is_dir() && depth < DEEPEST && !PASSED_BY.contains(&&*name) {
                self.walk(&entry.path(), depth + 1, left);
            }
        }
    }
}

/// By its name, and where a name says little, by its folder.
pub(super) fn is_configuration(name: &str, folder: &Path) -> bool {
    let name = name.to_ascii_lowercase();
    let inside = folder.file_name().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    let about = name.contains("mcp")
        && [".json", ".jsonc", ".json5", ".toml", ".yaml", ".yml", ".bak", ".backup"].iter().any(|ending| name.ends_with(ending));
    let environment = name.starts_with(".env.") || name.rsplit_once('.').is_some_and(|(_, ending)| ending == "env");
    let client = CLIENT_FOLDERS.contains(&inside.as_str()) && CLIENT_FILES.contains(&name.as_str());
    about
        || environment
        || client
        || name.starts_with("claude_desktop_config")
        || name.starts_with("claviger.") && name.strip_suffix(".toml").is_some()
        || matches!(name.as_str(), "opencode.json" | "opencode.jsonc")
}

const DEEPEST: usize = 16;
const MOST_ENTRIES: usize = 1_000_000;
const PASSED_BY: &[&str] =
    &[".git", "node_modules", "target", ".venv", "venv", "__pycache__", ".hg", ".svn", "site-packages", ".tox", ".cache"];
const CLIENT_FOLDERS: &[&str] = &[
    ".claude",
    ".codex",
    ".gemini",
    ".vscode",
    ".cursor",
    ".zed",
    ".kiro",
    "settings",
    ".roo",
    ".continue",
    ".windsurf",
    ".amazonq",
    ".idx",
];
const CLIENT_FILES: &[&str] = &["settings.json", "settings.local.json", "config.toml", "config.json", "config.yaml", "mcp.json"];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::collect;
    use crate::config::env::Surroundings;

    #[test]
    fn a_folder_gives_its_configurations_and_no_link_leads_in_circles() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/.vscode")).unwrap();
        fs::create_dir_all(folder.path().join("node_modules/x")).unwrap();
        for name in [".mcp.json", "a/.vscode/settings.json", "a/settings.json", "a/main.rs", "node_modules/x/.mcp.json", "a/.env.local"] {
            fs::write(folder.path().join(name), "{}").unwrap();
        }
        symlink(folder.path(), folder.path().join("a/round")).unwrap();
        let collected = collect(&[folder.path().to_owned()], false, &Surroundings::pretend(folder.path(), &[]));
        let names: Vec<String> =
            collected.files.iter().map(|file| file.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
        assert_eq!(names, [".mcp.json", "a/.env.local", "a/.vscode/settings.json"]);
        assert!(collected.unread.is_empty());
    }
}
