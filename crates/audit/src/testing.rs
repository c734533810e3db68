//! How are logs made for tests? At noon on the fifth of November 2026, a second between lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::fingerprint::Fingerprinter;
use crate::record::{CallRecord, Decision, Outcome};
use crate::sink::{Auditor, Durability, Options};

/// 2026-11-05T12:00:00Z in Unix milliseconds.
pub(crate) const NOON: u64 = 1_793_880_000_000;

pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// A folder with a log to come in it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mcp_calls.jsonl");
        Self { folder, path }
    }

    pub(crate) fn options(&self) -> Options {
        Options { durability: Durability::None, ..Options::at(&self.path) }
    }

    pub(crate) fn start(&self) -> Auditor {
        Auditor::start(self.options(), NOON).unwrap()
    }

    /// Writes records from one number up to another, in a run of its own.
    pub(crate) fn write(&self, numbers: std::ops::Range<u64>) {
        write(self.options(), numbers);
    }

    /// A log in three files or more, cut after five calls, after four, and after each that follows.
    pub(crate) fn of_three_files() -> Self {
        let place = Self::new();
        let auditor = Auditor::start(Options { rotate_bytes: 1, ..place.options() }, NOON).unwrap();
        for batch in [0..5, 5..9, 9..10] {
            for number in batch {
                auditor.record(&call(number)).unwrap();
            }
            auditor.flush().unwrap();
        }
        auditor.close().unwrap();
        place
    }

    /// The files with lines, oldest first.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl") && *path != self.path)
            .collect();
        files.sort();
        files.push(self.path.clone());
        files
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Writes records from one number up to another, in a run of its own.
pub(crate) fn write(options: Options, numbers: std::ops::Range<u64>) {
    let auditor = Auditor::start(options, NOON).unwrap();
    for number in numbers {
        auditor.record(&call(number)).unwrap();
    }
    auditor.close().unwrap();
}

/// A call a second after the one before it.
pub(crate) fn call(number: u64) -> CallRecord<'static> {
    let mut record = CallRecord::new(NOON + number * 1000, format!("request-{number}"), "payments");
    record.method = Some("tools/call".into());
    record.tool = Some("create_refund".into());
    record.status = 200;
    record.outcome = Outcome::Ok;
    record.duration = Duration::from_micros(12_345);
    record.decision = Decision::Allow { rule: "payments:write".into() };
    record.issuer = Some("https://issuer.example/".into());
    record.subject = Some("alice".into());
    record.client = Some("desk".into());
    record.token_fingerprint = Some(Fingerprinter::new(&[1; 32]).of(b"the-token-itself"));
    record.address = Some("192.0.2.7".parse().unwrap());
    record.version = Some("2025-11-25".into());
    record.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".into());
    record.bytes_in = 150;
    record.bytes_out = 400;
    record
}

/// The lines of a file, newlines left out.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(ToOwned::to_owned).collect()
}

/// Puts lines in place of those in a file.
pub(crate) fn set_lines(path: &Path, lines: &[String]) {
    fs::write(path, lines.join("\n") + "\n").unwrap();
}
