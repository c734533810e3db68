//! Which lines of a text file does a caller get, and where is a long answer cut?

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;

use super::refusal::Refusal;
use super::work::Stop;

/// Which part of a file is wanted. Lines are counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// From `first` to `last`, both included; to the end without `last`.
    Lines { first: NonZeroU64, last: Option<NonZeroU64> },
    /// The last lines.
    Tail(NonZeroU64),
}

/// Text of a file, at most [`MOST_TEXT`] bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// Whole lines, except where one line alone is longer than the limit.
    pub(super) text: String,
    pub(super) cut: Cut,
}

/// Whether something that was asked for is missing because of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing is missing.
    Whole,
    /// The answer goes on at this line.
    Before { next_line: u64 },
    /// The line goes on, but no tool gives more of it.
    InsideLine,
    /// Earlier lines of the tail are missing.
    Beginning,
}

/// Reads the selected lines. Only what is given out must be text; nothing is read beyond it.
pub(super) fn read_text(file: File, size: u64, selection: Selection, stop: &Stop) -> Result<Text, Refusal> {
    match selection {
        Selection::Lines { first, last } => read_lines(file, first.get(), last.map(NonZeroU64::get), stop),
        Selection::Tail(lines) => read_tail(&file, size, lines.get(), stop),
    }
}

/// What has been gathered on the way down.
struct Gathered {
    first: u64,
    last: Option<u64>,
    /// The line that the next byte belongs to.
    line: u64,
    kept: Vec<u8>,
    skipped: u64,
}

enum Progress {
    More,
    Done,
    Full,
}

fn read_lines(file: File, first: u64, last: Option<u64>, stop: &Stop) -> Result<Text, Refusal> {
    let mut reader = BufReader::with_capacity(BLOCK, file);
    let mut gathered = Gathered { first, last, line: 1, kept: Vec::new(), skipped: 0 };
    loop {
        stop.check()?;
        let block = reader.fill_buf().map_err(|error| refused(&error))?;
        let length = block.len();
        match gathered.take(block)? {
            Progress::More if length > 0 => reader.consume(length),
            Progress::Full => return cut_end(gathered),
            Progress::More | Progress::Done => return Ok(Text { text: text(gathered.kept)?, cut: Cut::Whole }),
        }
    }
}

impl Gathered {
    fn take(&mut self, block: &[u8]) -> Result<Progress, Refusal> {
        for piece in block.split_inclusive(|byte| *byte == b'\n') {
            if self.line < self.first {
                self.skipped += piece.len() as u64;
                if self.skipped > FARTHEST_LINE_BYTES {
                    return Err(Refusal::LineTooFar);
                }
            } else if self.kept.len() + piece.len() > MOST_TEXT {
                let room = MOST_TEXT - self.kept.len();
                self.kept.extend(piece.iter().take(room));
                return Ok(Progress::Full);
            } else {
                self.kept.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                if Some(self.line) == self.last {
                    return Ok(Progress::Done);
                }
                self.line += 1;
            }
        }
        Ok(Progress::More)
    }
}

/// Ends a full answer after its last whole line, or inside the line when there is only one.
fn cut_end(mut gathered: Gathered) -> Result<Text, Refusal> {
    match gathered.kept.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => {
            gathered.kept.truncate(end + 1);
            Ok(Text { text: text(gathered.kept)?, cut: Cut::Before { next_line: gathered.line } })
        }
        None => Ok(Text { text: text_start(gathered.kept)?, cut: Cut::InsideLine }),
    }
}

fn read_tail(file: &File, size: u64, lines: u64, stop: &Stop) -> Result<Text, Refusal> {
    let offset = size.saturating_sub(MOST_TEXT as u64);
    let bytes = read_from(file, offset, stop)?;
    let body = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let mut newlines = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    let wanted = usize::try_from(lines - 1).ok();
    if let Some((newline, _)) = wanted.and_then(|wanted| newlines.nth(wanted)) {
        return Ok(Text { text: text(bytes.into_iter().skip(newline + 1).collect())?, cut: Cut::Whole });
    }
    if offset == 0 {
        return Ok(Text { text: text(bytes)?, cut: Cut::Whole });
    }
    // The block starts inside a line: leave that out, or give its end when it is all there is.
    let start = body.iter().position(|byte| *byte == b'\n').map_or_else(|| continuation_bytes(&bytes), |end| end + 1);
    Ok(Text { text: text(bytes.into_iter().skip(start).collect())?, cut: Cut::Beginning })
}

/// At most [`MOST_TEXT`] bytes from an offset to the end.
fn read_from(file: &File, offset: u64, stop: &Stop) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut block = vec![0; BLOCK];
    while bytes.len() < MOST_TEXT {
        stop.check()?;
        let room = block.len().min(MOST_TEXT - bytes.len());
        let Some(space) = block.get_mut(..room) else { break };
        let length = file.read_at(space, offset + bytes.len() as u64).map_err(|error| refused(&error))?;
        if length == 0 {
            break;
        }
        bytes.extend(space.iter().take(length));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Refusal> {
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Refusal::NotText),
    }
}

/// As [`text`], but the last character may be half missing.
fn text_start(mut bytes: Vec<u8>) -> Result<String, Refusal> {
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    text(bytes)
}

/// How many bytes at the start belong to a character that began before; at most three in UTF-8.
fn continuation_bytes(bytes: &[u8]) -> usize {
    bytes.iter().take(3).take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000).count()
}

fn refused(error: &std::io::Error) -> Refusal {
    rustix::io::Errno::from_io_error(error).map_or(Refusal::Io(rustix::io::Errno::IO), Refusal::from)
}

/// Bytes in a MiB.
pub(super) const MEBIBYTE: u64 = 1024 * 1024;
/// How far down the first wanted line may lie, in bytes.
pub(super) const FARTHEST_LINE_BYTES: u64 = 256 * MEBIBYTE;
/// The most bytes of text in one answer.
pub(super) const MOST_TEXT: usize = 1024 * 1024;
const BLOCK: usize = 64 * 1024;

#[cfg(test)]
mod tests;
