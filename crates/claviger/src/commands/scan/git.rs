//! What does version control have? Asked of git's plumbing, which runs nothing that a repository names and reaches no network.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use zeroize::Zeroizing;

use super::committable::root_of;
use super::read::{Content, Unread, text_of};

/// A repository.
pub(super) struct Repository {
    root: PathBuf,
}

/// The contents of a repository, by their names in git.
pub(super) struct Blobs {
    child: Child,
    names: ChildStdin,
    contents: BufReader<ChildStdout>,
}

impl Repository {
    /// The one that a folder is in.
    pub(super) fn around(folder: &Path) -> Option<Self> {
        root_of(folder).map(|root| Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What git says, if it says anything and not more than anybody needs.
    pub(super) fn ask(&self, arguments: &[&str]) -> io::Result<Vec<u8>> {
        let mut child = self.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut said = Vec::new();
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let read = output.take(LONGEST_ANSWER + 1).read_to_end(&mut said);
        if read.is_err() || said.len() as u64 > LONGEST_ANSWER {
            let _ended = child.kill();
            child.wait()?;
            return Err(read.err().unwrap_or_else(|| io::ErrorKind::FileTooLarge.into()));
        }
        if child.wait()?.success() { Ok(said) } else { Err(io::Error::other("git refuses; is it a repository of yours?")) }
    }

    /// Reads contents one by one.
    pub(super) fn blobs(&self) -> io::Result<Blobs> {
        let mut command = self.command(&["cat-file", "--batch"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let names = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let contents = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Blobs { child, names, contents })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.root).args(SAFE).args(arguments);
        for (name, value) in QUIET {
            command.env(name, value);
        }
        for name in REDIRECTING {
            command.env_remove(name);
        }
        command
    }
}

impl Blobs {
    /// The content behind a name such as `:path` or an object's number.
    pub(super) fn read(&mut self, name: &str) -> Result<Content, Unread> {
        if name.contains(['\n', '\r']) {
            return Err(Unread::NoText);
        }
        writeln!(self.names, "{name}").and_then(|()| self.names.flush())?;
        let mut head = String::new();
        self.contents.by_ref().take(LONGEST_HEAD).read_line(&mut head)?;
        let length = head.split_once(" blob ").and_then(|(_, length)| length.trim().parse::<u64>().ok());
        let length = length.ok_or_else(|| io::Error::other("git has no such file"))?;
        let mut bytes = Zeroizing::new(Vec::new());
        if length > scan::LONGEST_TEXT {
            io::copy(&mut self.contents.by_ref().take(length + 1), &mut io::sink())?;
            return Err(Unread::TooLong);
        }
        self.contents.by_ref().take(length).read_to_end(&mut bytes)?;
        self.contents.by_ref().take(1).read_to_end(&mut Vec::new())?;
        text_of(bytes).map(|text| Content { text, mode: None, days_unchanged: None })
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A repository can name programs to be run; the questions that are asked here run none, and with these settings there is none.
const SAFE: &[&str] =
    &["--no-optional-locks", "--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
const QUIET: &[(&str, &str)] = &[("GIT_TERMINAL_PROMPT", "0"), ("GIT_NO_LAZY_FETCH", "1"), ("LC_ALL", "C")];
/// Set by git for its hooks, where they would say another repository. The index stays: in a hook it is the one that is about to be committed.
const REDIRECTING: &[&str] = &["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"];
/// In bytes: a name for each object of a large repository.
const LONGEST_ANSWER: u64 = 256 * 1024 * 1024;
const LONGEST_HEAD: u64 = 8 * 1024;
