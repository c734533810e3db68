//! `claviger scan`: what is unsafe in MCP configurations? Files are read; no program is started and no connection opened.

mod baseline;
mod collect;
mod committable;
mod fix;
mod git;
mod github;
mod index;
mod json;
mod junit;
mod progress;
pub(super) mod read;
mod sarif;
pub(super) mod text;
mod versions;

use std::collections::BTreeSet;
use std::path::PathBuf;

use gateway::clock::Clock;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use line_index::{LineIndex, WideEncoding};
use scan::{Examination, Finding, FingerprintKey, Policy, Severity, Source, examine};
use zeroize::Zeroizing;

use self::collect::collect;
use self::committable::Repositories;
use self::progress::Progress;
use self::read::{Content, Unread, read, read_stdin};
use self::versions::Version;
use crate::cli::{ReportFormat, ScanArguments, ServeArguments, Threshold};
use crate::config::draft;
use crate::config::env::Surroundings;
use crate::config::plan;
use crate::voice::{self, Exit, Report, plain};

/// Everything that was looked at.
struct Scan {
    files: Vec<Scanned>,
    unread: Vec<(PathBuf, Unread)>,
    /// Whether git was asked what it has.
    asked_git: bool,
    /// Whether the texts are wanted of files in which nothing was found, too: a mend reads them.
    keeps_texts: bool,
    /// The names of the variables that are set here, where the clients of this machine are looked at.
    variables: Option<BTreeSet<String>>,
    policy: Policy,
}

/// What version control has to do with a file, where that is known.
#[derive(Clone, Copy, Default)]
struct Standing {
    committable: Option<bool>,
    tracked: Option<bool>,
}

/// One file and what was found in it.
struct Scanned {
    path: PathBuf,
    /// The path as it is shown: relative where it can be, and unable to drive a terminal.
    name: String,
    /// Empty where nobody will ask for it.
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
    let policy = policy(arguments, around)?;
    let mut scan = scan(arguments, around, &key, policy);
    if arguments.fix {
        tell_unread(&scan);
        return fix::fix(arguments, around, &key, &scan);
    }
    tell_unfit(&scan);
    let accepted = baseline::apply(&arguments.baseline, around.folder(), today()?, &mut scan)?;
    let written = match arguments.format {
        ReportFormat::Github => github::write(&scan),
        ReportFormat::Json => json::write(&scan),
        ReportFormat::Junit => junit::write(&scan),
        ReportFormat::Sarif => sarif::write(&scan),
        ReportFormat::Text => text::write(&scan),
    };
    voice::data(&written)?;
    tell_unread(&scan);
    if arguments.format == ReportFormat::Text {
        voice::talk(&text::summary(&scan, accepted));
    }
    Ok(verdict(&scan, arguments.fail_on))
}

