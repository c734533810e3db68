//! How is a file of secrets replaced? Whole or not at all, and readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Puts a new file with this content in the place of the one at `path`, if there is one. Its folder must be there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft_name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    draft_name.push(format!(".{:016x}.new", draft_number()?));
    let draft = folder.join(draft_name);
    let replaced = write_new(&draft, content)
        .and_then(|()| fs::rename(&draft, path))
        // The name must be on the disk too, before anybody is told that the secret is safe there.
        .and_then(|()| File::open(folder)?.sync_all());
    if replaced.is_err() {
        // It is gone already if it was the folder that failed.
        let _gone = fs::remove_file(&draft);
    }
    replaced
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A number that no other draft has: neither another process's nor one left by a crash.
fn draft_number() -> io::Result<u64> {
    let mut number = [0; 8];
    aws_lc_rs::rand::fill(&mut number).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(u64::from_ne_bytes(number))
}
