//! Which paths may a caller name? Relative ones that cannot climb.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::refusal::Refusal;

/// A path below the root: plain names only, no `..`, no leading `/`, no NUL; empty for the root itself.
///
/// The words alone prove nothing about links; `root` does that while it opens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RelativePath(PathBuf);

impl RelativePath {
    /// Reads what a caller wrote. `.` and doubled slashes are dropped; `..` is refused even where it would stay inside.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.starts_with('/') {
            return Err(Refusal::AbsolutePath);
        }
        if text.contains('\0') {
            return Err(Refusal::NulInPath);
        }
        let mut path = Self(PathBuf::new());
        for name in text.split('/').filter(|name| !name.is_empty() && *name != ".") {
            if name == ".." {
                return Err(Refusal::ParentPath);
            }
            path = path.join(OsStr::new(name)).ok_or(Refusal::PathTooLong)?;
        }
        Ok(path)
    }

    /// The path of an entry of this directory; `None` when it gets too long or too deep. `name` comes from the kernel
    /// or from [`RelativePath::parse`], so it is one plain name.
    pub(super) fn join(&self, name: &OsStr) -> Option<Self> {
        let fits = self.size() + 1 + name.len() <= LONGEST_PATH && self.names().count() < MOST_NAMES;
        fits.then(|| Self(self.0.join(name)))
    }

    /// The directory that holds it and its name there; `None` for the root.
    pub(super) fn split(&self) -> Option<(Self, &OsStr)> {
        let parent = self.0.parent()?;
        Some((Self(parent.to_path_buf()), self.0.file_name()?))
    }

    /// The names on the way down, first to last.
    pub(super) fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.0.iter()
    }

    /// This path seen from `directory`, or whole if it is not below it.
    pub(super) fn below<'path>(&'path self, directory: &Self) -> &'path Path {
        self.0.strip_prefix(&directory.0).unwrap_or(&self.0)
    }

    /// As the operating system takes it.
    pub(super) fn as_path(&self) -> &Path {
        &self.0
    }

    /// Length in bytes.
    pub(super) fn size(&self) -> usize {
        self.0.as_os_str().as_bytes().len()
    }

    /// Whether this is the root itself.
    pub(super) fn is_root(&self) -> bool {
        self.size() == 0
    }
}

/// The root is `.`; bytes that are not UTF-8 become U+FFFD.
impl fmt::Display for RelativePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() { formatter.write_str(".") } else { self.0.display().fmt(formatter) }
    }
}

/// Bytes of the longest path; below Linux's PATH_MAX.
pub(super) const LONGEST_PATH: usize = 4000;
/// The most names in a path.
pub(super) const MOST_NAMES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_kept_and_tidied() {
        for (text, expected) in [("", "."), (".", "."), ("./", "."), ("a/b", "a/b"), ("./a//b/.", "a/b"), ("...", "..."), ("a\\b", "a\\b")]
        {
            assert_eq!(RelativePath::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_path_that_could_climb_is_refused() {
        for (text, expected) in [
            ("/", Refusal::AbsolutePath),
            ("/etc/passwd", Refusal::AbsolutePath),
            ("//etc", Refusal::AbsolutePath),
            ("..", Refusal::ParentPath),
            ("a/..", Refusal::ParentPath),
            ("a/../a/b", Refusal::ParentPath),
            ("./../x", Refusal::ParentPath),
            ("a\0/../b", Refusal::NulInPath),
        ] {
            assert_eq!(RelativePath::parse(text), Err(expected), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_accepted_goes_only_downwards(text in "[./a\\\\\\x00-\\x1f~é ]{0,40}") {
            if let Ok(path) = RelativePath::parse(&text) {
                let downwards = |part| matches!(part, std::path::Component::Normal(_));
                proptest::prop_assert!(path.as_path().components().all(downwards));
            }
        }
    }

    #[test]
    fn a_path_too_long_or_too_deep_is_refused() {
        assert!(RelativePath::parse(&"a/".repeat(MOST_NAMES)).is_ok());
        assert_eq!(RelativePath::parse(&"a/".repeat(MOST_NAMES + 1)), Err(Refusal::PathTooLong));
        assert_eq!(RelativePath::parse(&"a".repeat(LONGEST_PATH)), Err(Refusal::PathTooLong));
    }

    #[test]
    fn a_path_splits_into_its_directory_and_its_name() {
        let path = RelativePath::parse("a/b/c").unwrap();
        let (parent, name) = path.split().unwrap();
        assert_eq!((parent.to_string().as_str(), name), ("a/b", OsStr::new("c")));
        assert_eq!(RelativePath::parse("").unwrap().split(), None);
    }
}
