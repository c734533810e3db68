//! `claviger scan`: what is unsafe in MCP configurations? Files are read; no program is started and no connection opened.

mod collect;
mod committable;
mod fix;
mod json;
mod read;
mod sarif;
mod text;

use std::path::PathBuf;

use line_index::{LineIndex, WideEncoding};
use scan::{Examination, Finding, FingerprintKey, Severity, Source, examine};
use zeroize::Zeroizing;

use self::collect::collect;
use self::committable::Repositories;
use self::read::{Unread, read};
use crate::cli::{ReportFormat, ScanArguments, Threshold};
use crate::config::env::Surroundings;
use crate::config::plan;
use crate::voice::{self, Exit, Report, plain};

/// Everything that was looked at.
struct Scan {
    files: Vec<Scanned>,
    unread: Vec<(PathBuf, Unread)>,
}

/// One file and what was found in it.
struct Scanned {
    path: PathBuf,
    /// The path as it is shown: relative where it can be, and unable to drive a terminal.
    name: String,
    text: Zeroizing<String>,
    lines: LineIndex,
    examination: Examination,
}

/// Scans, and says what was found.
pub(crate) fn run(arguments: &ScanArguments, around: &Surroundings) -> Result<Exit, Report> {
    if arguments.undo {
        return fix::undo(arguments, around);
    }
    let key = fingerprint_key(arguments, around)?;
    let scan = scan(arguments, around, &key);
    if arguments.fix {
        tell_unread(&scan);
        return fix::fix(arguments, around, &key, &scan);
    }
    let written = match arguments.format {
        ReportFormat::Json => json::write(&scan),
        ReportFormat::Sarif => sarif::write(&scan),
        ReportFormat::Text => text::write(&scan),
    };
    voice::data(&written)?;
    tell_unread(&scan);
    if arguments.format == ReportFormat::Text {
        voice::talk(&text::summary(&scan));
    }
    Ok(verdict(&scan, arguments.fail_on))
}

/// What the command ends with.
fn verdict(scan: &Scan, threshold: Threshold) -> Exit {
    let least = least(threshold);
    if scan.findings().any(|finding| finding.severity >= least) {
        Exit::Failure
    } else if scan.unread.is_empty() {
        Exit::Success
    } else {
        Exit::Unread
    }
}

fn tell_unread(scan: &Scan) {
    for (path, why) in &scan.unread {
        voice::warn(&format!("`{}` was not read: {why}", plain(&path.display().to_string())));
    }
}

impl Scan {
    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.files.iter().flat_map(|file| &file.examination.findings)
    }
}

fn scan(arguments: &ScanArguments, around: &Surroundings, key: &FingerprintKey) -> Scan {
    let collected = collect(&arguments.paths, around);
    look_at(collected.files, collected.unread, around, key)
}

/// The same files as they are now.
fn rescan(scan: &Scan, around: &Surroundings, key: &FingerprintKey) -> Scan {
    look_at(scan.files.iter().map(|file| file.path.clone()).collect(), Vec::new(), around, key)
}

fn look_at(files: Vec<PathBuf>, unread: Vec<(PathBuf, Unread)>, around: &Surroundings, key: &FingerprintKey) -> Scan {
    let mut repositories = Repositories::default();
    let mut scan = Scan { files: Vec::new(), unread };
    for path in files {
        let content = match read(&path) {
            Ok(content) => content,
            Err(why) => {
                scan.unread.push((path, why));
                continue;
            }
        };
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let committable = repositories.would_take(&path);
        let examination = examine(Source { name: &file_name, text: &content.text, mode: content.mode, committable }, key);
        let shown = path.strip_prefix(around.folder()).unwrap_or(&path);
        let name = plain(&shown.display().to_string());
        let lines = LineIndex::new(&content.text);
        scan.files.push(Scanned { name, path, text: content.text, lines, examination });
    }
    scan
}

/// The same fingerprints each time where there is an instance key; else those of this run alone.
fn fingerprint_key(arguments: &ScanArguments, around: &Surroundings) -> Result<FingerprintKey, Report> {
    let state = around.state_folder(arguments.state.state.as_deref());
    if let Some(bytes) = state.as_deref().map(plan::existing_scan_key).transpose()?.flatten() {
        return Ok(FingerprintKey::new(bytes.as_slice()));
    }
    let mut chance = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(chance.as_mut_slice()).map_err(|_| Report::new(Exit::Internal, "the system gives no random bytes"))?;
    Ok(FingerprintKey::new(chance.as_slice()))
}

fn least(threshold: Threshold) -> Severity {
    match threshold {
        Threshold::Critical => Severity::Critical,
        Threshold::High => Severity::High,
        Threshold::Info => Severity::Info,
        Threshold::Low => Severity::Low,
        Threshold::Medium => Severity::Medium,
    }
}

impl Scanned {
    /// Line and column of a byte, both from one; columns count characters.
    fn position(&self, offset: usize) -> (usize, usize) {
        let place = u32::try_from(offset).ok().and_then(|offset| self.lines.try_line_col(offset.into()));
        let place = place.and_then(|place| self.lines.to_wide(WideEncoding::Utf32, place));
        // Both are there for every place of a finding: texts are short, and places stand between characters.
        place.map_or((0, 0), |place| (place.line as usize + 1, place.col as usize + 1))
    }

    /// Where a line begins, and what it says; counted from one.
    fn line(&self, number: usize) -> (usize, &str) {
        let range = u32::try_from(number).ok().and_then(|number| self.lines.line(number.checked_sub(1)?));
        let range = range.map_or(0..0, |range| range.start().into()..range.end().into());
        (range.start, self.text.get(range).unwrap_or_default().trim_end_matches(['\n', '\r']))
    }
}
