//! What is about to be committed, and what ever was? The same files, as git has them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::collect::is_configuration;
use super::git::Repository;
use super::read::{Content, Unread};

/// A version of a file.
pub(super) struct Version {
    pub(super) path: PathBuf,
    /// The object, for `git log --find-object`.
    pub(super) object: Option<String>,
}

/// Looks at every configuration that the index has and the last commit has not, or has otherwise.
pub(super) fn staged(folder: &Path, all: bool, look: &mut dyn FnMut(Version, Result<Content, Unread>)) -> Result<(), Unread> {
    let repository = Repository::around(folder).ok_or(Unread::NoRepository)?;
    let before = match repository.ask(&["rev-parse", "--verify", "--quiet", "HEAD"]) {
        Ok(head) => head,
        // The first commit is compared with nothing.
        Err(_) => repository.ask(&["hash-object", "-t", "tree", "/dev/null"])?,
    };
    let before = String::from_utf8_lossy(&before).trim().to_owned();
    let names = repository.ask(&["diff-index", "--cached", "--name-only", "-z", "--diff-filter=ACMRT", &before])?;
    let mut blobs = repository.blobs()?;
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if all || is_one(name) {
            look(Version { path: repository.root().join(name), object: None }, blobs.read(&format!(":{name}")));
        }
    }
    Ok(())
}

/// Looks at every version of every configuration that any branch or tag leads to.
pub(super) fn history(folder: &Path, all: bool, look: &mut dyn FnMut(Version, Result<Content, Unread>)) -> Result<(), Unread> {
    let repository = Repository::around(folder).ok_or(Unread::NoRepository)?;
    // What each commit changed, and not every object once: the same content may have had a harmless name, too.
    let changes = repository.ask(&CHANGES)?;
    let mut blobs = repository.blobs()?;
    let mut seen = BTreeSet::new();
    let mut tokens = changes.split(|byte| *byte == 0);
    while let Some(token) = tokens.next() {
        // `:MODE MODE OBJECT OBJECT STATUS`, and then the name.
        let Some(change) = std::str::from_utf8(token).ok().and_then(|token| token.trim_start().strip_prefix(':')) else { continue };
        let (Some(object), Some(Ok(name))) = (change.split(' ').nth(3), tokens.next().map(std::str::from_utf8)) else { continue };
        let is_gone = object.bytes().all(|digit| digit == b'0');
        if is_gone || !(all || is_one(name)) || !seen.insert((object.to_owned(), name.to_owned())) {
            continue;
        }
        match blobs.read(object) {
            // Another repository inside of this one is no file.
            Err(Unread::System(error)) if error.kind() == io::ErrorKind::Other => blobs = repository.blobs()?,
            content => look(Version { path: repository.root().join(name), object: Some(object.to_owned()) }, content),
        }
    }
    Ok(())
}

fn is_one(name: &str) -> bool {
    let path = Path::new(name);
    let folder = path.parent().unwrap_or(path);
    path.file_name().is_some_and(|file| is_configuration(&file.to_string_lossy(), folder))
}

/// A repository may want signatures to be checked, by a program that it names.
const CHANGES: [&str; 13] = [
    "-c",
    "log.showSignature=false",
    "-c",
    "log.showRoot=true",
    "log",
    "--all",
    "--full-history",
    "--format=",
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
    "-m",
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::{history, staged};

    fn git(folder: &Path, arguments: &[&str]) {
        let user = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"];
        let status = Command::new("git").arg("-C").arg(folder).args(user).args(arguments).output().unwrap().status;
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn the_index_and_the_history_are_read_and_not_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        let put = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
        let staged_now = || {
            let mut found = Vec::new();
            staged(root, false, &mut |version, content| {
                let name = version.path.file_name().unwrap().to_string_lossy().into_owned();
                found.push((name, content.unwrap().text.to_string()));
            })
            .unwrap();
            found
        };
        put(".mcp.json", "one");
        put("other.txt", "one");
        git(root, &["add", "."]);
        put(".mcp.json", "not staged");
        assert_eq!(staged_now(), [(".mcp.json".to_owned(), "one".to_owned())]);
        git(root, &["commit", "-qm", "one"]);
        assert!(staged_now().is_empty());
        git(root, &["add", "."]);
        git(root, &["commit", "-qm", "two"]);
        git(root, &["rm", "-q", ".mcp.json"]);
        git(root, &["commit", "-qm", "three"]);
        let mut found = Vec::new();
        history(root, false, &mut |_, content| found.push(content.unwrap().text.to_string())).unwrap();
        found.sort();
        assert_eq!(found, ["not staged", "one"]);
    }
}
