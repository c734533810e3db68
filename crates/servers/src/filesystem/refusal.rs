//! Why is a call refused? Words that the caller may read: no host path, no system detail.

use super::path::{LONGEST_PATH, MOST_NAMES};
use super::read::{FARTHEST_LINE_BYTES, MEBIBYTE};
use super::work::CALL_SECONDS;

/// A refusal, without the path it is about: the tool that answers puts that in front.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("an absolute path is refused; give a path relative to the root")]
    AbsolutePath,
    #[error("too many calls are waiting; try again")]
    Busy,
    #[error("the call was cancelled")]
    Cancelled,
    #[error("it is a directory; list_directory shows what is in it")]
    Directory,
    #[error("it cannot be read ({0})")]
    Io(rustix::io::Errno),
    #[error("it belongs to the running system (such as /proc or /sys) and is never read")]
    KernelFile,
    #[error("the line lies beyond the first {} MiB; read the end with `tail`", FARTHEST_LINE_BYTES / MEBIBYTE)]
    LineTooFar,
    #[error("not a directory")]
    NotDirectory,
    #[error("not found")]
    NotFound,
    #[error("not a regular file; devices, pipes and sockets are never opened")]
    NotRegularFile,
    #[error("not UTF-8 text")]
    NotText,
    #[error("a NUL byte is refused in a path")]
    NulInPath,
    #[error("`..` is refused; give a path from the root downwards")]
    ParentPath,
    #[error("a path has at most {LONGEST_PATH} bytes and {MOST_NAMES} names")]
    PathTooLong,
    #[error("the pattern is not a glob: {0}")]
    Pattern(globset::ErrorKind),
    #[error("a pattern has at most {0} bytes")]
    PatternTooLong(usize),
    #[error("permission denied")]
    PermissionDenied,
    #[error("files such as `{0}` may hold secrets; their contents are never given out")]
    Secret(&'static str),
    #[error("give only one of `head`, `tail` and `first_line` with `last_line`; the last line is not before the first")]
    Selection,
    #[error("it is, or lies behind, a symbolic link; links are listed but never followed")]
    SymbolicLink,
    #[error("the call took longer than {CALL_SECONDS} seconds")]
    TimedOut,
}

impl From<rustix::io::Errno> for Refusal {
    fn from(errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match errno {
            Errno::NOENT => Self::NotFound,
            Errno::NOTDIR => Self::NotDirectory,
            Errno::ISDIR => Self::Directory,
            // XDEV is openat2's word for an attempt to leave the root; only a link can make one here.
            Errno::LOOP | Errno::XDEV => Self::SymbolicLink,
            Errno::ACCESS | Errno::PERM => Self::PermissionDenied,
            Errno::NAMETOOLONG => Self::PathTooLong,
            // A pipe or socket without a partner, a device without a driver.
            Errno::NXIO | Errno::NODEV => Self::NotRegularFile,
            other => Self::Io(other),
        }
    }
}
