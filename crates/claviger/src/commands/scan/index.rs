//! Which files does version control have? As the index of the repository says, read and not asked for: a scan starts nothing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// The names in the index of a repository; `None` where there is one that cannot be read. None yet is no name.
pub(super) fn names(root: &Path) -> Option<BTreeSet<Vec<u8>>> {
    let folder = root.join(".git");
    // A further working tree has a file that says where its folder is.
    let folder = match fs::read_to_string(&folder) {
        Ok(said) => root.join(said.strip_prefix("gitdir: ")?.trim()),
        Err(_) => folder,
    };
    let Ok(file) = File::open(folder.join("index")) else { return Some(BTreeSet::new()) };
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > LONGEST { None } else { parse(&bytes) }
}

/// The format of gitformat-index(5), versions 2 to 4.
fn parse(bytes: &[u8]) -> Option<BTreeSet<Vec<u8>>> {
    let version = number(bytes.get(4..8)?);
    if bytes.get(..4)? != b"DIRC" || !(2..=4).contains(&version) {
        return None;
    }
    let mut names = BTreeSet::new();
    let mut last: Vec<u8> = Vec::new();
    let mut at = 12;
    for _ in 0..number(bytes.get(8..12)?) {
        let start = at;
        let is_extended = number(bytes.get(at + 60..at + 62)?) & 0x4000 != 0;
        at += if is_extended { 64 } else { 62 };
        if version == 4 {
            let (drop, length) = distance(bytes.get(at..)?)?;
            at += length;
            last.truncate(last.len().checked_sub(drop)?);
        } else {
            last.clear();
        }
        let rest = bytes.get(at..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        last.extend_from_slice(rest.get(..length)?);
        at += length + 1;
        if version < 4 {
            // Padded to eight bytes, with one zero at least.
            at = start + (at - start).next_multiple_of(8);
        }
        names.insert(last.clone());
    }
    Some(names)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// How many bytes of the name before are dropped, in git's own encoding, and how long that is.
fn distance(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        value = if place == 0 { usize::from(byte & 0x7f) } else { ((value + 1) << 7) | usize::from(byte & 0x7f) };
        if byte & 0x80 == 0 {
            return Some((value, place + 1));
        }
    }
    None
}

/// In bytes: some hundred thousand files.
const LONGEST: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::{names, parse};

    #[test]
    fn every_version_of_the_index_is_read() {
        for version in ["2", "3", "4"] {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path();
            let git = |arguments: &[&str]| {
                let status = Command::new("git").arg("-C").arg(root).args(arguments).output().unwrap().status;
                assert!(status.success(), "{arguments:?}");
            };
            git(&["init", "-q"]);
            assert_eq!(names(root).unwrap().len(), 0);
            let files = ["a", "dir/aaaaaaa", "dir/aaaaaab", "dir/käse", "z"];
            fs::create_dir(root.join("dir")).unwrap();
            for name in files {
                fs::write(root.join(name), name).unwrap();
            }
            git(&["add", "."]);
            git(&["update-index", "--index-version", version]);
            let found = names(root).unwrap();
            assert_eq!(found.into_iter().collect::<Vec<_>>(), files.map(|name| name.as_bytes().to_vec()), "version {version}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_index() {
        assert!(parse(b"DIRC\0\0\0\x02\0\0\0\x01").is_none());
        assert!(parse(b"DIRC\0\0\0\x09\0\0\0\0").is_none());
        assert!(parse(b"DIRC\0\0\0\x02\xff\xff\xff\xff").is_none());
    }
}