fn today() -> Result<Date, Report> {
    let now = i64::try_from(Clock::system().unix_seconds()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let now = now.ok_or_else(|| Report::new(Exit::Internal, "the clock of the system tells no time"))?;
    Ok(now.to_zoned(TimeZone::UTC).date())
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

/// What the configuration says, and what is in the folder as well: it says of the folder's own files what is bad there. What it switches off is said.
fn policy(arguments: &ScanArguments, around: &Surroundings) -> Result<Policy, Report> {
    let named = ServeArguments { config: arguments.config.clone(), state: arguments.state.clone(), ..ServeArguments::default() };
    let policy = draft::scan_policy(&named, around)?;
    if !policy.disabled.is_empty() {
        voice::talk(&format!("switched off by `[scan]`: {}\n", plain(&policy.disabled.join(", "))));
    }
    Ok(policy)
}

fn scan(arguments: &ScanArguments, around: &Surroundings, key: &FingerprintKey, policy: Policy) -> Scan {
    let mut scan = Scan { keeps_texts: arguments.fix, ..Scan::empty(arguments.staged || arguments.history, policy) };
    if let Some(name) = arguments.stdin_filename.as_deref().filter(|_| arguments.stdin) {
        scan.take(around.folder().join(name), read_stdin(), Standing::default(), (around, key));
        return scan;
    }
    if !scan.asked_git {
        let collected = collect(&arguments.paths, arguments.all, around);
        scan.unread = collected.unread;
        // A file that is named may be for another machine.
        scan.variables = arguments.paths.is_empty().then(|| fix::variables_of_clients(arguments, around));
        scan.look_at(collected.files, arguments.all, (around, key));
        return scan;
    }
    let folder = around.folder();
    let mut progress = Progress::without_end();
    let mut look = |version: Version, content| {
        progress.step();
        let committable = version.object.is_none().then_some(true);
        let Some(file) = scan.take(version.path, content, Standing { committable, tracked: None }, (around, key)) else { return };
        if let Some(object) = version.object {
            // What runs is what is there now; of what was there, secrets still open something.
            file.examination.findings.retain(|finding| finding.masked.is_some());
            file.name = format!("{}@{}", file.name, object.get(..12).unwrap_or(&object));
        }
    };
    let asked = if arguments.staged {
        versions::staged(folder, arguments.all, &mut look)
    } else {
        versions::history(folder, arguments.all, &mut look)
    };
    if let Err(why) = asked {
        scan.unread.push((folder.to_owned(), why));
    }
    scan.files.retain(|file| !arguments.history || !file.examination.findings.is_empty());
    scan
}

impl Scan {
    fn empty(asked_git: bool, policy: Policy) -> Self {
        Self { files: Vec::new(), unread: Vec::new(), asked_git, keeps_texts: false, variables: None, policy }
    }

    /// The same files as they are now.
    fn again(&self, around: &Surroundings, key: &FingerprintKey) -> Self {
        let mut scan = Self::empty(false, self.policy.clone());
        scan.look_at(self.files.iter().map(|file| file.path.clone()).collect(), false, (around, key));
        scan
    }

    /// Reads files. Where every file counts, those that are no text are passed over.
    fn look_at(&mut self, files: Vec<PathBuf>, passes_over: bool, with: (&Surroundings, &FingerprintKey)) {
        let mut repositories = Repositories::default();
        let mut progress = Progress::of(files.len());
        for path in files {
            progress.step();
            match read(&path) {
                Err(Unread::NoText) if passes_over => {}
                content => {
                    let committable = content.is_ok().then(|| repositories.would_take(&path)).flatten();
                    let tracked = committable.and_then(|_| repositories.has(&path));
                    self.take(path, content, Standing { committable, tracked }, with);
                }
            }
        }
    }

    fn take(
        &mut self,
        path: PathBuf,
        content: Result<Content, Unread>,
        standing: Standing,
        (around, key): (&Surroundings, &FingerprintKey),
    ) -> Option<&mut Scanned> {
        let content = match content {
            Ok(content) => content,
            Err(why) => {
                self.unread.push((path, why));
                return None;
            }
        };
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Standing { committable, tracked } = standing;
        let source = Source {
            mode: content.mode,
            committable,
            tracked,
            days_unchanged: content.days_unchanged,
            variables: self.variables.as_ref(),
            policy: &self.policy,
            ..Source::of(&file_name, &content.text)
        };
        let examination = examine(source, key);
        let shown = path.strip_prefix(around.folder()).unwrap_or(&path);
        let name = plain(&shown.display().to_string());
        let is_shown = self.keeps_texts || !examination.findings.is_empty() || !examination.unfit_ignores.is_empty();
        let text = if is_shown { content.text } else { Zeroizing::default() };
        let lines = LineIndex::new(&text);
        self.files.push(Scanned { path, name, text, lines, examination });
        self.files.last_mut()
    }
}

/// An acceptance that accepts nothing is worse than none.
fn tell_unfit(scan: &Scan) {
    for file in &scan.files {
        for span in &file.examination.unfit_ignores {
            let (line, column) = file.position(span.start);
            voice::warn(&format!("{}:{line}:{column}: this accepts nothing: write `claviger:ignore RULE reason`", file.name));
        }
    }
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
