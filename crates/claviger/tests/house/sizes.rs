//! Holds the size of things: a file has one subject, says which, and ends before a reader is tired.

use std::fs;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 600;

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of ours can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in crates/").to_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(crates).expect("crates/ can be read") {
        walk(&entry.expect("an entry can be read").path().join("src"), &mut found);
    }
    assert!(found.len() > 50, "the walk found our sources");
    found
}

#[test]
fn no_file_is_longer_than_a_reader_is_patient() {
    let long: Vec<String> = sources()
        .iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(path).expect("a source is text").lines().count();
            (lines > LONGEST_FILE).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "look for the second subject in:\n{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is_about() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|path| !path.ends_with("tests.rs") && !path.components().any(|part| part.as_os_str() == "tests"))
        .filter(|path| !fs::read_to_string(path).expect("a source is text").starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no opening `//!` in:\n{}", silent.join("\n"));
}

#[test]
fn no_file_is_named_after_nothing() {
    let attic = ["util", "utils", "common", "misc", "helper", "helpers"];
    let vague: Vec<String> = sources()
        .iter()
        .filter(|path| path.file_stem().is_some_and(|stem| attic.iter().any(|name| stem == *name)))
        .map(|path| path.display().to_string())
        .collect();
    assert!(vague.is_empty(), "name it for what it is: {vague:?}");
}
