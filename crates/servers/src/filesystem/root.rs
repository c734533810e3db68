//! How is a file below the root opened, whatever links, pipes and devices lie there?
//!
//! Every open starts at the root's descriptor and follows no symbolic link in any name. On Linux one openat2(2) with
//! `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS` walks the directories; without it (an old kernel,
//! a seccomp filter, another Unix) each name is opened in turn with `O_NOFOLLOW`. There is no check that something
//! could be swapped after: what was opened is what is examined, and a link put in its place fails to open.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::path::RelativePath;
use super::refusal::Refusal;

/// The open directory that nothing leaves.
pub(super) struct Root {
    descriptor: OwnedFd,
    opener: Opener,
}

/// How the directories of a path are opened. Both refuse the same things.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opener {
    /// openat2(2), and [`Opener::Walk`] where the kernel does not offer it.
    #[cfg(target_os = "linux")]
    Kernel,
    /// One openat(2) with `O_NOFOLLOW` for each name.
    #[cfg_attr(all(target_os = "linux", not(test)), expect(dead_code, reason = "only the fallback, on Linux"))]
    Walk,
}

/// Why the root cannot be opened. For the operator, who wrote the path.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is part of /proc, /sys or the like, where files are the system's inside.
    #[error("`{}` belongs to the running system and cannot be served", root.display())]
    KernelFiles {
        /// As configured.
        root: PathBuf,
    },
    /// Missing, not a directory, or not permitted.
    #[error("the root `{}` cannot be opened", root.display())]
    Unusable {
        /// As configured.
        root: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Root {
    pub(super) fn open(root: &Path) -> Result<Self, OpenError> {
        #[cfg(target_os = "linux")]
        let opener = Opener::Kernel;
        #[cfg(not(target_os = "linux"))]
        let opener = Opener::Walk;
        Self::open_by(opener, root)
    }

    /// As [`Root::open`], with the opener chosen.
    pub(super) fn open_by(opener: Opener, root: &Path) -> Result<Self, OpenError> {
        let unusable = |errno: Errno| OpenError::Unusable { root: root.to_path_buf(), source: errno.into() };
        let descriptor = rustix::fs::open(root, DIRECTORY, Mode::empty()).map_err(unusable)?;
        match refuse_kernel_files(descriptor.as_fd()) {
            Ok(()) => Ok(Self { descriptor, opener }),
            Err(Refusal::Io(errno)) => Err(unusable(errno)),
            Err(_) => Err(OpenError::KernelFiles { root: root.to_path_buf() }),
        }
    }

    /// Opens a directory, for reading its entries or as the place to open one of them.
    pub(super) fn directory(&self, path: &RelativePath) -> Result<OwnedFd, Refusal> {
        let descriptor = match self.opener {
            _ if path.is_root() => rustix::fs::openat(&self.descriptor, ".", DIRECTORY, Mode::empty())?,
            #[cfg(target_os = "linux")]
            Opener::Kernel => self.directory_by_kernel(path)?,
            Opener::Walk => self.directory_by_walk(path)?,
        };
        refuse_kernel_files(descriptor.as_fd())?;
        Ok(descriptor)
    }

    /// Opens a regular file for reading; gives its state as it was when opened.
    pub(super) fn file(&self, path: &RelativePath) -> Result<(File, Stat), Refusal> {
        let (parent, name) = path.split().ok_or(Refusal::Directory)?;
        let directory = self.directory(&parent)?;
        // Opening a device or pipe can have effects of its own, so the kind is looked at before as well as after.
        // Whoever swaps it between the two gains nothing: O_NONBLOCK never waits, and the second look decides.
        require_regular_file(&rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?)?;
        open_regular_file(directory.as_fd(), name)
    }

    /// The state of an entry; of the link itself where it is one.
    pub(super) fn state(&self, path: &RelativePath) -> Result<Stat, Refusal> {
        let Some((parent, name)) = path.split() else { return Ok(rustix::fs::fstat(&self.descriptor)?) };
        Ok(rustix::fs::statat(self.directory(&parent)?, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    #[cfg(target_os = "linux")]
    fn directory_by_kernel(&self, path: &RelativePath) -> Result<OwnedFd, Refusal> {
        use rustix::fs::ResolveFlags;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.descriptor, path.as_path(), DIRECTORY, Mode::empty(), beneath) {
            // A seccomp filter that does not know the call answers PERM.
            Err(Errno::NOSYS | Errno::PERM) => self.directory_by_walk(path),
            opened => Ok(opened?),
        }
    }

    fn directory_by_walk(&self, path: &RelativePath) -> Result<OwnedFd, Refusal> {
        let mut names = path.names();
        let first = names.next().ok_or(Refusal::NotFound)?;
        let mut directory = step_down(self.descriptor.as_fd(), first)?;
        for name in names {
            directory = step_down(directory.as_fd(), name)?;
        }
        Ok(directory)
    }
}

/// Opens one directory by its name in another.
fn step_down(directory: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Refusal> {
    match rustix::fs::openat(directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
        // With O_DIRECTORY, Linux answers NOTDIR for a link too; look again, only to find the right words.
        Err(Errno::NOTDIR) => match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(state) if FileType::from_raw_mode(state.st_mode) == FileType::Symlink => Err(Refusal::SymbolicLink),
            _ => Err(Refusal::NotDirectory),
        },
        opened => Ok(opened?),
    }
}

/// Opens whatever has this name now, without waiting, and keeps it if it is a regular file.
fn open_regular_file(directory: BorrowedFd<'_>, name: &OsStr) -> Result<(File, Stat), Refusal> {
    let descriptor = rustix::fs::openat(directory, name, FILE, Mode::empty())?;
    let state = rustix::fs::fstat(&descriptor)?;
    require_regular_file(&state)?;
    refuse_kernel_files(descriptor.as_fd())?;
    Ok((File::from(descriptor), state))
}

fn require_regular_file(state: &Stat) -> Result<(), Refusal> {
    match FileType::from_raw_mode(state.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Refusal::Directory),
        FileType::Symlink => Err(Refusal::SymbolicLink),
        _ => Err(Refusal::NotRegularFile),
    }
}

/// Refuses what lies on a file system that shows the kernel's inside. The server lives in the door's own process, so
/// /proc/self would be the door's memory and environment.
#[cfg(target_os = "linux")]
fn refuse_kernel_files(descriptor: BorrowedFd<'_>) -> Result<(), Refusal> {
    let kind = rustix::fs::fstatfs(descriptor)?.f_type;
    let inside = u64::try_from(kind).is_ok_and(|kind| KERNEL_FILE_SYSTEMS.contains(&kind));
    if inside { Err(Refusal::KernelFile) } else { Ok(()) }
}

#[cfg(not(target_os = "linux"))]
fn refuse_kernel_files(_descriptor: BorrowedFd<'_>) -> Result<(), Refusal> {
    Ok(())
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Magic numbers of statfs(2), by name in `linux/magic.h`.
#[cfg(target_os = "linux")]
const KERNEL_FILE_SYSTEMS: [u64; 16] = [
    0x4249_4e4d, // BINFMTFS
    0xcafe_4a11, // BPF_FS
    0x0027_e0eb, // CGROUP
    0x6367_7270, // CGROUP2
    0x6265_6570, // CONFIGFS
    0x6462_6720, // DEBUGFS
    0x0000_1cd1, // DEVPTS
    0xde5e_81e4, // EFIVARFS
    0x6573_5543, // FUSE_CTL
    0x6e73_6673, // NSFS
    0x0000_9fa0, // PROC
    0x6165_676c, // PSTOREFS
    0x7363_6673, // SECURITYFS
    0xf97c_ff8c, // SELINUX
    0x6265_6572, // SYSFS
    0x7472_6163, // TRACEFS
];

#[cfg(test)]
mod tests;
