//! Does anything get out of the root? Each case runs with both openers.

use std::io::Read;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, mknodat};
use tempfile::TempDir;

use super::*;

/// A directory `root` with every trap in it, and beside it what must not be read.
fn trapped() -> (TempDir, std::path::PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let (root, outside) = (place.path().join("root"), place.path().join("outside"));
    std::fs::create_dir_all(root.join("directory/deeper")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), OUTSIDE).unwrap();
    std::fs::write(root.join("file"), INSIDE).unwrap();
    std::fs::write(root.join("directory/deeper/file"), INSIDE).unwrap();
    symlink(outside.join("file"), root.join("absolute_link")).unwrap();
    symlink("../outside/file", root.join("relative_link")).unwrap();
    symlink(&outside, root.join("directory_link")).unwrap();
    symlink("..", root.join("parent_link")).unwrap();
    symlink("file", root.join("inner_link")).unwrap();
    symlink("directory", root.join("inner_directory_link")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("missing", root.join("dangling")).unwrap();
    mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    drop(UnixListener::bind(root.join("socket")).unwrap());
    (place, root)
}

fn openers() -> Vec<Opener> {
    vec![
        #[cfg(target_os = "linux")]
        Opener::Kernel,
        Opener::Walk,
    ]
}

fn read(root: &Root, path: &str) -> Result<String, Refusal> {
    let (mut file, _) = root.file(&RelativePath::parse(path).unwrap())?;
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    Ok(text)
}

#[test]
fn plain_files_are_read() {
    let (_place, path) = trapped();
    for opener in openers() {
        let root = Root::open_by(opener, &path).unwrap();
        for file in ["file", "./file", "directory/deeper/file", "directory//deeper/./file"] {
            assert_eq!(read(&root, file).as_deref(), Ok(INSIDE), "{opener:?} {file}");
        }
    }
}

#[test]
fn links_pipes_and_sockets_are_refused() {
    let (_place, path) = trapped();
    for opener in openers() {
        let root = Root::open_by(opener, &path).unwrap();
        for (file, expected) in [
            ("absolute_link", Refusal::SymbolicLink),
            ("relative_link", Refusal::SymbolicLink),
            ("inner_link", Refusal::SymbolicLink),
            ("loop", Refusal::SymbolicLink),
            ("dangling", Refusal::SymbolicLink),
            ("directory_link/file", Refusal::SymbolicLink),
            ("parent_link/outside/file", Refusal::SymbolicLink),
            ("inner_directory_link/deeper/file", Refusal::SymbolicLink),
            ("directory/../file", Refusal::ParentPath),
            ("pipe", Refusal::NotRegularFile),
            ("socket", Refusal::NotRegularFile),
            ("directory", Refusal::Directory),
            ("", Refusal::Directory),
            ("file/file", Refusal::NotDirectory),
            ("pipe/file", Refusal::NotDirectory),
            ("missing", Refusal::NotFound),
            ("missing/file", Refusal::NotFound),
        ] {
            let opened = RelativePath::parse(file).and_then(|path| root.file(&path));
            assert_eq!(opened.err(), Some(expected), "{opener:?} {file}");
        }
    }
}

#[test]
fn linked_directories_are_neither_opened_nor_described() {
    let (_place, path) = trapped();
    for opener in openers() {
        let root = Root::open_by(opener, &path).unwrap();
        for directory in ["directory_link", "parent_link", "inner_directory_link", "parent_link/outside"] {
            let directory = RelativePath::parse(directory).unwrap();
            assert_eq!(root.directory(&directory).err(), Some(Refusal::SymbolicLink), "{opener:?} {directory}");
        }
        let link = root.state(&RelativePath::parse("absolute_link").unwrap()).unwrap();
        assert_eq!(FileType::from_raw_mode(link.st_mode), FileType::Symlink);
        let behind = root.state(&RelativePath::parse("directory_link/file").unwrap());
        assert_eq!(behind.err(), Some(Refusal::SymbolicLink));
    }
}

#[test]
fn a_link_as_the_root_itself_is_followed_once() {
    let (place, path) = trapped();
    let link = place.path().join("link_to_root");
    symlink(&path, &link).unwrap();
    let root = Root::open(&link).unwrap();
    std::fs::remove_file(&link).unwrap();
    symlink(place.path().join("outside"), &link).unwrap();
    assert_eq!(read(&root, "file").as_deref(), Ok(INSIDE));
}

