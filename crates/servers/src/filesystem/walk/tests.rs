//! Is everything found, nothing followed, and every walk bounded?

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::filesystem::list::{MOST_ENTRIES, list_directory};

/// A small project.
fn project() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    for directory in ["src/deep/deeper", ".git/objects", "empty"] {
        fs::create_dir_all(place.path().join(directory)).unwrap();
    }
    for file in ["README.md", "src/main.rs", "src/deep/lib.rs", "src/deep/deeper/old.RS", ".git/HEAD", ".env"] {
        fs::write(place.path().join(file), file).unwrap();
    }
    symlink("..", place.path().join("src/up")).unwrap();
    symlink("/", place.path().join("everything")).unwrap();
    place
}

fn root(place: &TempDir) -> Root {
    Root::open(place.path()).unwrap()
}

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn shown(finds: &Finds) -> Vec<(&str, Kind)> {
    finds.entries.iter().map(|find| (find.path.as_str(), find.kind)).collect()
}

fn names(finds: &Finds) -> Vec<&str> {
    finds.entries.iter().map(|find| find.path.as_str()).collect()
}

#[test]
fn a_directory_is_listed_with_kinds_and_sizes() {
    let place = project();
    let listing = list_directory(&root(&place), &path("."), &Stop::default()).unwrap();
    let entries: Vec<_> = listing.entries.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.size)).collect();
    let expected = [
        (".env", Kind::File, Some(4)),
        (".git", Kind::Directory, None),
        ("README.md", Kind::File, Some(9)),
        ("empty", Kind::Directory, None),
        ("everything", Kind::SymbolicLink, None),
        ("src", Kind::Directory, None),
    ];
    assert_eq!((entries, listing.truncated), (expected.to_vec(), false));
    let file = list_directory(&root(&place), &path("README.md"), &Stop::default());
    assert_eq!(file, Err(Refusal::NotDirectory));
}

#[test]
fn a_tree_goes_down_to_its_depth_and_follows_no_link() {
    let place = project();
    let one = directory_tree(&root(&place), &path("src"), 1, &Stop::default()).unwrap();
    assert_eq!(shown(&one), [("src/deep", Kind::Directory), ("src/main.rs", Kind::File), ("src/up", Kind::SymbolicLink)]);
    let all = directory_tree(&root(&place), &path(""), 128.try_into().unwrap(), &Stop::default()).unwrap();
    let expected = [
        ".env",
        ".git",
        "README.md",
        "empty",
        "everything",
        "src",
        "src/deep",
        "src/deep/deeper",
        "src/deep/deeper/old.RS",
        "src/deep/lib.rs",
        "src/main.rs",
        "src/up",
    ];
    assert_eq!(names(&all), expected);
    assert!(!all.truncated);
}

#[test]
fn what_is_in_git_is_shown_only_when_asked_for() {
    let place = project();
    let git = directory_tree(&root(&place), &path(".git"), 3, &Stop::default()).unwrap();
    assert_eq!(names(&git), [".git/HEAD", ".git/objects"]);
    let search = search_files(&root(&place), &path(""), "HEAD", &Stop::default()).unwrap();
    assert_eq!(names(&search), Vec::<&str>::new());
}

#[test]
fn a_pattern_without_a_slash_matches_names_and_one_with_a_slash_paths() {
    let place = project();
    for (start, pattern, expected) in [
        ("", "*.rs", vec!["src/deep/lib.rs", "src/main.rs"]),
        ("", "src/*.rs", vec!["src/main.rs"]),
        ("", "src/**/*.rs", vec!["src/deep/lib.rs", "src/main.rs"]),
        ("src", "deep/*.rs", vec!["src/deep/lib.rs"]),
        ("src", "src/*.rs", vec![]),
        ("", "*.{md,RS}", vec!["README.md", "src/deep/deeper/old.RS"]),
        ("", "deep*", vec!["src/deep", "src/deep/deeper"]),
        ("", "../*", vec![]),
        ("empty", "*", vec![]),
    ] {
        let finds = search_files(&root(&place), &path(start), pattern, &Stop::default()).unwrap();
        assert_eq!(names(&finds), expected, "{start} {pattern}");
    }
}

