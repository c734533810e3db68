//! What does version control have of a file, and how is it told to leave it alone?

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::super::git::Repository;

/// What git has of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing, or there is no repository.
    Clean,
    /// An older commit has it.
    InHistory,
    /// It is in the index.
    Tracked,
    /// There is a repository, and git does not answer.
    Unknown,
}

/// Asks git.
pub(super) fn standing(file: &Path) -> Standing {
    let Some((repository, inside)) = file.canonicalize().ok().and_then(|file| place_in(&file)) else { return Standing::Clean };
    let inside = inside.to_string_lossy();
    let ask = |arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--", &inside]).collect();
        repository.ask(&arguments).ok().map(|said| !said.is_empty())
    };
    match (ask(&["ls-files", "--cached", "-z"]), ask(&["rev-list", "--all", "--max-count=1"])) {
        (Some(true), _) => Standing::Tracked,
        (Some(false), Some(true)) => Standing::InHistory,
        (Some(false), Some(false)) => Standing::Clean,
        _ => Standing::Unknown,
    }
}

/// Adds a file to the `.gitignore` of its repository, and gives that.
pub(super) fn ignore(file: &Path) -> io::Result<PathBuf> {
    let (repository, inside) = place_in(&file.canonicalize()?).ok_or(io::ErrorKind::NotFound)?;
    let ignored = repository.root().join(".gitignore");
    let before = match std::fs::read(&ignored) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        before => before?,
    };
    let end = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
    let line = format!("{end}/{}\n", pattern(&inside.to_string_lossy()));
    // In one piece, for others may write there, too.
    OpenOptions::new().create(true).append(true).open(&ignored)?.write_all(line.as_bytes())?;
    Ok(ignored)
}

fn place_in(file: &Path) -> Option<(Repository, PathBuf)> {
    let repository = Repository::around(file.parent()?)?;
    let inside = file.strip_prefix(repository.root()).ok()?.to_owned();
    Some((repository, inside))
}

/// What has a meaning in patterns, made to have none.
fn pattern(path: &str) -> String {
    let mut pattern = String::new();
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | ' ') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::{Standing, ignore, standing};

    fn git(folder: &Path, arguments: &[&str]) {
        let user = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"];
        let status = Command::new("git").arg("-C").arg(folder).args(user).args(arguments).output().unwrap().status;
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn git_says_what_it_has_of_a_file_and_runs_nothing_of_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let file = root.join("a [1].json");
        fs::write(&file, "{}").unwrap();
        assert_eq!(standing(&file), Standing::Clean);
        git(root, &["init", "-q"]);
        assert_eq!(standing(&file), Standing::Clean);
        let canary = root.join("canary");
        git(root, &["config", "core.fsmonitor", &format!("touch {}", canary.display())]);
        git(root, &["-c", "core.fsmonitor=false", "add", "a [1].json"]);
        assert_eq!(standing(&file), Standing::Tracked);
        git(root, &["-c", "core.fsmonitor=false", "commit", "-qm", "one"]);
        git(root, &["-c", "core.fsmonitor=false", "rm", "-q", "--cached", "a [1].json"]);
        assert_eq!(standing(&file), Standing::InHistory);
        assert!(!canary.exists());
        fs::write(root.join(".gitignore"), "target").unwrap();
        ignore(&file).unwrap();
        assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "target\n/a\\ \\[1\\].json\n");
        git(root, &["-c", "core.fsmonitor=false", "check-ignore", "-q", "a [1].json"]);
    }
}