#[test]
fn a_root_that_is_missing_or_a_file_is_refused() {
    let (_place, path) = trapped();
    for wrong in ["missing", "file", "pipe"] {
        assert!(matches!(Root::open(&path.join(wrong)), Err(OpenError::Unusable { .. })), "{wrong}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn devices_and_the_kernels_own_files_are_refused() {
    assert!(matches!(Root::open(Path::new("/proc/self")), Err(OpenError::KernelFiles { .. })));
    for opener in openers() {
        let root = Root::open_by(opener, Path::new("/")).unwrap();
        for (file, expected) in [
            ("dev/null", Refusal::NotRegularFile),
            ("dev/zero", Refusal::NotRegularFile),
            ("proc/version", Refusal::KernelFile),
            ("proc/1/environ", Refusal::KernelFile),
            ("proc/self/environ", Refusal::SymbolicLink),
        ] {
            let opened = root.file(&RelativePath::parse(file).unwrap());
            assert_eq!(opened.err(), Some(expected), "{opener:?} {file}");
        }
        let own = RelativePath::parse(&format!("proc/{}/root/etc", std::process::id())).unwrap();
        assert!(root.directory(&own).is_err(), "{opener:?}");
    }
}

/// Swaps two names as fast as it can while `attempt` runs many times.
#[cfg(target_os = "linux")]
fn while_swapping(one: &Path, other: &Path, mut attempt: impl FnMut()) {
    use rustix::fs::{RenameFlags, renameat_with};
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let _end = EndWhenDropped(&done);
        for _ in 0..5_000 {
            attempt();
        }
    });
}

/// Ends the swapping when an attempt panics, too.
#[cfg(target_os = "linux")]
struct EndWhenDropped<'flag>(&'flag AtomicBool);

#[cfg(target_os = "linux")]
impl Drop for EndWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_link_swapped_in_while_a_file_is_opened_never_leads_outside() {
    let (_place, path) = trapped();
    for opener in openers() {
        let root = Root::open_by(opener, &path).unwrap();
        while_swapping(&path.join("file"), &path.join("absolute_link"), || {
            assert_ne!(read(&root, "file").as_deref(), Ok(OUTSIDE));
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_link_swapped_in_for_a_directory_never_leads_outside() {
    let (place, path) = trapped();
    std::fs::write(path.join("directory/file"), INSIDE).unwrap();
    std::fs::create_dir(place.path().join("outside/deeper")).unwrap();
    std::fs::write(place.path().join("outside/deeper/file"), OUTSIDE).unwrap();
    for opener in openers() {
        let root = Root::open_by(opener, &path).unwrap();
        while_swapping(&path.join("directory"), &path.join("directory_link"), || {
            for file in ["directory/file", "directory/deeper/file"] {
                assert_ne!(read(&root, file).as_deref(), Ok(OUTSIDE));
            }
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_swapped_in_while_a_file_is_opened_is_never_read() {
    let (_place, path) = trapped();
    for opener in openers() {
        let root = Root::open_by(opener, &path).unwrap();
        while_swapping(&path.join("file"), &path.join("pipe"), || {
            assert!(matches!(read(&root, "file").as_deref(), Ok(INSIDE) | Err(Refusal::NotRegularFile)));
        });
    }
}

#[test]
fn a_pipe_is_not_even_opened() {
    let (_place, path) = trapped();
    let (pipe, opened) = (path.join("pipe"), AtomicBool::new(false));
    let root = Root::open(&path).unwrap();
    // Held to the end, so that the writer is let go whenever it comes.
    let mut reader = None;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Waits until somebody opens the other end.
            drop(std::fs::File::options().write(true).open(&pipe).unwrap());
            opened.store(true, Ordering::SeqCst);
        });
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert_eq!(read(&root, "pipe"), Err(Refusal::NotRegularFile));
        }
        let released = opened.load(Ordering::SeqCst);
        reader = Some(rustix::fs::open(&pipe, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap());
        assert!(!released);
    });
    assert!(reader.is_some());
}

#[test]
fn a_pipe_swapped_in_at_the_last_moment_is_refused_at_once() {
    let (_place, path) = trapped();
    let directory = std::fs::File::open(path).unwrap();
    let (answer, answered) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (name, expected) in
            [("pipe", Refusal::NotRegularFile), ("socket", Refusal::NotRegularFile), ("absolute_link", Refusal::SymbolicLink)]
        {
            answer.send((open_regular_file(directory.as_fd(), OsStr::new(name)).err(), expected)).unwrap();
        }
    });
    for _ in 0..3 {
        let (refusal, expected) = answered.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
        assert_eq!(refusal, Some(expected));
    }
}

const INSIDE: &str = "inside";
const OUTSIDE: &str = "outside";