#[test]
fn a_pattern_that_is_wrong_or_too_long_is_refused() {
    let place = project();
    let refusal = |pattern: &str| search_files(&root(&place), &path(""), pattern, &Stop::default()).err();
    assert!(matches!(refusal("[a"), Some(Refusal::Pattern(_))));
    assert_eq!(refusal(&"a".repeat(LONGEST_PATTERN + 1)), Some(Refusal::PatternTooLong(LONGEST_PATTERN)));
}

#[test]
fn a_start_that_is_a_link_or_missing_is_refused() {
    let place = project();
    for (start, expected) in [("everything", Refusal::SymbolicLink), ("src/up/src", Refusal::SymbolicLink), ("missing", Refusal::NotFound)]
    {
        let tree = directory_tree(&root(&place), &path(start), 2, &Stop::default());
        assert_eq!(tree.err(), Some(expected), "{start}");
    }
}

#[test]
fn a_crowded_directory_is_cut() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("crowd")).unwrap();
    for number in 0..=MOST_ENTRIES {
        fs::write(place.path().join(format!("crowd/{number}")), "").unwrap();
    }
    let listing = list_directory(&root(&place), &path("crowd"), &Stop::default()).unwrap();
    assert_eq!((listing.entries.len(), listing.truncated), (MOST_ENTRIES, true));
    let tree = directory_tree(&root(&place), &path(""), 3, &Stop::default()).unwrap();
    assert_eq!((tree.entries.len(), tree.truncated), (MOST_FINDS, true));
    fs::remove_file(place.path().join("crowd/0")).unwrap();
    let listing = list_directory(&root(&place), &path("crowd"), &Stop::default()).unwrap();
    assert_eq!((listing.entries.len(), listing.truncated), (MOST_ENTRIES, false));
}

#[test]
fn a_walk_holds_a_bounded_amount_of_paths() {
    let place = tempfile::tempdir().unwrap();
    let long = "n".repeat(200);
    let deep: PathBuf = std::iter::repeat_n(long.as_str(), 18).collect();
    fs::create_dir_all(place.path().join(&deep)).unwrap();
    for number in 0..1200 {
        fs::create_dir(place.path().join(&deep).join(format!("{number:0>150}"))).unwrap();
    }
    let finds = directory_tree(&root(&place), &path(""), 64, &Stop::default()).unwrap();
    let held: usize = finds.entries.iter().map(|find| find.path.len()).sum();
    assert!(finds.truncated && held <= MOST_HELD, "{held}");
}

#[test]
fn a_tree_deeper_than_a_path_may_be_is_cut() {
    let place = tempfile::tempdir().unwrap();
    let deep: PathBuf = std::iter::repeat_n("d", 2 * MOST_NAMES).collect();
    fs::create_dir_all(place.path().join(deep)).unwrap();
    let finds = directory_tree(&root(&place), &path(""), u8::MAX, &Stop::default()).unwrap();
    assert_eq!((finds.entries.len(), finds.truncated), (MOST_NAMES, true));
}

#[test]
fn names_that_are_not_utf8_are_shown_and_marked() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("menu"), "").unwrap();
    let tree = directory_tree(&root(&place), &path(""), 2, &Stop::default()).unwrap();
    assert_eq!(names(&tree), ["caf\u{fffd}", "caf\u{fffd}/menu"]);
    assert!(tree.entries.iter().all(|find| find.not_utf8));
    let listing = list_directory(&root(&place), &path(""), &Stop::default()).unwrap();
    assert!(listing.entries.iter().all(|entry| entry.not_utf8));
}

#[test]
fn a_directory_that_may_not_be_read_is_counted() {
    let place = project();
    fs::set_permissions(place.path().join("src/deep"), fs::Permissions::from_mode(0o000)).unwrap();
    let may_read_all = fs::read_dir(place.path().join("src/deep")).is_ok();
    let finds = directory_tree(&root(&place), &path("src"), 3, &Stop::default()).unwrap();
    fs::set_permissions(place.path().join("src/deep"), fs::Permissions::from_mode(0o755)).unwrap();
    // Whoever runs the tests as root may read everything.
    assert_eq!(finds.unreadable_directories, u64::from(!may_read_all));
}
