//! How are new lines read as they come? By asking again and again, across rotations.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::files::{LINE_BYTES, Names, Source, identity};

use super::{Entry, Filter, ReadFailure};

/// Reads what is added to a log after it was made. Ask it every so often; it does not wait.
pub struct Follower {
    path: PathBuf,
    filter: Filter,
    file: File,
    /// The start of a line whose end is not there yet.
    unfinished: Vec<u8>,
}

impl Follower {
    /// Begins at the present end of the log at `path`.
    pub fn new(path: &Path, filter: Filter) -> Result<Self, ReadFailure> {
        let unreadable = |source| ReadFailure::Unreadable { file: path.to_owned(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Ok(Self { path: path.to_owned(), filter, file, unfinished: Vec::new() })
    }

    /// The lines that were added since the last time and that the filter admits.
    ///
    /// Lines that cannot be read are left out; [`verify`](crate::verify::verify) names them.
    pub fn added(&mut self) -> Result<Vec<Entry>, ReadFailure> {
        let mut entries = Vec::new();
        self.read_added(&mut entries).map_err(|source| ReadFailure::Unreadable { file: self.path.clone(), source })?;
        Ok(entries)
    }

    fn read_added(&mut self, entries: &mut Vec<Entry>) -> io::Result<()> {
        loop {
            // Asked before reading: if the file was set aside before that, what is read now is all of it.
            let was_set_aside = self.was_set_aside()?;
            self.read_lines(entries)?;
            if !was_set_aside {
                return Ok(());
            }
            self.file = self.next_file()?;
            self.unfinished.clear();
        }
    }

    /// The file after the one that is open; the log may have been set aside more than once since the last time.
    fn next_file(&self) -> io::Result<File> {
        let ours = identity(&self.file.metadata()?);
        let mut sources = Names::new(&self.path).sources()?.into_iter();
        while let Some(source) = sources.next() {
            if source.identity().is_ok_and(|identity| identity == ours) {
                return sources.next().map_or_else(|| File::open(&self.path), Source::into_file);
            }
        }
        // Ours has been deleted, and with it perhaps others that were never read: too old, so long ago was the last time.
        File::open(&self.path)
    }

    fn was_set_aside(&self) -> io::Result<bool> {
        match fs::metadata(&self.path) {
            Ok(named) => Ok(identity(&named) != identity(&self.file.metadata()?)),
            // Gone for now; the writer says so, and what is open can still be read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read_lines(&mut self, entries: &mut Vec<Entry>) -> io::Result<()> {
        loop {
            let chunk = (&self.file).take(LINE_BYTES).read_to_end(&mut self.unfinished)?;
            let whole = self.unfinished.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline.saturating_add(1));
            let lines: Vec<u8> = self.unfinished.drain(..whole).collect();
            let found = lines.split(|byte| *byte == b'\n').filter_map(|line| Entry::parse(line).ok());
            entries.extend(found.filter(|entry| self.filter.admits(entry)));
            if chunk == 0 {
                return Ok(());
            }
        }
    }
}
