//! Where did the last writer stop, and did it stop in order?

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::chain::{End, Sealed};
use crate::event::{ChainEvent, HeadState};
use crate::files::{Line, Lines, Names, Tail, tail};
use crate::head::HeadFile;

use super::log::{Log, create, file_name, is_same};
use super::{AuditError, Options, Reason};

/// Opens the log for writing, after mending it. What was mended is its first new line.
pub(super) fn open(options: Options, now: u64) -> Result<Log, AuditError> {
    let names = Names::new(&options.path);
    let failed = |path: PathBuf| move |source| AuditError::Open { path, source };
    DirBuilder::new().recursive(true).mode(0o700).create(names.folder()).map_err(failed(names.folder().to_owned()))?;
    if fs::metadata(&names.live).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(AuditError::NotAFile { path: names.live });
    }
    let head = HeadFile::lock(&names.head(), options.head_key)
        .map_err(failed(names.head()))?
        .ok_or_else(|| AuditError::InUse { path: names.live.clone() })?;
    let found = find(&names).map_err(failed(names.live.clone()))?;
    if found.tail.is_foreign {
        return Err(AuditError::NotALog { path: names.live });
    }
    let repair = repair(&names, &found, &head).map_err(failed(names.live.clone()))?;

    let mut log = Log {
        first_seq: found.first_seq.unwrap_or(found.end.seq.saturating_add(1)),
        size: found.tail.whole,
        end: found.end,
        file: found.file,
        head,
        names,
        rotate_bytes: options.rotate_bytes.max(1),
        retention_days: options.retention_days,
        pending: Vec::new(),
        head_is_due: false,
        untidy: None,
        latest: now,
        pruned_on: None,
    };
    let opening = [found.carried_from.map(|from| ChainEvent::Carried { from }), repair];
    for event in opening.into_iter().flatten() {
        log.append_event(&event).map_err(AuditError::Unwritable)?;
    }
    // A log has a head from its first moment on, so that one without is a fault.
    log.head.write(&found.end).map_err(failed(log.names.head()))?;
    match log.write().and_then(|()| log.tidy()) {
        // The thread tries again and says so; it is no reason to stay closed.
        Ok(()) | Err(Reason::NotRotated { .. }) => Ok(log),
        Err(reason) => Err(AuditError::Unwritable(reason)),
    }
}

/// What a writer finds at its start.
struct Found {
    /// The file that is written to, positioned nowhere in particular: it is only appended to.
    file: File,
    tail: Tail,
    /// The first line of the file; `None` if it has none.
    first_seq: Option<u64>,
    /// The last line of the chain.
    end: End,
    /// The file before, if this one has yet to say that it continues it.
    carried_from: Option<String>,
}

fn find(names: &Names) -> io::Result<Found> {
    let mut rotated = names.list()?;
    // A rotation that was broken off between its two steps is undone; it will come again.
    if let Some(unfinished) = rotated.pop_if(|last| is_same(&last.path, &names.live)) {
        fs::remove_file(unfinished.path)?;
    }
    let before = rotated.pop();
    let mut file = match create(&names.live) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().append(true).read(true).open(&names.live)?,
        created => {
            File::open(names.folder())?.sync_all()?;
            created?
        }
    };
    let tail = tail(&mut file)?;
    if let Some(end) = tail.end {
        return Ok(Found { file, tail, first_seq: first_seq(&names.live)?, end, carried_from: None });
    }
    let (end, carried_from) = match before {
        None => (End::GENESIS, None),
        Some(before) => {
            let end = crate::files::tail(&mut File::open(&before.path)?)?.end.unwrap_or(End::GENESIS);
            (end, Some(file_name(&before.path)))
        }
    };
    Ok(Found { file, tail, first_seq: None, end, carried_from })
}

fn first_seq(path: &Path) -> io::Result<Option<u64>> {
    Ok(match Lines::open(path)?.next()? {
        Line::Whole(line) => Sealed::parse(&line).ok().map(|line| line.seq),
        Line::End | Line::TooLong | Line::Unfinished(_) => None,
    })
}

/// Moves a torn end out of the way and compares the head; `None` if all was in order.
fn repair(names: &Names, found: &Found, head: &HeadFile) -> io::Result<Option<ChainEvent>> {
    let kept_in = if found.tail.torn > 0 { Some(set_torn_aside(names, &found.file, &found.tail)?) } else { None };
    let is_new = found.end == End::GENESIS && found.tail.torn == 0;
    let (state, lost_lines) = match head.read()? {
        None if is_new => return Ok(None),
        None => (HeadState::Missing, 0),
        Some(named) if !named.is_authentic(head.key()) => (HeadState::Unauthentic, 0),
        Some(named) if named.end.seq == found.end.seq && named.end.hash != found.end.hash => (HeadState::Differs, 0),
        Some(named) => (HeadState::Agrees, named.end.seq.saturating_sub(found.end.seq)),
    };
    if kept_in.is_none() && lost_lines == 0 && state == HeadState::Agrees {
        return Ok(None);
    }
    Ok(Some(ChainEvent::Repaired { after_seq: found.end.seq, torn_bytes: found.tail.torn, kept_in, lost_lines, head: state }))
}

/// Appends the torn bytes to the file for them, on disk before they are cut off here.
fn set_torn_aside(names: &Names, mut file: &File, tail: &Tail) -> io::Result<String> {
    let path = names.torn();
    let mut kept = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    file.seek(SeekFrom::Start(tail.whole))?;
    io::copy(&mut file.take(tail.torn), &mut kept)?;
    io::copy(&mut b"\n".as_slice(), &mut kept)?;
    kept.sync_all()?;
    file.set_len(tail.whole)?;
    Ok(file_name(&path))
}
