//! Is every configuration judged, and every fault told so that it can be shown on a terminal?
//!
//! The input is a `claviger.toml`.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use claviger::judge_configuration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    fs::write(&*FILE, text).expect("the temporary folder can be written to");
    let Err(report) = judge_configuration(&FILE) else { return };
    assert!(report.contains("error:"), "a failure without a word: {report}");
    assert!(!report.contains("the schema and the reader"), "the schema allows what the reader does not: {report}");
    assert!(is_harmless(&report), "this drives the terminal: {report:?}");
    assert!(!report.contains(SECRET), "a secret is shown: {report}");
});

/// Whether nothing but colours and line feeds steers the terminal.
fn is_harmless(report: &str) -> bool {
    let mut parts = report.split('\u{1b}');
    let before = parts.next().unwrap_or_default();
    let rest: Option<Vec<&str>> = parts.map(after_colour).collect();
    let is_plain = |text: &str| !text.contains(|letter: char| letter.is_control() && letter != '\n');
    is_plain(before) && rest.is_some_and(|rest| rest.into_iter().all(is_plain))
}

/// The text behind a colour's `[…m`. `None`: it is another sequence.
fn after_colour(sequence: &str) -> Option<&str> {
    let (codes, rest) = sequence.strip_prefix('[')?.split_once('m')?;
    codes.bytes().all(|byte| byte == b';' || byte.is_ascii_digit()).then_some(rest)
}

/// The one file that is written over and over.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("claviger-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary folder can be written to");
    folder.join("claviger.toml")
});

/// Stands in some of the seeds, where nobody should write it.
const SECRET: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
