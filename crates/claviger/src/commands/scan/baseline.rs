//! Which findings were accepted, by whom, why, and until when? A file of them; what has no reason, no owner or no last day is no acceptance.
//!
//! An entry knows its finding by rule, file and text, under a key that the file itself has: the same on every machine, wherever the lines have moved.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use scan::Finding;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{Scan, Scanned};
use crate::cli::BaselineArguments;
use crate::voice::{self, Exit, Report, plain};

/// What stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    version: u32,
    /// What the fingerprints are keyed with.
    key: String,
    accepted: Vec<Entry>,
}

/// A finding that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fingerprint: String,
    rule: String,
    file: String,
    reason: String,
    owner: String,
    /// The last day on which it counts.
    expires: Date,
}

/// Takes what was accepted out of a scan; with `--accept`, writes down the rest first. Gives how many were taken out.
pub(super) fn apply(arguments: &BaselineArguments, folder: &Path, today: Date, scan: &mut Scan) -> Result<usize, Report> {
    let Some(location) = &arguments.baseline else { return Ok(0) };
    let path = folder.join(location);
    let shown = plain(&location.display().to_string());
    let wrong = |what: &str| Report::new(Exit::Configuration, format!("`{shown}` is no baseline: {what}"));
    let mut baseline = match read(&path) {
        Ok(baseline) => baseline,
        Err(error) if error.kind() == io::ErrorKind::NotFound && arguments.accept => Baseline::new()?,
        Err(error) => return Err(wrong("it cannot be read").caused_by(&error)),
    };
    if baseline.version != VERSION {
        return Err(wrong("it is of another version"));
    }
    if let Some(entry) = baseline.accepted.iter().find(|entry| entry.reason.trim().is_empty() || entry.owner.trim().is_empty()) {
        return Err(wrong(&format!("the entry for {} in `{}` lacks a reason or an owner", plain(&entry.rule), plain(&entry.file))));
    }
    for entry in baseline.accepted.iter().filter(|entry| entry.expires < today) {
        voice::warn(&format!("{} in `{}` was accepted until {}: it counts again", plain(&entry.rule), plain(&entry.file), entry.expires));
    }
    let key = baseline.key()?;
    let root = path.parent().unwrap_or(folder).to_owned();
    if arguments.accept {
        let last = accepted(arguments, today)?;
        baseline.accepted.retain(|entry| entry.expires >= today);
        for file in &scan.files {
            for finding in &file.examination.findings {
                let entry = last.of(&key, &root, file, finding);
                if !baseline.accepted.iter().any(|known| known.fingerprint == entry.fingerprint) {
                    baseline.accepted.push(entry);
                }
            }
        }
        write(&path, &baseline).map_err(|error| Report::new(Exit::InputOutput, format!("cannot write `{shown}`")).caused_by(&error))?;
    }
    let mut taken = 0;
    for file in &mut scan.files {
        let good: Vec<bool> =
            file.examination.findings.iter().map(|finding| baseline.accepts(&fingerprint(&key, &root, file, finding), today)).collect();
        let mut good = good.iter();
        let before = file.examination.findings.len();
        file.examination.findings.retain(|_| !good.next().copied().unwrap_or(false));
        taken += before - file.examination.findings.len();
    }
    Ok(taken)
}

/// What `--accept` says of everything.
struct Acceptance {
    reason: String,
    owner: String,
    expires: Date,
}

impl Acceptance {
    fn of(&self, key: &hmac::Key, root: &Path, file: &Scanned, finding: &Finding) -> Entry {
        Entry {
            fingerprint: fingerprint(key, root, file, finding),
            rule: finding.rule.id.to_owned(),
            file: within(root, &file.path),
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            expires: self.expires,
        }
    }
}

fn accepted(arguments: &BaselineArguments, today: Date) -> Result<Acceptance, Report> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().trim().to_owned();
    let (reason, owner) = (text(&arguments.reason), text(&arguments.owner));
    if reason.is_empty() || owner.is_empty() {
        return Err(Report::new(Exit::Usage, "`--reason` and `--owner` must say something"));
    }
    let expires: Result<Date, _> = text(&arguments.expires).parse();
    let expires = expires.map_err(|_| Report::new(Exit::Usage, "`--expires` is a day such as `2027-01-31`"))?;
    if expires < today {
        return Err(Report::new(Exit::Usage, "`--expires` is a day that has passed"));
    }
    Ok(Acceptance { reason, owner, expires })
}

impl Baseline {
    fn new() -> Result<Self, Report> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| Report::new(Exit::Internal, "the system gives no random bytes"))?;
        Ok(Self { version: VERSION, key: URL_SAFE_NO_PAD.encode(key), accepted: Vec::new() })
    }

    fn key(&self) -> Result<hmac::Key, Report> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.key).ok().filter(|bytes| bytes.len() >= 16);
        let bytes = bytes.ok_or_else(|| Report::new(Exit::Configuration, "the baseline has no key"))?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    fn accepts(&self, fingerprint: &str, today: Date) -> bool {
        self.accepted.iter().any(|entry| entry.fingerprint == fingerprint && entry.expires >= today)
    }
}

fn read(path: &Path) -> io::Result<Baseline> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, LONGEST), &mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn write(path: &Path, baseline: &Baseline) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    serde_json::to_writer_pretty(&mut file, baseline)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    // It is to be committed, and holds nothing to hide.
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Rule, file and text, however many lines are above it.
fn fingerprint(key: &hmac::Key, root: &Path, file: &Scanned, finding: &Finding) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [finding.rule.id, &within(root, &file.path), file.text.get(finding.span.clone()).unwrap_or_default()] {
        context.update(&u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.sign())
}

fn within(root: &Path, file: &Path) -> String {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let canonical: PathBuf = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    canonical.strip_prefix(&root).unwrap_or(&canonical).to_string_lossy().into_owned()
}

const VERSION: u32 = 1;
const LONGEST: u64 = 16 * 1024 * 1024;
