//! Which files make up one log, in what order, and how are their lines read?

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::chain::{End, Sealed};

/// The names of one log's files, all in one folder.
///
/// `mcp_calls.jsonl` is written to; `mcp_calls.000000000001.jsonl` is an older one, named after its first line;
/// `mcp_calls.head` names the last line; `mcp_calls.torn` keeps what a crash left of a line.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// The file that is written to.
    pub(crate) live: PathBuf,
}

/// A file that is complete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rotated {
    pub(crate) first_seq: u64,
    pub(crate) path: PathBuf,
}

impl Names {
    pub(crate) fn new(live: &Path) -> Self {
        Self { live: live.to_owned() }
    }

    pub(crate) fn head(&self) -> PathBuf {
        self.live.with_extension("head")
    }

    pub(crate) fn torn(&self) -> PathBuf {
        self.live.with_extension("torn")
    }

    /// The next file, for the moment before it takes the name of the one that is written to.
    pub(crate) fn next(&self) -> PathBuf {
        self.live.with_extension("next")
    }

    pub(crate) fn rotated(&self, first_seq: u64) -> PathBuf {
        let mut name = self.stem().to_owned();
        name.push(format!(".{first_seq:012}"));
        if let Some(extension) = self.live.extension() {
            name.push(".");
            name.push(extension);
        }
        self.live.with_file_name(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.live.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The complete files, oldest first.
    pub(crate) fn list(&self) -> io::Result<Vec<Rotated>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            let path = self.live.with_file_name(entry?.file_name());
            if let Some(first_seq) = self.first_seq_of(&path) {
                files.push(Rotated { first_seq, path });
            }
        }
        files.sort();
        Ok(files)
    }

    /// All files, oldest first, none left out and none twice even while the log is being rotated.
    pub(crate) fn sources(&self) -> io::Result<Vec<Source>> {
        // The live file is opened first: should it be set aside before the others are listed, it is among them.
        let live = File::open(&self.live)?;
        let live_id = identity(&live.metadata()?);
        let rotated = self.list()?.into_iter().map(|file| file.path).collect::<Vec<_>>();
        let was_set_aside = rotated.iter().any(|path| fs::metadata(path).is_ok_and(|found| identity(&found) == live_id));
        let mut sources: Vec<_> = rotated.into_iter().map(|path| Source { path, open: None }).collect();
        if !was_set_aside {
            sources.push(Source { path: self.live.clone(), open: Some(live) });
        }
        Ok(sources)
    }

    fn first_seq_of(&self, path: &Path) -> Option<u64> {
        if path.extension() != self.live.extension() {
            return None;
        }
        let stem = Path::new(path.file_stem()?);
        let number = stem.extension()?.to_str()?;
        let is_ours = stem.file_stem()? == self.stem() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| is_ours)
    }

    fn stem(&self) -> &OsStr {
        self.live.file_stem().unwrap_or_default()
    }
}

/// A file to be read.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    open: Option<File>,
}

impl Source {
    /// Whether it is, or was a moment ago, the file that is written to.
    pub(crate) fn is_live(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) fn identity(&self) -> io::Result<(u64, u64)> {
        Ok(identity(&fs::metadata(&self.path)?))
    }

    pub(crate) fn into_file(self) -> io::Result<File> {
        self.open.map_or_else(|| File::open(&self.path), Ok)
    }

    pub(crate) fn lines(self) -> io::Result<Lines> {
        self.into_file().map(Lines::of)
    }
}

/// Reads a file line by line, never keeping more than [`LINE_BYTES`] of it.
pub(crate) struct Lines {
    reader: BufReader<File>,
}

/// One line read from a file, its newline left out.
pub(crate) enum Line {
    /// Nothing is left.
    End,
    /// The file ends in these bytes without a newline.
    Unfinished(Vec<u8>),
    /// A line longer than any that was ever written.
    TooLong,
    /// A line.
    Whole(Vec<u8>),
}

impl Lines {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::of(File::open(path)?))
    }

    fn of(file: File) -> Self {
        Self { reader: BufReader::with_capacity(64 * 1024, file) }
    }

    pub(crate) fn next(&mut self) -> io::Result<Line> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
        Ok(match line.pop() {
            None => Line::End,
            Some(b'\n') => Line::Whole(line),
            Some(last) => {
                line.push(last);
                if line.len() as u64 == LINE_BYTES { Line::TooLong } else { Line::Unfinished(line) }
            }
        })
    }
}

/// The end of the chain in `file`, and how many bytes lie before and after the end of its last whole line.
pub(crate) struct Tail {
    /// The last whole line; `None` if there is none.
    pub(crate) end: Option<End>,
    /// Where it ends.
    pub(crate) whole: u64,
    /// How many bytes follow it.
    pub(crate) torn: u64,
    /// Whether there are lines, and none of them is one of a log.
    pub(crate) is_foreign: bool,
}

/// Finds the last line whose hash is right, looking back over at most [`TAIL_BYTES`] and to the start of a line.
pub(crate) fn tail(file: &mut File) -> io::Result<Tail> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;

    let mut rest = bytes.as_slice();
    while let Some(newline) = rest.iter().rposition(|byte| *byte == b'\n') {
        let (lines, _) = rest.split_at(newline);
        let line = lines.iter().rposition(|byte| *byte == b'\n').map_or(lines, |before| lines.get(before + 1..).unwrap_or_default());
        if let Ok(sealed) = Sealed::parse(line) {
            let whole = start.saturating_add(newline as u64).saturating_add(1);
            return Ok(Tail { end: Some(sealed.end()), whole, torn: length.saturating_sub(whole), is_foreign: false });
        }
        rest = lines;
    }
    // The first line of a log may be torn, but then nothing is but the start of that line.
    let is_torn_start = length < LINE_BYTES && !bytes.contains(&b'\n');
    Ok(Tail { end: None, whole: 0, torn: length, is_foreign: !is_torn_start })
}

/// Which file this is, whatever it is called: device and inode.
pub(crate) fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// No line is longer: every text in a record is bounded.
pub(crate) const LINE_BYTES: u64 = 1024 * 1024;

const TAIL_BYTES: u64 = 4 * 1024 * 1024;
